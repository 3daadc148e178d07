"""Nothing that anybody types, plants or sends makes a page stumble: odd input is answered, never with a 500."""

from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from urllib.parse import quote

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connections import hand_offs
from tests.guards.routes import House, Route, address, good_input, routes_of

FORGED_KEYS = [
    urlsafe_b64encode(text).decode()
    for text in (
        b'["a", 1]',
        b'["a\\u0000", 1]',
        b'["a", "b", 99999999999999999999]',
        b"[1e999]",
        b"[true]",
        b"[null, null]",
        b"[[1], {}]",
        b'["\\ud800", 1]',
        b"[" * 5000,
        b"9" * 5000,
        b"NaN",
        b"{}",
        b"\xff\xfe",
    )
]
ODD_WEEKS = [
    "0001-01-01", "9999-12-31", "2026-W53-1", "2025-W53", "2026-02-30", "-2026-01-05", "+2026-01-05", "20261116",
    "٢٠٢٦-١١-١٦", "２０２６-１１-１６", "2026-11-16T00:00:00Z", "0000-00-00", "1926-01-01", "2126-12-31", "9" * 400,
]  # fmt: skip
ODD_VALUES = [
    "", "\0", "a\0b", "x" * 10_000, "é" * 10_000, "-1", "9" * 400, "1e999", "NaN", "%", "_", "\\", "'\"><", "\ud7ff",
    "\u202e", "\ufeff", "{{7*7}}", "../../etc/passwd", "٣", "00:00", "24:00", "con_", "[]",
]  # fmt: skip
NASTY = ["", "\0", "a\0b", "x" * 10_000, "9" * 400, "\u202e'\"><", "../../etc/passwd", "٣", "24:00"]
RAW = [
    "%ff%fe",
    "%ed%a0%80",
    "%",
    "%zz",
    "%C0%AF",
    "&&&==;;",
    "=",
    "%00=%00",
]  # no valid UTF-8, no valid query
PARAMETERS = ["week", "after", "sort", "q", "host", "connection", "state", "mode", "provider"]
PARAMETERS += ["asked", "next", "code", "error", "tenant", "admin_consent", "error_description"]
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND")
BODIES = {
    "none": (b"", ""),
    "json": (b'{"domain": 1', "application/json"),
    "xml": (b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>", "application/xml"),
    "form without boundary": (b"--x\r\n", "multipart/form-data"),
    "form with an odd boundary": (b"--x\r\n", "multipart/form-data; boundary=\xe9"),
    "form cut off": (
        b'--x\r\nContent-Disposition: form-data; name="domain"\r\n\r\na',
        "multipart/form-data; boundary=x",
    ),
    "a file for a field": (
        b'--x\r\nContent-Disposition: form-data; name="domain"; filename="a\0b"\r\n\r\na\r\n--x--\r\n',
        "multipart/form-data; boundary=x",
    ),
    "another alphabet": (b"domain=%E9", "application/x-www-form-urlencoded; charset=utf-7"),
    "no alphabet": (b"domain=%E9", "application/x-www-form-urlencoded; charset=nonsense"),
    "bytes": (b"\xff\xfe\0=\xff&calendar[]=\0", "application/x-www-form-urlencoded"),
    "too many fields": (b"&".join(b"a%d=1" % n for n in range(1500)), "application/x-www-form-urlencoded"),
}  # fmt: skip
ODD_HEADERS = {
    "HTTP_ACCEPT_LANGUAGE": "x" * 5000,
    "HTTP_REFERER": "http://[::1",
    "HTTP_HX_REQUEST": "true",
    "HTTP_HX_CURRENT_URL": "http://[::1",
    "HTTP_HX_TRIGGERING_EVENT": "{",
    "HTTP_X_FORWARDED_PROTO": "gopher",
    "HTTP_IF_MODIFIED_SINCE": "yesterday",
    "HTTP_RANGE": "bytes=9-1",
    "HTTP_ACCEPT": "\xff",
}


def signed_in(user) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def holder(house: House) -> Client:
    """Who started a hand-off link."""
    _row, token = hand_offs.create_link(house.own.microsoft, by=house.company.olga, now=timezone.now())
    client = Client(raise_request_exception=False)
    client.post(reverse("hand_off", args=[token]))
    assert client.get(reverse("hand_off_set_up")).status_code == 200
    return client


def status(client: Client, method: str, path: str, body: bytes = b"", kind: str = "", **headers) -> int:
    """The status of one request, read to its end, whose effects are taken back."""
    with transaction.atomic():
        answer = client.generic(method, path, body, content_type=kind, **headers)
        if answer.streaming:
            b"".join(answer.streaming_content)
        transaction.set_rollback(True)
    return answer.status_code


def walk(house: House) -> Iterator[tuple[Route, str, Client]]:
    """Every page of ours with its address here, and who may open it."""
    olga, link = signed_in(house.company.olga), holder(house)
    for route in routes_of("unit"):
        yield route, address(route, house.own.values(route)), olga
    for route in [*routes_of("signed_in"), *routes_of("everyone")]:
        path = reverse(route.name, args=["made-up" for _ in route.parameters])
        yield route, path, link if route.name.startswith("hand_off") else olga


def some(values: Sequence, turn: int) -> Sequence:
    """A quarter of `values`, another one at each turn: over all pages together each value comes many times."""
    return values[turn % 4 :: 4]


def every(values: Sequence, turn: int) -> Sequence:
    return values


MANY = pytest.mark.parametrize("of", [some, pytest.param(every, marks=pytest.mark.soak)])


def as_query(name: str, value: str) -> str:
    return f"{quote(name)}={quote(value)}"


def queries() -> Iterator[str]:
    """Something odd in every parameter that any page reads."""
    for n, value in enumerate(ODD_VALUES):
        odd = dict.fromkeys(PARAMETERS, value)
        odd |= {"week": ODD_WEEKS[n % len(ODD_WEEKS)], "after": FORGED_KEYS[n % len(FORGED_KEYS)]}
        yield "&".join(as_query(*pair) for pair in odd.items())
    yield from ("&".join(f"{name}={raw}" for name in PARAMETERS) for raw in RAW)
    yield "&".join(f"{name}[]=a&{name}[b]=c&{name}=d&{name}=e" for name in PARAMETERS)


@MANY
def test_no_odd_address_makes_a_page_stumble(house, of):
    asked = [f"administrator=yes&{query}" for query in queries()]
    stumbled = [
        (route.name, query[:200])
        for turn, (route, path, client) in enumerate(walk(house))
        for query in of(asked, turn)
        if status(client, "GET", f"{path}?{query}") >= 500
    ]

    assert stumbled == []


@pytest.mark.parametrize("week", ODD_WEEKS)
def test_an_odd_week_is_answered_with_a_week(house, week):
    path = reverse("member", args=[house.own.unit.slug, house.own.member.public_id])

    page = signed_in(house.company.olga).get(path, {"week": week})

    assert page.status_code == 200
    assert page.context["monday"].weekday() == 0


@pytest.mark.parametrize("key", FORGED_KEYS)
@pytest.mark.parametrize("name", ["members", "audit_log"])
def test_a_forged_key_of_a_page_shows_the_first_page(house, name, key):
    client, path = signed_in(house.company.olga), reverse(name, args=[house.own.unit.slug])

    forged, first = (client.get(path, {"after": after}).context for after in (key, ""))

    rows = "members" if name == "members" else "events"
    assert [str(row) for row in forged[rows]] == [str(row) for row in first[rows]]


def test_no_filter_alone_makes_the_list_stumble(house):
    client = signed_in(house.company.olga)
    stumbled = [
        (name, field, value[:50])
        for name in ("members", "members_export")
        for field in ("q", "host", "connection", "state", "mode", "sort", "after")
        for value in [*ODD_VALUES, "failing:", "failing:\0", "several:x", "-", "pk", "unit__slug"]
        if status(client, "GET", f"{reverse(name, args=[house.own.unit.slug])}?{as_query(field, value)}")
        >= 500
    ]

    assert stumbled == []


@MANY
def test_no_method_makes_a_page_stumble(house, of):
    stumbled = [
        (route.name, method)
        for turn, (route, path, client) in enumerate(walk(house))
        for method in of(METHODS, turn)
        if status(client, method, path, **ODD_HEADERS) >= 500
    ]

    assert stumbled == []


@MANY
def test_no_body_makes_a_page_stumble(house, of):
    stumbled = [
        (route.name, name)
        for turn, (route, path, client) in enumerate(walk(house))
        for name, (body, kind) in of([*BODIES.items()], turn)
        if status(client, "POST", f"{path}?administrator=yes", body, kind) >= 500
    ]

    assert stumbled == []


FORMS = {
    "preferences": {"first_name": "Olga", "last_name": "O", "time_zone": "UTC"},
    "unit_new": {"name": "New", "shape": "customer"},
    "connect_check": {"domains": "a.example"},
}


@MANY
def test_no_value_of_a_field_makes_a_page_stumble(house, of):
    stumbled, turn = [], 0
    for route, path, client in walk(house):
        good = FORMS.get(route.name) or good_input(route, house.own)
        for field in good or ["anything"]:
            turn += 1
            for values in of([*NASTY, NASTY, []], turn):
                with transaction.atomic():
                    answer = client.post(f"{path}?administrator=yes", {**good, field: values})
                    transaction.set_rollback(True)
                if answer.status_code >= 500:
                    stumbled.append((route.name, field, str(values)[:50]))

    assert stumbled == []


@MANY
def test_no_part_of_an_address_makes_a_page_stumble(house, of):
    client, stumbled, turn = signed_in(house.company.olga), [], 0
    for route in [*routes_of("unit"), *routes_of("everyone")]:
        unit = route.rule.audience == "unit"
        values = house.own.values(route) if unit else dict.fromkeys(route.parameters, "a")
        for part in route.parameters:
            turn += 1
            for value in of(NASTY[1:], turn):
                marked = address(route, {**values, part: "zzz"})
                path = marked.replace("zzz", quote(value, safe=""), 1)
                stumbled += [
                    (route.name, part, value[:50])
                    for method in ("GET", "POST")
                    if status(client, method, f"{path}?administrator=yes") >= 500
                ]

    assert stumbled == []


def test_no_cookie_makes_a_page_stumble(house):
    stumbled = []
    for name in ("sessionid", "csrftoken", "messages", "django_language"):
        for value in ("\\000", "x" * 5000, '"', "é", "a:b:c", "..", "\\377"):
            client = Client(raise_request_exception=False)
            for path in (
                "/",
                reverse("account_login"),
                reverse("callback_google"),
                reverse("hand_off_set_up"),
            ):
                header = f"{name}={value}".encode().decode("latin-1")
                if status(client, "GET", path, HTTP_COOKIE=header) >= 500:
                    stumbled.append((name, value[:20], path))

    assert stumbled == []
