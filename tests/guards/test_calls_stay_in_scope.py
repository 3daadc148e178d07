"""Every call the portal makes in a mode stays within what that mode was granted: the log of outgoing calls, and the
sandbox's own, held against tests/contracts/access_modes.json."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings

from connections import calendar_connections, health_runs
from connections.models import CalendarConnection, PushChannel
from connections.modes import CAPABILITIES
from connections.personal_grants import withdraw
from connections.providers.microsoft.oauth import DEFAULT_SCOPE
from tests.connections.personal import Personal
from tests.connections.reading import read_now
from tests.contracts import Contracts
from tests.people import make_company
from tests.providers.announced import Announced
from tests.providers.wire import BEYOND

pytestmark = pytest.mark.django_db(transaction=True)

CONTRACT = json.loads((Path(settings.BASE_DIR) / "tests/contracts/access_modes.json").read_text())
# Signing in, tokens and consent: asked of the provider's doors and not of its calendars.
DOORS = {
    "google.token", "google.revoke", "oauth2.tokeninfo", "google.authorize",
    "microsoft.token", "microsoft.authorize", "microsoft.adminconsent",
}  # fmt: skip
# The contract lists no permission that is documented for it, and says that this one is seen to work.
SEEN_TO_WORK = {
    ("microsoft", "read_write"): {
        f"subscriptions.{what}" for what in ("create", "update", "delete", "reauthorize")
    }
}
G = "https://www.googleapis.com/auth/"
TOKENS = {
    ("google", "read_write"): {f"{G}calendar"},
    ("google", "free_busy"): {f"{G}calendar.calendarlist.readonly", f"{G}calendar.events.freebusy"},
    ("microsoft", "read_write"): {"Calendars.ReadWrite"},
    ("microsoft", "free_busy"): {"Calendars.ReadBasic.All"},
}
READING = [of for of, can in CAPABILITIES.items() if can.reads_calendars]


def contract_of(provider: str, mode: str) -> dict:
    """What the contract says of calendars in this mode."""
    (one,) = [
        one
        for one in CONTRACT["modes"]
        if (one["provider"], one["service"], one["mode"]) == (provider, "calendar", mode)
    ]
    return one


def granted_in(provider: str, mode: str) -> set[str]:
    one = contract_of(provider, mode)
    return {*one.get("delegation_scopes", ()), *one.get("application_roles", ())}


def enough_for(operation) -> set[str]:
    """The scopes of which the provider wants one, as its own description says."""
    spec = operation.spec
    return {*spec.get("x-google-scopes", ()), *spec.get("x-application-permissions", ())}


def overreach(line: dict, provider: str, mode: str) -> str:
    """Why this line of the log is none of the mode's; empty when it is."""
    granted, scopes = granted_in(provider, mode), set(line["scopes"])
    if line["url"].split("?")[0].endswith(BEYOND):
        return "scopes for published keys" if scopes else ""
    operation = Contracts.load().operation(line["method"], line["url"])
    if operation.id in DOORS:
        beyond = scopes - granted - {DEFAULT_SCOPE}
        return f"{operation.id} asks for {sorted(beyond)}" if beyond else ""
    seen = SEEN_TO_WORK.get((provider, mode), set())
    if operation.id not in {*contract_of(provider, mode)["operations"], *seen}:
        return f"{operation.id} is none of this mode's operations"
    if not scopes:
        return f"{operation.id} does not say with which scopes"
    if scopes - granted:
        return f"{operation.id} used {sorted(scopes - granted)}"
    if operation.id not in seen and not scopes & enough_for(operation):
        return f"{operation.id} is not covered by {sorted(scopes)}"
    return ""


def lines_of(log: Path) -> list[dict]:
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def lead_a_life(announced: Announced) -> None:
    """What happens to a connection: set up and self-tested before, read, read again, announced, looked after, ended."""
    announced.keep()
    announced.follow()
    announced.change()
    announced.read(after=timedelta(minutes=5))
    event = announced.calendar.add(announced.now, rrule="FREQ=WEEKLY")
    announced.read(after=timedelta(minutes=5))
    announced.calendar.remove(event)
    announced.read(after=timedelta(days=1))  # the daily whole reading, and the list of calendars
    for channel in PushChannel.objects.all()[:1]:  # as far as the mode has any
        announced.keep(after=channel.due_at - announced.now + timedelta(minutes=1))
    row = announced.row
    row.second_administrator, row.must_be_refused = announced.colleague.email, announced.colleague.email
    row.save(update_fields=["second_administrator", "must_be_refused"])
    health_runs.run_checks(row, by=None, now=announced.now)
    calendar_connections.disconnect(announced.row, by=announced.company.olga, now=announced.now)


@pytest.mark.parametrize(("provider", "mode"), READING, ids=map("-".join, READING))
def test_a_connection_calls_nothing_beyond_its_mode_from_set_up_to_disconnect(
    providers, live_server, settings, tmp_path, provider, mode
):
    settings.PROVIDER_CALL_LOG = str(tmp_path / "calls.jsonl")
    announced = Announced(providers, live_server, settings, provider, mode, opened=False)

    lead_a_life(announced)

    lines = lines_of(tmp_path / "calls.jsonl")
    wrong = {
        f"{line['method']} {line['url']}": why for line in lines if (why := overreach(line, provider, mode))
    }
    assert wrong == {}
    called = {operation_of(line) for line in lines}
    assert called >= LIFE[provider, mode], "the life that was led has all its stages"
    assert not PushChannel.objects.exists()
    assert seen_by(providers) == TOKENS[provider, mode] <= granted_in(provider, mode)


