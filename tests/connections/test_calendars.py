"""The calendars in a mailbox: listed by the provider, chosen by people, and the choice is kept."""

from datetime import UTC, datetime, timedelta

import pytest

from connections import calendar_connections, calendars
from connections.calendars import choose_calendars, link_calendars
from connections.models import BusyPeriod, CalendarConnection, EventPosition, Mailbox, MemberCalendar
from connections.providers.base import CalendarInfo
from orgunits.models import AuditEvent, Member
from tests.builders import make_members
from tests.connecting import connect
from tests.connections.reading import READING_MODES, read_now, set_clock, stored
from tests.connections.sandbox_calendar import SandboxCalendar
from tests.connections.scene import HIGH, LOW, MICROSOFT_FREE_BUSY, MINUTE, NOW, PEOPLE, in_modes
from tests.people import Company, make_company

pytestmark = pytest.mark.django_db

THEN, LATER = datetime(2026, 10, 20, 9, tzinfo=UTC), datetime(2026, 10, 20, 10, tzinfo=UTC)
OWN = CalendarInfo("own", "Pia", True, "Europe/Berlin")
TEAM = CalendarInfo("team", "Team", False, "Europe/Berlin")


@pytest.fixture
def company() -> Company:
    return make_company()


@pytest.fixture
def box(company) -> Mailbox:
    """A mailbox served by a connection of which nothing is asked."""
    connection = calendar_connections.create_connection(
        company.unit, "google", "free_busy", by=company.olga, now=THEN
    )
    (member,) = make_members(company.unit, ["pia@kube.example"])
    return Mailbox.objects.create(unit=company.unit, member=member, connection=connection, next_sync_at=LATER)


def rows(box: Mailbox) -> dict[str, MemberCalendar]:
    return {row.provider_id: row for row in box.calendars.all()}


def fill(row: MemberCalendar) -> None:
    """As if it had been read."""
    BusyPeriod.objects.create(
        calendar=row, member=row.mailbox.member, provider_id="e", starts=0, ends=60, kind=1
    )
    EventPosition.objects.create(calendar=row, provider_id="e", starts=0, ends=60)
    MemberCalendar.objects.filter(pk=row.pk).update(feed_token="place")


# --- what the provider lists --------------------------------------------------------------------------------------
def test_at_first_the_primary_calendar_counts_and_no_other(box):
    link_calendars(box, [OWN, TEAM], now=THEN)

    own, team = rows(box)["own"], rows(box)["team"]
    assert (own.counts, own.counts_by, own.primary, own.time_zone) == (True, "default", True, "Europe/Berlin")
    assert (team.counts, team.counts_by, team.primary) == (False, "default", False)
    assert Mailbox.objects.get(pk=box.pk).calendars_listed_at == THEN


def test_listing_again_changes_nothing(box):
    link_calendars(box, [OWN, TEAM], now=THEN)
    before = list(MemberCalendar.objects.values())

    link_calendars(box, [OWN, TEAM], now=LATER)

    assert list(MemberCalendar.objects.values()) == before


def test_a_new_name_and_a_new_zone_are_taken_over(box):
    link_calendars(box, [OWN], now=THEN)

    link_calendars(box, [CalendarInfo("own", "Pia Bauer", True, "Asia/Tokyo")], now=LATER)

    assert (rows(box)["own"].name, rows(box)["own"].time_zone) == ("Pia Bauer", "Asia/Tokyo")


def test_a_listing_without_zones_forgets_none(box):
    link_calendars(box, [OWN], now=THEN)

    link_calendars(box, [CalendarInfo("own", "Pia", True)], now=LATER)

    assert rows(box)["own"].time_zone == "Europe/Berlin"


def test_a_very_long_name_is_cut(box):
    link_calendars(box, [CalendarInfo("own", "x" * 1000, True)], now=THEN)

    assert rows(box)["own"].name == "x" * 300


def test_a_calendar_that_is_gone_is_forgotten_but_for_the_choice(box):
    link_calendars(box, [OWN, TEAM], now=THEN)
    fill(rows(box)["team"])

    link_calendars(box, [OWN], now=LATER)

    team = rows(box)["team"]
    assert (team.gone_at, team.feed_token) == (LATER, "")
    assert not BusyPeriod.objects.exists()
    assert not EventPosition.objects.exists()


