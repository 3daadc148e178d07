"""Pages load nothing from elsewhere, run nothing inline, and say so to the browser on every route and status."""

import re
from html.parser import HTMLParser

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from connections import hand_offs
from tests.guards.routes import address, build_house, routes, routes_of
from tests.guards.test_texts import pages
from tests.people import make_company, make_user

LOADS = {
    "script": ("src",),
    "link": ("href",),
    "img": ("src", "srcset"),
    "iframe": ("src",),
    "source": ("src", "srcset"),
    "video": ("src", "poster"),
    "audio": ("src",),
    "object": ("data",),
    "embed": ("src",),
    "use": ("href", "xlink:href"),
    "input": ("src",),
}
POLICY = {
    "default-src": {"'self'"},
    "img-src": {"'self'", "data:"},
    "object-src": {"'none'"},
    "base-uri": {"'none'"},
    "frame-ancestors": {"'none'"},
}


class Loads(HTMLParser):
    """What a browser would fetch for a page, and what it would run or style inline."""

    def __init__(self):
        super().__init__()
        self.fetched: list[str] = []
        self.inline: list[str] = []
        self._script = False

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.fetched += [values[name] for name in LOADS.get(tag, ()) if values.get(name)]
        self.inline += [f"<{tag} {name}>" for name in values if name == "style" or name.startswith("on")]
        self.inline += [
            f"{tag} {value}" for value in values.values() if (value or "").startswith("javascript:")
        ]
        if tag == "style":
            self.inline.append("<style>")
        is_data = values.get("type") in {"application/json", "text/template"}
        self._script = tag == "script" and "src" not in values and not is_data

    def handle_data(self, data):
        if self._script and data.strip():
            self.inline.append(f"<script>{data[:40]}")

    def handle_endtag(self, tag):
        self._script = False


def loads(html: str) -> Loads:
    page = Loads()
    page.feed(html)
    return page


def policy_of(answer) -> dict[str, set[str]]:
    parts = [part.split() for part in answer.headers["Content-Security-Policy"].split(";") if part.strip()]
    return {name: set(values) for name, *values in parts}


def signed_in(user) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


@pytest.mark.django_db
def test_no_page_loads_anything_from_elsewhere_or_runs_anything_inline(providers):
    seen = 0

    for name, answer in pages(build_house(make_company())):
        page = loads(answer.content.decode())
        outside = [url for url in page.fetched if re.match(r"(https?:)?//", url)]
        assert not outside, (name, outside)
        assert not page.inline, (name, page.inline)
        seen += len(page.fetched)
    assert seen > 100


@pytest.mark.django_db
def test_every_route_and_status_carries_the_headers(providers):
    """Every address, as visitor, stranger, employee and Ops Admin; looking and posting."""
    house = build_house(make_company())
    _row, token = hand_offs.create_link(house.own.google, by=house.company.olga, now=timezone.now())
    staff = make_user("Sami", "sami@x.example", is_staff=True, is_superuser=True)
    clients = {
        "visitor": Client(raise_request_exception=False),
        "stranger": signed_in(house.company.sven),
        "employee": signed_in(house.company.emma),
        "ops admin": signed_in(house.company.olga),
        "staff": signed_in(staff),
    }
    paths = [address(route, house.own.values(route)) for route in routes_of("unit")]
    paths += [
        reverse(route.name)
        for route in routes()
        if route.name
        and not route.parameters
        and "(?P" not in route.path
        and not route.path.startswith("admin/")
    ]
    paths += ["/admin/", "/admin/login/", "/nowhere/", reverse("hand_off", args=[token]), "/first-run/x/"]
    statuses = set()

    for path in paths:
        for who, client in clients.items():
            for method in ("GET", "POST"):
                if "logout" in path:
                    continue
                answer = client.generic(method, path)
                statuses.add(answer.status_code)
                policy = policy_of(answer)
                where = (path, who, method, answer.status_code)
                assert answer.status_code < 500, where
                for name, values in POLICY.items():
                    assert policy.get(name) == values, where
                assert "'unsafe-inline'" not in str(policy), where
                assert "'unsafe-eval'" not in str(policy), where
                assert answer.headers["X-Content-Type-Options"] == "nosniff", where
                assert answer.headers["Referrer-Policy"] == "same-origin", where
                assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin", where
                assert answer.headers["X-Frame-Options"] == "DENY", where
                if who != "visitor":
                    assert "no-store" in answer.headers["Cache-Control"], where

    assert {200, 302, 400, 403, 404, 405, 422} <= statuses


