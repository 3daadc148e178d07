"""Every visible text is marked for translation: under a pseudo-language, what is not in brackets was forgotten."""

import ast
import gettext
import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import trans_real

from connections import hand_offs
from orgunits import audit, first_run, identity, invitations
from orgunits.audit_verbs import CATEGORIES
from orgunits.invitation_plans import keep_sheet
from orgunits.units import create_unit
from tests.guards.routes import House, build_house
from tests.people import make_company, make_user, signed_in

pytestmark = pytest.mark.django_db

OPENS, CLOSES = "⟦", "⟧"
CONTEXT = "\x04"

# What stands on pages and is nobody's language: data of this test, names of things outside, codes.
DATA = [
    r"[\w.+-]+@[\w.-]+",  # addresses
    r"https?://\S+",
    r"\b(app|con|mem|cal|key|inv|sht|hof|aud|usr|unit)_[0-9a-f]{24}\b",
    r"\b[\w-]+(\.[\w-]+)*\.example\b",
    r"\b[A-Z]\w+(/[A-Z]\w+)+\b|\bUTC([+-]\d+)?\b|\b[A-Z]{2,4}\b",  # zones, initials
    r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b",  # tenants and clients
    r"\b(openid|email|profile|Calendars(\.\w+)+|\.default|convoke-verify=\w+|_convoke\S*)\b",
    r"\b(Convoke|Kube|Stranger|Second|Olga|Carl|Emma|Sven|Ours|Sami|ours (plans|staging|production))\b",
    r"\b\d{21}\b|\b[A-Za-z0-9]{40}\b",  # client ids
]
SEEN_ATTRIBUTES = ("alt", "title", "placeholder", "aria-label", "data-label")


class Pseudo(gettext.NullTranslations):
    """Puts every text in brackets instead of translating it."""

    def __init__(self, real):
        super().__init__()
        self.real = real

    def __getattr__(self, name):
        return getattr(self.real, name)

    def gettext(self, message: str) -> str:
        return f"{OPENS}{message.split(CONTEXT)[-1]}{CLOSES}"

    def ngettext(self, one: str, many: str, number: int) -> str:
        return self.gettext(one if number == 1 else many)


class Visible(HTMLParser):
    """Texts a person reads or hears on a page."""

    SILENT = {"script", "style", "svg", "code", "bdi", "pre", "time", "textarea", "option"}

    def __init__(self):
        super().__init__()
        self.texts: list[str] = []
        self.silent: list[str] = []

    def handle_starttag(self, tag, attributes):
        if tag in self.SILENT:
            self.silent.append(tag)
        values = dict(attributes)
        self.texts += [values[name] for name in SEEN_ATTRIBUTES if values.get(name)]

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        if self.silent and self.silent[-1] == tag:
            self.silent.pop()

    def handle_data(self, data):
        if not self.silent and data.strip():
            self.texts.append(" ".join(data.split()))


def unmarked(html: str) -> list[str]:
    """The visible texts of a page that no translator would ever see."""
    page = Visible()
    page.feed(re.sub(r"<title>(.*?)</title>", r"<p>\1</p>", html, flags=re.S))
    return [text for text in page.texts if re.search(r"[^\W\d_]{2}", _rest(text))]


def _rest(text: str) -> str:
    while (less := re.sub(f"{OPENS}[^{OPENS}{CLOSES}]*{CLOSES}", " ", text)) != text:
        text = less
    for pattern in DATA:
        text = re.sub(pattern, " ", text)
    return text


@pytest.fixture
def in_brackets(monkeypatch):
    """The portal speaks the pseudo-language."""
    pseudo = Pseudo(trans_real.translation("en"))
    monkeypatch.setitem(trans_real._translations, "en", pseudo)
    monkeypatch.setattr(trans_real, "_default", pseudo)
    trans_real.activate("en")
    yield
    trans_real.deactivate()