def test_a_calendar_that_comes_back_counts_as_it_did(box, company):
    link_calendars(box, [OWN, TEAM], now=THEN)
    choose_calendars(box.member, {rows(box)["team"].public_id}, by=company.olga, now=THEN)
    link_calendars(box, [OWN], now=THEN)

    link_calendars(box, [OWN, TEAM], now=LATER)

    assert {key: (row.counts, row.gone_at) for key, row in rows(box).items()} == {
        "own": (False, None),
        "team": (True, None),
    }


def test_when_another_calendar_becomes_primary_it_counts_unless_somebody_chose(box, company):
    link_calendars(box, [OWN, TEAM], now=THEN)
    swapped = [CalendarInfo("own", "Pia", False), CalendarInfo("team", "Team", True)]

    link_calendars(box, swapped, now=LATER)
    by_default = {key: row.counts for key, row in rows(box).items()}
    choose_calendars(box.member, {rows(box)["own"].public_id}, by=company.olga, now=LATER)
    link_calendars(box, [OWN, TEAM], now=LATER)
    link_calendars(box, swapped, now=LATER)

    assert by_default == {"own": False, "team": True}
    assert {key: row.counts for key, row in rows(box).items()} == {"own": True, "team": False}


# --- what people choose -------------------------------------------------------------------------------------------
def test_what_counts_no_longer_is_forgotten_at_once(box, company):
    link_calendars(box, [OWN, TEAM], now=THEN)
    fill(rows(box)["own"])

    choose_calendars(box.member, set(), by=company.olga, now=THEN)

    own = rows(box)["own"]
    assert (own.counts, own.counts_by, own.feed_token) == (False, "ops_admin", "")
    assert (BusyPeriod.objects.count(), EventPosition.objects.count()) == (0, 0)


def test_a_choice_is_read_at_once_and_written_down(box, company):
    link_calendars(box, [OWN, TEAM], now=THEN)
    own, team = rows(box)["own"], rows(box)["team"]

    choose_calendars(box.member, {own.public_id, team.public_id}, by=company.olga, now=THEN)

    assert Mailbox.objects.get(pk=box.pk).next_sync_at == THEN
    assert rows(box)["team"].counts_by == "ops_admin"
    assert rows(box)["own"].counts_by == "default"
    assert AuditEvent.objects.get(verb="calendars.chosen").facts == {"changed": [team.public_id]}


def test_the_members_own_choice_is_marked_as_theirs(box, company):
    Member.objects.filter(user=company.carl).delete()
    Member.objects.filter(pk=box.member.pk).update(user=company.carl)
    box.member.refresh_from_db()
    link_calendars(box, [OWN, TEAM], now=THEN)

    choose_calendars(box.member, {rows(box)["team"].public_id}, by=company.carl, now=THEN)

    assert {row.counts_by for row in rows(box).values()} == {"member"}


def test_choosing_what_is_chosen_writes_nothing(box, company):
    link_calendars(box, [OWN, TEAM], now=THEN)
    before = list(MemberCalendar.objects.values())

    choose_calendars(box.member, {rows(box)["own"].public_id}, by=company.olga, now=LATER)

    assert list(MemberCalendar.objects.values()) == before
    assert not AuditEvent.objects.filter(verb="calendars.chosen").exists()


def test_calendars_of_somebody_else_cannot_be_chosen(box, company):
    link_calendars(box, [OWN], now=THEN)
    (other,) = make_members(company.unit, ["other@kube.example"])
    theirs = MemberCalendar.objects.create(
        unit=company.unit,
        mailbox=Mailbox.objects.create(unit=company.unit, member=other),
        provider="google",
        provider_id="theirs",
    )

    choose_calendars(box.member, {theirs.public_id, rows(box)["own"].public_id}, by=company.olga, now=LATER)

    assert not MemberCalendar.objects.get(pk=theirs.pk).counts


def test_a_choice_during_a_pause_does_not_end_it(box, company):
    link_calendars(box, [OWN, TEAM], now=THEN)
    Mailbox.objects.update(next_sync_at=None, state="paused")

    choose_calendars(box.member, set(), by=company.olga, now=LATER)

    assert Mailbox.objects.get().next_sync_at is None