def test_forms_may_only_lead_here_and_to_the_consent_pages_in_use():
    origins = {url.split("/", 3)[2] for url in (settings.GOOGLE_ACCOUNTS_URL, settings.MICROSOFT_LOGIN_URL)}

    answer = Client().get(reverse("live"))

    allowed = policy_of(answer)["form-action"]
    assert {value.split("//")[-1] for value in allowed} == {"'self'", *origins}


@pytest.mark.django_db
def test_a_page_that_breaks_says_nothing_and_keeps_the_headers(monkeypatch):
    company = make_company()
    client = signed_in(company.olga)

    def breaks(*args, **kwargs):
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr("config.home.checklist.steps", breaks)
    answer = client.get(reverse("unit_home", args=[company.unit.slug]))

    assert answer.status_code == 500
    assert b"secret of the inside" not in answer.content
    assert b"RuntimeError" not in answer.content
    assert policy_of(answer)["default-src"] == {"'self'"}
    page = loads(answer.content.decode())
    assert not page.inline
    assert not [url for url in page.fetched if re.match(r"(https?:)?//", url)]


@pytest.mark.django_db
def test_a_form_without_its_token_is_refused_everywhere():
    company = make_company()
    client = Client(enforce_csrf_checks=True)
    client.force_login(company.olga)

    for route in routes_of("unit", "application"):
        path = address(route, dict.fromkeys(route.parameters, "x") | {"slug": company.unit.slug})
        assert client.post(path).status_code == 403, path
    assert company.unit.connections.calendars().count() == 0


@pytest.mark.django_db
@override_settings(
    SECURE_SSL_REDIRECT=True,
    SECURE_HSTS_SECONDS=31_536_000,
    SECURE_HSTS_INCLUDE_SUBDOMAINS=True,
    SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
)
def test_over_https_browsers_are_told_to_stay_there(client):
    assert client.get(reverse("account_login")).status_code == 301

    answer = client.get(reverse("account_login"), headers={"x-forwarded-proto": "https"})

    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000; includeSubDomains")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "http:evil.example",
        "javascript:alert(1)",
        "https://localhost@evil.example/",
        " https://evil.example/",
        "/\t/evil.example",
    ],
)
def test_signing_in_leads_to_no_other_site(client, target):
    assert sign_in(client, target) == settings.LOGIN_REDIRECT_URL


@pytest.mark.django_db
def test_signing_in_leads_back_to_the_page_that_was_asked_for(client):
    assert sign_in(client, "/preferences/?x=1") == "/preferences/?x=1"


def sign_in(client: Client, target: str) -> str:
    """Where a person is led who signs in on the way to `target`."""
    olga = make_user("Olga", "olga@x.example")
    EmailAddress.objects.create(user=olga, email=olga.email, verified=True, primary=True)
    form = {"login": olga.email, "password": "pw-of-a-test-1", "next": target}
    return client.post(reverse("account_login"), form).headers["Location"]


def test_the_search_finds_what_is_wrong():
    page = loads(
        '<script src="https://cdn.example/x.js"></script><p onclick="x()" style="color:red"></p>'
        "<script>alert(1)</script><style>p{}</style><a href='javascript:x'></a>"
    )

    assert page.fetched == ["https://cdn.example/x.js"]
    assert len(page.inline) == 5


def test_our_own_stylesheets_and_scripts_name_nothing_outside():
    for path in [
        *(settings.BASE_DIR / "static").rglob("*.css"),
        *(settings.BASE_DIR / "static").rglob("*.js"),
    ]:
        assert not re.search(r"(url\(|import|fetch\()\s*['\"]?(https?:)?//", path.read_text()), path.name


def test_the_middleware_stands_before_everything_that_can_answer():
    names = [name.split(".")[-1] for name in settings.MIDDLEWARE]

    assert names[0] == "SecurityMiddleware"
    assert names.index("CSPMiddleware") < names.index("SessionMiddleware")