def pages(house: House) -> Iterator[tuple[str, object]]:
    """Name and answer of the main pages, with their errors."""
    company, own = house.company, house.own
    create_unit("Second", by=company.olga, now=timezone.now())
    olga, slug = signed_in(company.olga), own.unit.slug
    for name in ("unit_home", "connections", "members", "audit_log"):
        yield name, olga.get(reverse(name, args=[slug]))
    yield "members, none found", olga.get(reverse("members", args=[slug]), {"q": "nobodyatall"})
    for name in ("applications", "application_new"):
        yield name, olga.get(reverse(name, args=[slug]))
    yield "application_new, wrong", olga.post(reverse("application_new", args=[slug]), {"redirect_uris": "x"})
    yield "applications, none found", olga.get(reverse("applications", args=[slug]), {"q": "nothing"})
    for name in ("application", "application_edit", "application_secrets", "application_states"):
        yield name, olga.get(reverse(name, args=[slug, own.application.public_id]))
    for name in ("application_logo_change", "application_archive"):
        yield name, olga.get(reverse(name, args=[slug, own.application.public_id]))
    for row in (own.google, own.microsoft, own.elsewhere):
        for name in ("connection", "set_up", "connection_disconnect", "connection_progress", "key_add"):
            yield (
                f"{name} of {row.provider}",
                olga.get(reverse(name, args=[slug, row.public_id]), follow=True),
            )
    for name in ("directory", "directory_people", "directory_groups", "directory_rooms", "set_up", "key_add"):
        yield name, olga.get(reverse(name, args=[slug, own.directory.public_id]), follow=True)
    yield (
        "directory_disconnect",
        olga.get(reverse("directory_disconnect", args=[slug, own.directory.public_id])),
    )
    by_file, file = own.file_directory.public_id, own.unit.directory_sheets.get().public_id
    for name in ("directory", "directory_upload", "directory_people", "directory_disconnect"):
        yield f"{name} by file", olga.get(reverse(name, args=[slug, by_file]))
    yield "directory_file", olga.get(reverse("directory_file", args=[slug, by_file, file]))
    yield "directory_start", olga.get(reverse("directory_start", args=[slug]), {"asked": 1})
    for provider in ("google", "microsoft", "csv"):
        path = reverse("directory_check", args=[slug, provider])
        yield "directory_check", olga.get(path, {"administrator": "no"})
    yield "integrations", olga.get(reverse("integrations", args=[slug]))
    for name in ("invite", "invitations"):
        yield name, olga.get(reverse(name, args=[slug]))
    yield "invite, wrong", olga.post(reverse("invite", args=[slug]), {"role": "x"})
    sheet = keep_sheet(
        own.unit, "x\nf@x.example\nf@x.example", default_role="employee", by=company.olga, now=timezone.now()
    )
    yield "invitation_sheet", olga.get(reverse("invitation_sheet", args=[slug, sheet.public_id]))
    yield "identities", olga.get(reverse("identities", args=[slug, own.elsewhere.public_id]))
    yield "member_address", olga.get(reverse("member_address", args=[slug, own.member.public_id]))
    invitation = own.unit.invitations.get()
    question = identity.ask(own.member, by=company.olga, now=timezone.now())
    for visitor in (Client(), olga):
        yield "invitation", visitor.get(reverse("invitation", args=[invitations.token(invitation)]))
    yield "confirm_identity", Client().get(reverse("confirm_identity", args=[identity.token(question)]))
    identity.forget(own.member, now=timezone.now())
    invitations.revoke(invitation, by=company.olga, now=timezone.now())
    yield "invitation, over", Client().get(reverse("invitation", args=[invitations.token(invitation)]))
    yield "confirm_identity, over", Client().get(reverse("confirm_identity", args=[identity.token(question)]))
    google = [slug, own.google.public_id]
    yield "domain_add, wrong", olga.post(reverse("domain_add", args=google), {"domain": "no domain"})
    yield "key_add, wrong", olga.post(reverse("key_add", args=google), {"key_json": "no key"})
    wizard = "?administrator=yes"
    yield "connect_start", olga.get(reverse("connect_start", args=[slug]))
    yield "connect_service", olga.get(reverse("connect_service", args=[slug]) + wizard)
    for provider in ("google", "microsoft"):
        yield "connect_mode", olga.get(reverse("connect_mode", args=[slug, provider]) + wizard)
    for provider, mode in (("google", "read_write"), ("microsoft", "free_busy"), ("none", "no_access")):
        path = reverse("connect_check", args=[slug, provider, mode]) + wizard
        yield f"connect_check {provider}", olga.get(path)
    emma = company.member(company.emma).public_id
    for member in (own.member.public_id, emma):
        yield "member", olga.get(reverse("member", args=[slug, member]))
        yield "member_settings", olga.get(reverse("member_settings", args=[slug, member]))
    wrong = {"time_zone": "Mars", "starts": "17:00", "ends": "09:00"}
    yield "member_settings, wrong", olga.post(reverse("member_settings", args=[slug, emma]), wrong)
    yield "own calendar", signed_in(company.emma).get(reverse("member", args=[slug, emma]))
    yield "front_door", olga.get(reverse("front_door"))
    yield "front_door of nobody", signed_in(make_user("Sami", "sami@x.example")).get(reverse("front_door"))
    yield "preferences", olga.get(reverse("preferences"))
    yield "unit_new", signed_in(make_user("Sami", "s@x.example", is_staff=True)).get(reverse("unit_new"))
    yield "403", signed_in(company.emma).get(reverse("members", args=[slug]))
    yield "404", olga.get("/ou/nobody/")
    yield "callback", olga.get(reverse("callback_google"), {"state": "made up"})
    _row, token = hand_offs.create_link(own.google, by=company.olga, now=timezone.now())
    holder = Client()
    yield "hand_off", holder.get(reverse("hand_off", args=[token]))
    holder.post(reverse("hand_off", args=[token]))
    yield "hand_off_set_up", holder.get(reverse("hand_off_set_up"))
    yield "hand_off, elsewhere", Client().get(reverse("hand_off", args=[token]))
    yield "sign-in", Client().get(reverse("account_login"))


