"""Graph's calendars answer badly, late, in part or not at all: what the portal then says and knows.

Reference: Microsoft Graph, calendarView delta, getSchedule, errors and throttling.
"""

from datetime import datetime, timedelta
from urllib.parse import unquote

import pytest

from connections.models import BusyPeriod, MemberCalendar
from connections.periods import minute_of
from orgunits.models import Member
from tests.connections.reading import stored, window
from tests.connections.scene import BEYOND, TOMORROW
from tests.providers.striking import DAY, HOUR, MINUTE, Told, Working

pytestmark = pytest.mark.django_db

BOTH_MODES = pytest.mark.parametrize("mode", ["free_busy", "read_write"])
CLOCK_BACK, CLOCK_FORWARD = "2026-10-25", "2027-03-28"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


# --- the delta feed -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("SyncStateNotFound", 410),
        ("syncStateInvalid", 400),
        ("resyncRequired", 410),
        ("RESYNCREQUIRED", 404),
    ],
)
@BOTH_MODES
def test_microsoft_a_lost_sync_state_in_any_spelling_is_repaired_by_a_full_round_that_sweeps_ghosts(
    providers, mode, code, status
):
    working = Working(providers, "microsoft", mode)
    event = working.calendar.add(TOMORROW)
    working.read()
    before = MemberCalendar.objects.get(mailbox__member=working.member, primary=True)
    working.calendar.remove(event)
    working.strike("delta_gone", working.member, times=1, code=code, status=status)

    working.read()

    after = MemberCalendar.objects.get(pk=before.pk)
    assert before.full_round_at < after.full_round_at == working.now
    assert after.feed_token not in {"", before.feed_token}
    assert working.told().state == "synced"
    assert working.is_true()


@BOTH_MODES
def test_microsoft_a_removed_event_frees_its_time(providers, mode):
    working = Working(providers, "microsoft", mode)
    event = working.calendar.add(TOMORROW)
    working.read()

    working.calendar.remove(event)
    working.read()

    assert working.is_true()


@BOTH_MODES
def test_microsoft_an_event_that_moves_out_of_the_window_comes_as_removed_and_frees_its_time(providers, mode):
    working = Working(providers, "microsoft", mode)
    event = working.calendar.add(TOMORROW)
    working.read()

    working.calendar.move(event, BEYOND)
    working.read()

    assert working.is_true()


@BOTH_MODES
def test_microsoft_bare_occurrences_are_as_busy_as_their_series_says(providers, mode):
    working = Working(providers, "microsoft", mode)
    series = working.calendar.add(TOMORROW, rrule="FREQ=WEEKLY")
    working.read()
    busy = working.in_window()

    working.calendar.make(series, "free")
    working.read()

    assert working.is_true()
    assert busy != working.in_window()


def test_microsoft_a_series_older_than_the_window_is_asked_for_once_by_itself(providers, wire):
    working = Working(providers, "microsoft")

    low, high = window(working.now)
    series = {one["series"] for one in working.calendar.events(low, high) if one["series"]}
    asked = [
        url for one in wire.of("events.get") if working.member.email in (url := unquote(one.request.url))
    ]
    assert len(asked) == len(set(asked)) == len(series) > 0
    assert working.is_true()


def test_microsoft_a_series_that_is_gone_404_blocks_no_time_and_fails_nobody(providers):
    working = Working(providers, "microsoft", read=False)
    working.strike("server_error", status=404, target="events.get")

    working.read()

    assert working.told().state == "synced"
    low, high = window(working.now)
    single = [e for e in working.calendar.events(low, high) if e["blocks"] and not e["series"]]
    assert minutes(stored(working.member)) <= sum(minutes_of(event) for event in single)


def minutes(spans) -> int:
    return sum(ends - starts for starts, ends in spans)


def minutes_of(event: dict) -> int:
    return minute_of(at(event["end"]), up=True) - minute_of(at(event["start"]))


@BOTH_MODES
def test_microsoft_a_cancelled_occurrence_frees_its_hour_and_the_series_stays(providers, mode):
    working = Working(providers, "microsoft", mode)
    series = working.calendar.add(TOMORROW, rrule="FREQ=WEEKLY")
    working.read()
    low, high = window(working.now)
    occurrence = [one for one in working.calendar.events(low, high) if one["series"] == series][2]

    working.calendar.remove(occurrence["id"])
    working.read()

    assert working.is_true()


def test_microsoft_the_window_frozen_in_a_delta_link_moves_by_a_fresh_round_each_day(providers):
    working = Working(providers, "microsoft")
    _low, high = window(working.now)
    working.calendar.add(high + timedelta(hours=2))

    working.read(after=DAY)

    calendar = MemberCalendar.objects.get(mailbox__member=working.member, primary=True)
    assert (calendar.window_starts, calendar.window_ends) == window(working.now)
    assert working.is_true()