def seen_by(providers) -> set[str]:
    """The scopes that tokens held, as the sandbox saw them with each call of its calendars."""
    calls = providers.control("GET", "calls")["calls"]
    return {scope for call in calls if call["operation"] not in DOORS for scope in call["scopes"]}


def operation_of(line: dict) -> str:
    if line["url"].split("?")[0].endswith(BEYOND):
        return "keys"
    return Contracts.load().operation(line["method"], line["url"]).id


GOOGLE_LIFE = {
    "google.token", "oauth2.tokeninfo", "calendar.calendarList.list", "calendar.events.list",
    "calendar.events.watch", "calendar.channels.stop",
}  # fmt: skip
MICROSOFT_LIFE = {
    "microsoft.token", "calendarView.list", "calendars.list", "calendars.calendarView.delta",
    "calendar.getSchedule", "events.get",
}  # fmt: skip
# What a life must have called, so that nothing is proven by a log without lines.
LIFE = {
    ("google", "read_write"): GOOGLE_LIFE,
    ("google", "free_busy"): GOOGLE_LIFE | {"calendar.freebusy.query"},
    ("microsoft", "read_write"):
    MICROSOFT_LIFE | {"subscriptions.create", "subscriptions.update", "subscriptions.delete"},
    ("microsoft", "free_busy"): MICROSOFT_LIFE,
}  # fmt: skip


@pytest.mark.parametrize("mode", ["free_busy", "read_write"])
def test_one_members_own_authorization_calls_nothing_beyond_the_mode_either(
    providers, settings, tmp_path, mode
):
    settings.PROVIDER_CALL_LOG = str(tmp_path / "calls.jsonl")
    personal = Personal(providers, mode)
    grant = personal.grant()

    for hours in (0, 1, 3):  # the last with a refreshed token
        read_now(personal.connection, [personal.grace], now=personal.now + timedelta(hours=hours))
    withdraw(grant, by=personal.grace.user, now=personal.now)

    lines = lines_of(tmp_path / "calls.jsonl")
    assert {why for line in lines if (why := overreach(line, "google", mode))} == set()
    called = {operation_of(line) for line in lines}
    assert called >= {"google.token", "google.revoke", "calendar.calendarList.list", "calendar.events.list"}
    assert seen_by(providers) <= granted_in("google", mode) | {"openid"}


def test_no_access_calls_nobody_at_all(providers, settings, tmp_path):
    settings.PROVIDER_CALL_LOG = str(tmp_path / "calls.jsonl")
    company = make_company()

    connection = calendar_connections.create_connection(
        company.unit, "none", "no_access", by=company.olga, now=company.olga.date_joined
    )
    calendar_connections.disconnect(
        CalendarConnection.objects.get(pk=connection.pk), by=company.olga, now=company.olga.date_joined
    )

    assert lines_of(tmp_path / "calls.jsonl") == []
    assert providers.control("GET", "state")["calls"] == 0


# --- the guard itself -----------------------------------------------------------------------------------------------
API = "https://www.googleapis.com/calendar/v3"
GRAPH = "https://graph.microsoft.com/v1.0"
FORBIDDEN = [
    ("google", "free_busy", "POST", f"{API}/calendars/primary/events", [f"{G}calendar.events.freebusy"],
     "calendar.events.insert is none of this mode's operations"),
    ("google", "free_busy", "GET", f"{API}/calendars/primary", [f"{G}calendar.calendarlist.readonly"],
     "calendar.calendars.get is none of this mode's operations"),
    ("google", "free_busy", "GET", f"{API}/calendars/primary/events", [f"{G}calendar"],
     f"calendar.events.list used ['{G}calendar']"),
    ("google", "free_busy", "GET", f"{API}/users/me/calendarList", [f"{G}calendar.events.freebusy"],
     f"calendar.calendarList.list is not covered by ['{G}calendar.events.freebusy']"),
    ("google", "free_busy", "POST", "https://oauth2.googleapis.com/token", [f"{G}calendar"],
     f"google.token asks for ['{G}calendar']"),
    ("google", "read_write", "GET", "https://admin.googleapis.com/admin/directory/v1/users", [f"{G}calendar"],
     "directory.users.list is none of this mode's operations"),
    ("google", "read_write", "GET", f"{API}/calendars/primary/events", [],
     "calendar.events.list does not say with which scopes"),
    ("microsoft", "free_busy", "POST", f"{GRAPH}/subscriptions", ["Calendars.ReadBasic.All"],
     "subscriptions.create is none of this mode's operations"),
    ("microsoft", "free_busy", "GET", f"{GRAPH}/users/a/calendarView", ["Calendars.ReadWrite"],
     "calendarView.list used ['Calendars.ReadWrite']"),
    ("microsoft", "read_write", "GET", f"{GRAPH}/users", ["Calendars.ReadWrite"],
     "users.list is none of this mode's operations"),
]  # fmt: skip


@pytest.mark.parametrize(("provider", "mode", "method", "url", "scopes", "why"), FORBIDDEN)
def test_a_call_beyond_the_mode_is_found(provider, mode, method, url, scopes, why):
    assert overreach({"method": method, "url": url, "scopes": scopes}, provider, mode) == why