def test_every_text_of_the_main_pages_is_marked(providers, in_brackets):
    house = build_house(make_company())

    forgotten = {}
    for name, answer in pages(house):
        html = answer.content.decode()
        assert answer.status_code < 500, name
        assert html.count(OPENS) > 3 or "progress" in name, f"{name} is not in the pseudo-language"
        if found := unmarked(html):
            forgotten[name] = found

    assert forgotten == {}


def test_the_first_page_of_an_installation_is_marked(in_brackets, client):
    html = client.get(first_run.link().removeprefix("http://localhost")).content.decode()

    assert html.count(OPENS) > 3
    assert unmarked(html) == []


VERB = re.compile(rf"({'|'.join(part for _name, parts in CATEGORIES.values() for part in parts)})\.[a-z_]+\Z")


def recorded_verbs() -> set[str]:
    """The verbs that stand in the portal's code: in calls of `audit.record`, and handed on to one."""
    found = set()
    for app in ("config", "orgunits", "connections", "scheduling", "provisioning"):
        for path in (settings.BASE_DIR / app).rglob("*.py"):
            if path.name == "audit_verbs.py" or {"providers", "sandbox"} & set(path.parts):
                continue  # there, words like these are names of calls
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and VERB.match(node.value):
                    found.add(node.value)
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "audit.record":
                    found |= {verb.value for verb in [node.args[1]] if isinstance(verb, ast.Constant)}
    return found


def test_every_verb_of_the_audit_log_has_words_and_no_words_are_left_over():
    assert recorded_verbs() == set(audit.VERBS)


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ("<p>Forgotten</p>", ["Forgotten"]),
        ("<p>⟦Marked⟧</p>", []),
        ("<p>⟦Marked⟧ and forgotten</p>", ["⟦Marked⟧ and forgotten"]),
        ("<p>⟦Outer ⟦inner⟧ text⟧ 42 olga@kube.example</p>", []),
        ('<img alt="Forgotten">', ["Forgotten"]),
        ("<script>let forgotten</script>", []),
    ],
)
def test_the_search_finds_what_is_not_marked(html, found):
    assert unmarked(html) == found