def test_microsoft_of_a_listing_whose_second_page_fails_nothing_is_kept_and_the_place_stays(providers):
    working = Working(providers, "microsoft")
    for hour in range(3):
        working.calendar.add(TOMORROW + timedelta(hours=hour), 5, rrule="FREQ=DAILY")
    before = MemberCalendar.objects.get(mailbox__member=working.member, primary=True)
    known = working.in_window()
    working.strike("failing_page", working.member, page=2)

    working.read()

    assert (working.told().state, working.told().failure) == ("failing", "unreachable")
    assert MemberCalendar.objects.get(pk=before.pk).feed_token == before.feed_token
    assert working.in_window() == known
    working.heal()
    working.read(after=HOUR)
    assert working.is_true()


# --- times --------------------------------------------------------------------------------------------------------
@BOTH_MODES
@pytest.mark.parametrize(("day", "hours"), [(CLOCK_BACK, 25), (CLOCK_FORWARD, 23)])
def test_microsoft_an_all_day_event_floats_and_lasts_as_long_as_its_day_when_the_clock_changes(
    providers, mode, day, hours
):
    providers.control("PATCH", "people/ruth.dahl64@sigs.example", time_zone="Europe/Berlin")
    working = Working(providers, "microsoft", mode)

    event = working.calendar.add_day(day)
    working.read()

    assert working.is_true()
    found = working.calendar.events(at(f"{day}T00:00Z"), at(f"{day}T12:00Z"))
    (shown,) = [one for one in found if one["id"] == event]
    assert at(shown["end"]) - at(shown["start"]) == timedelta(hours=hours)


def test_microsoft_every_call_asks_for_utc_times_and_for_ids_that_stay(providers, wire):
    Working(providers, "microsoft")

    graph = [one.request.headers["Prefer"] for one in wire.exchanges if "/graph." in one.request.url]
    assert len(graph) > 0
    assert all('outlook.timezone="UTC"' in one and 'IdType="ImmutableId"' in one for one in graph)


# --- getSchedule --------------------------------------------------------------------------------------------------
def test_microsoft_an_error_for_one_schedule_in_a_200_is_no_zone_and_fails_nobody(providers):
    working = Working(providers, "microsoft", read=False)
    working.strike("schedule_error", working.member)

    working.read()

    assert working.told().state == "synced"
    assert Member.objects.get(pk=working.member.pk).time_zone_source != Member.Source.PROVIDER
    assert Member.objects.get(pk=working.colleague.pk).time_zone_source == Member.Source.PROVIDER


def test_microsoft_a_zone_that_was_not_told_is_asked_for_again_with_the_next_reading(providers):
    working = Working(providers, "microsoft", read=False)
    working.strike("schedule_error", working.member)
    working.read()

    working.heal()
    working.read()
    working.read()  # all-day events by the zone that was just learned

    assert Member.objects.get(pk=working.member.pk).time_zone_source == Member.Source.PROVIDER
    assert working.is_true()


def test_microsoft_no_schedule_question_is_over_twenty_mailboxes_or_sixty_two_days(providers, wire):
    Working(providers, "microsoft")

    asked = [one.body for one in wire.of("calendar.getSchedule")]
    assert len(asked) > 0
    for body in asked:
        starts, ends = (at(body[name]["dateTime"]) for name in ("startTime", "endTime"))
        assert len(body["schedules"]) <= 20
        assert ends - starts <= timedelta(days=62)


# --- one mailbox --------------------------------------------------------------------------------------------------
def test_microsoft_a_member_without_a_mailbox_fails_alone_as_without_licence(providers):
    working = Working(providers, "microsoft")
    working.strike("mailbox_missing", working.member)

    working.read()

    assert working.told() == Told("failing", "licence", "MailboxNotEnabledForRESTAPI", 12 * HOUR)
    assert working.state == ("active", "healthy", "")
    assert working.is_read(working.colleague)


def test_microsoft_a_member_who_is_not_in_the_tenant_fails_alone(providers):
    working = Working(providers, "microsoft")
    providers.control("DELETE", f"people/{working.member.email}")

    working.read()

    assert (working.told().state, working.told().failure) == ("failing", "no_mailbox")
    assert working.told().again == 12 * HOUR
    assert working.is_read(working.colleague)


