"""Redirect URIs: which are refused and why, and compared letter by letter."""

import pytest

from orgunits.redirect_uris import origins, problems
from tests.orgunits.integrators import make

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example/callback",
        "https://app.example",
        "https://app.example:8443/cb?tenant=a&b=%20",
        "https://intranet/cb",
        "https://xn--bcher-kva.example/cb",
        "https://192.0.2.7/cb",
        "https://[2001:db8::1]:8443/cb",
        f"https://app.example/{'a' * 479}",
    ],
)
def test_an_exact_https_address_is_good(uri):
    assert problems(uri, plain_http=False) == []


@pytest.mark.parametrize(
    "uri",
    [
        "http://app.example/cb",
        "http://localhost/cb",
        "HTTPS://app.example/cb",
        "https://App.example/cb",
        "https://app.example/cb#",
        "https://app.example/cb#part",
        "https://*.app.example/cb",
        "https://app.example/*",
        "https://user@app.example/cb",
        "https://user:word@app.example/cb",
        "https://app.example@evil.example/cb",
        "https://app.example\\@evil.example/cb",
        "https://app.example:0/cb",
        "https://app.example:99999/cb",
        "https://app.example:/cb",
        "https://app.example./cb",
        "https://-app.example/cb",
        "https://app_one.example/cb",
        "https://bücher.example/cb",
        "https://app.example/ü",
        "https://app.example/a b",
        "https://app.example/a/../b",
        "https://app.example/a\tb",
        "https://app.example/a\u200bb",
        "https:///cb",
        "https:app.example",
        "//app.example/cb",
        "app.example/cb",
        "/cb",
        "javascript:alert(1)",
        "data:text/html,x",
        "com.example.app:/cb",
        "https://[::1/cb",
        "https://[zz]/cb",
        f"https://app.example/{'a' * 481}",
    ],
)
def test_everything_else_is_refused_with_its_line(uri):
    (said,) = problems(f"https://good.example/cb\n\n{uri}", plain_http=False)

    assert said.startswith("Line 3: ")


@pytest.mark.parametrize("uri", ["http://localhost:3000/cb", "http://127.0.0.1/cb", "https://app.example/"])
def test_plain_http_reaches_this_machine_alone_and_only_in_development(uri):
    assert problems(uri, plain_http=True) == []
    assert problems("http://app.example/cb", plain_http=True) == [
        "Line 1: https only, or http to localhost or 127.0.0.1."
    ]
    assert problems("http://localhost.evil.example/cb", plain_http=True) != []
    assert problems("http://127.0.0.1.evil.example/cb", plain_http=True) != []
    assert problems("http://localhost@evil.example/cb", plain_http=True) != []


def test_all_that_is_wrong_is_said_at_once_and_a_second_time_the_same_is_wrong():
    assert problems("ftp://a.example\nhttps://a.example/\nhttps://a.example/", plain_http=False) == [
        "Line 1: https only. Plain http is for applications in development, on localhost.",
        "Line 3: the same address stands in line 2.",
    ]


def test_there_are_at_most_twenty():
    many = "\n".join(f"https://a.example/{n}" for n in range(21))

    assert problems(many, plain_http=False) == ["At most 20 addresses."]


def test_a_redirect_is_compared_letter_by_letter(tools):
    row, _secret = make(tools, redirect_uris=["https://a.example/cb", "http://127.0.0.1:3000/cb"])

    assert row.redirect_uri_allowed("https://a.example/cb")
    for other in (
        "https://a.example/cb/",
        "https://a.example/cb?x=1",
        "https://a.example/CB",
        "http://127.0.0.1:3001/cb",
        "https://a.example/cb http://127.0.0.1:3000/cb",
        "",
    ):
        assert not row.redirect_uri_allowed(other), other


def test_an_origin_is_scheme_host_and_port():
    assert origins(["https://a.example/x", "https://a.example/y", "https://a.example:1/y"]) == {
        "https://a.example",
        "https://a.example:1",
    }