# --- for real -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("provider", "mode"), READING_MODES)
def test_choices_survive_disconnecting_and_reconnecting(providers, company, provider, mode):
    set_clock(providers, NOW)
    (member,) = make_members(company.unit, [PEOPLE[provider]])
    first = connect(company.unit, provider, mode, providers, by=company.olga)
    read_now(first, [member], now=NOW)
    plans = MemberCalendar.objects.get(primary=False)
    choose_calendars(member, {plans.public_id}, by=company.olga, now=NOW)

    calendar_connections.disconnect(first, by=company.olga, now=NOW)
    between = (MemberCalendar.objects.count(), BusyPeriod.objects.count())
    second = connect(company.unit, provider, mode, providers, by=company.olga)
    read_now(second, [member], now=NOW + MINUTE)

    assert between == (2, 0)
    counts = dict(MemberCalendar.objects.values_list("public_id", "counts"))
    assert counts[plans.public_id]
    assert list(counts.values()).count(True) == 1
    assert stored(member) == SandboxCalendar(providers, member.email, "private-plans").busy(LOW, HIGH)


@in_modes()
def test_pausing_makes_no_calls_and_resuming_catches_up(scene):
    calendar_connections.pause(scene.connection, by=scene.company.olga, now=scene.now)
    calls = scene.providers.control("GET", "state")["calls"]
    scene.calendar.add(NOW + timedelta(hours=20))
    scene.read()
    silent = scene.providers.control("GET", "state")["calls"] == calls

    paused = CalendarConnection.objects.get(pk=scene.connection.pk)
    calendar_connections.resume(paused, by=scene.company.olga, now=scene.now)
    full_round = MemberCalendar.objects.get(primary=True).full_round_at
    scene.read()

    assert silent
    assert scene.is_true()
    assert MemberCalendar.objects.get(primary=True).full_round_at == full_round


@in_modes()
def test_listing_calendars_each_day_does_not_cost_the_place_in_the_feed(scene):
    full_round = MemberCalendar.objects.get(primary=True).full_round_at
    Mailbox.objects.update(calendars_listed_at=NOW - timedelta(days=2))
    scene.calendar.add(NOW + timedelta(hours=20))

    scene.read()

    assert scene.is_true()
    assert MemberCalendar.objects.get(primary=True).full_round_at == full_round


@in_modes(MICROSOFT_FREE_BUSY)
def test_who_moves_to_another_zone_has_all_day_events_moved_along(scene):
    scene.providers.control("PATCH", f"people/{scene.member.email}", time_zone="Asia/Tokyo")
    Mailbox.objects.update(calendars_listed_at=None)

    scene.read()
    scene.read()

    assert set(MemberCalendar.objects.values_list("time_zone", flat=True)) == {"Asia/Tokyo"}
    assert Member.objects.get(pk=scene.member.pk).time_zone == "Asia/Tokyo"
    assert scene.is_true()


FAILURES = [
    ("google", "nobody@kube.example", {}, "no_mailbox"),
    ("microsoft", "nobody@sigs.example", {}, "no_mailbox"),
    ("google", "pia@kube.example", {"aliases": ["pia@kube.example"]}, "alias"),
    ("google", "pia.bauer11@kube.example", {"suspended": True}, "refused"),
]


@pytest.mark.parametrize(("provider", "address", "change", "failure"), FAILURES)
def test_an_address_without_a_mailbox_of_its_own_says_which_kind_it_is(
    providers, company, provider, address, change, failure
):
    set_clock(providers, NOW)
    (member,) = make_members(company.unit, [address])
    connection = connect(company.unit, provider, "free_busy", providers, by=company.olga)
    if change:
        providers.control("PATCH", "people/pia.bauer11@kube.example", **change)

    read_now(connection, [member], now=NOW)

    box = Mailbox.objects.get(member=member)
    assert (box.state, box.failure) == ("failing", failure)
    assert not BusyPeriod.objects.exists()


def test_a_deleted_person_is_forgotten_by_nobody_until_somebody_decides(providers, company):
    set_clock(providers, NOW)
    (member,) = make_members(company.unit, [PEOPLE["google"]])
    connection = connect(company.unit, "google", "free_busy", providers, by=company.olga)
    read_now(connection, [member], now=NOW)
    known = stored(member)
    providers.control("DELETE", f"people/{PEOPLE['google']}")

    read_now(connection, [member], now=NOW + MINUTE)

    assert Mailbox.objects.get(member=member).failure == "no_mailbox"
    assert stored(member) == known


def test_the_list_of_calendars_is_what_the_provider_names(providers, company):
    set_clock(providers, NOW)
    (member,) = make_members(company.unit, [PEOPLE["google"]])
    connection = connect(company.unit, "google", "free_busy", providers, by=company.olga)

    read_now(connection, [member], now=NOW)

    found = list(calendars.MemberCalendar.objects.values_list("primary", "counts", "time_zone"))
    assert found == [(True, True, "Asia/Shanghai"), (False, False, "Asia/Shanghai")]