def test_microsoft_a_mailbox_outside_the_access_policy_is_refused_alone_and_never_soon_again(providers):
    working = Working(providers, "microsoft", "read_write")
    working.strike("mailbox_policy", working.member)

    working.read()

    assert working.told() == Told("failing", "refused", "ErrorAccessDenied", 6 * HOUR)
    assert working.state == ("active", "healthy", "")
    assert working.is_read(working.colleague)


def test_microsoft_the_access_policy_does_not_restrict_free_busy_and_the_portal_does_not_claim_so(providers):
    working = Working(providers, "microsoft", "free_busy")
    working.strike("mailbox_policy", working.member)

    working.read()

    assert working.told().state == "synced"
    assert working.is_read(working.member)


def test_microsoft_a_permission_that_is_gone_for_everybody_makes_the_connection_incomplete(providers):
    working = Working(providers, "microsoft")
    working.strike("role_missing")

    working.read()

    assert working.state == ("active", "incomplete", "probe_refused")
    assert working.told() == Told("failing", "refused", "ErrorAccessDenied", 6 * HOUR)
    assert working.next_check == 30 * MINUTE


# --- too many calls, and a server that fails ----------------------------------------------------------------------
@pytest.mark.parametrize("status", [429, 503, 504])
def test_microsoft_retry_after_is_never_undercut_and_the_connection_rests_as_long(providers, status):
    working = Working(providers, "microsoft")
    working.strike("rate_limited", working.member, status=status, retry_after=600)

    working.read()

    assert working.told() == Told("failing", "throttled", "TooManyRequests", 10 * MINUTE)
    assert working.row.slowed_until == working.now + 10 * MINUTE
    assert working.state == ("active", "degraded", "")


def test_microsoft_a_429_without_retry_after_is_tried_again_in_a_minute_and_then_less_often(providers):
    working = Working(providers, "microsoft")
    working.strike("rate_limited", working.member)
    waits = []

    for _ in range(3):
        working.read(after=HOUR)
        waits.append(working.told().again)

    assert waits == [MINUTE, 2 * MINUTE, 4 * MINUTE]


def test_microsoft_no_mailbox_is_asked_more_than_four_things_at_a_time(providers):
    working = Working(providers, "microsoft", read=False)
    providers.control("POST", "latency", ms=30)
    before = len(providers.control("GET", "calls")["calls"])

    working.read()

    calls = providers.control("GET", "calls")["calls"][before:]
    assert working.told().state == "synced"
    assert 429 not in {call["status"] for call in calls}
    mine = [call for call in calls if call["who"] and working.member.email in call["who"]]
    assert 1 <= most_at_a_time(mine) <= 4


def most_at_a_time(calls: list[dict]) -> int:
    spans = [(call["time"], call["time"] + call["ms"] / 1000) for call in calls]
    return max(sum(starts <= moment < ends for starts, ends in spans) for moment, _end in spans)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_microsoft_a_server_error_is_told_with_the_mailbox_and_heals_by_itself(providers, status):
    working = Working(providers, "microsoft")
    known = working.in_window()
    working.strike("server_error", working.member, status=status)

    working.read()

    assert working.told() == Told("failing", "unreachable", "InternalServerError", MINUTE)
    assert working.in_window() == known
    working.heal()
    working.read(after=MINUTE)
    assert working.told().state == "synced"
    assert working.state == ("active", "healthy", "")


def test_microsoft_a_lost_answer_leaves_no_half_of_it_behind(providers, wire):
    wire.answers_break = True
    working = Working(providers, "microsoft")
    working.calendar.add(TOMORROW)
    known = working.in_window()
    working.strike("lost_answer", working.member)

    working.read()

    assert (working.told().failure, working.in_window()) == ("unreachable", known)
    working.heal()
    working.read(after=HOUR)
    assert working.is_true()


@pytest.mark.parametrize("fault", ["nonsense", "truncated"])
def test_microsoft_an_answer_that_is_no_json_is_unreadable_and_what_was_known_stays(providers, wire, fault):
    wire.answers_break = True
    working = Working(providers, "microsoft")
    known = working.in_window()
    working.strike(fault, working.member)

    working.read()

    assert working.told() == Told("failing", "unreadable", "not JSON", HOUR)
    assert working.in_window() == known != []
    assert working.is_read(working.colleague)


def test_microsoft_titles_and_people_it_shows_in_free_busy_are_dropped_before_anything_is_stored(providers):
    working = Working(providers, "microsoft", "free_busy")
    working.calendar.add(TOMORROW)
    working.read()

    columns = {field.name for field in BusyPeriod._meta.get_fields()}
    ids = BusyPeriod.objects.filter(member=working.member).values_list("provider_id", flat=True)
    assert columns == {"id", "calendar", "member", "provider_id", "starts", "ends", "kind"}
    assert not any("canary" in one for one in ids)
