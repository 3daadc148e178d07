"""Google's calendars answer badly, late, in part or not at all: what the portal then says and knows.

Reference: Google Calendar API, guides on errors, quotas and synchronization.
"""

from datetime import datetime, timedelta

import pytest

from connections.models import BusyPeriod, MemberCalendar
from connections.periods import minute_of
from connections.reading import LONGEST_QUESTION
from tests.connections.reading import stored, window
from tests.connections.scene import TOMORROW
from tests.providers.striking import HOUR, MINUTE, Told, Working

pytestmark = pytest.mark.django_db

BOTH_MODES = pytest.mark.parametrize("mode", ["free_busy", "read_write"])
# Europe leaves summer time in this night and enters it in that one.
CLOCK_BACK, CLOCK_FORWARD = "2026-10-25", "2027-03-28"


# --- an error inside a good answer --------------------------------------------------------------------------------
@pytest.mark.parametrize("reason", ["notFound", "tooManyCalendarsRequested", "groupTooBig", "internalError"])
def test_google_an_error_for_one_calendar_in_a_200_makes_time_unknown_and_never_free(providers, reason):
    working = Working(providers, "google")
    MemberCalendar.objects.update(feed_token="")
    working.strike("calendar_error", working.member, reason=reason)

    working.read()

    low, high = window(working.now)
    assert stored(working.member, kind=BusyPeriod.Kind.UNKNOWN) == [(minute_of(low), minute_of(high))]
    assert working.told().state == "synced"
    assert stored(working.colleague, kind=BusyPeriod.Kind.UNKNOWN) == []


def test_google_unknown_time_is_asked_for_again_within_the_minute_and_heals(providers, settings):
    working = Working(providers, "google")
    MemberCalendar.objects.update(feed_token="")
    working.strike("calendar_error", working.member)
    working.read()
    soon = working.told().again

    working.heal()
    working.read(after=soon)

    assert soon == timedelta(seconds=settings.POLL_SECONDS / 5)
    assert stored(working.member, kind=BusyPeriod.Kind.UNKNOWN) == []
    assert working.is_true()


def test_google_no_free_busy_question_is_longer_than_sixty_days_so_none_is_refused_as_too_long(
    providers, wire
):
    working = Working(providers, "google")

    asked = [one.body for one in wire.of("calendar.freebusy.query")]
    longest = max(at(body["timeMax"]) - at(body["timeMin"]) for body in asked)
    assert longest <= timedelta(minutes=LONGEST_QUESTION) == timedelta(days=60)
    assert working.is_true()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_google_a_colleague_who_shares_nothing_is_read_as_themselves(providers):
    working = Working(providers, "google", read=False)
    working.strike("not_shared")

    working.read()

    assert working.is_read(working.member)
    assert working.is_true()


# --- pages and tokens ---------------------------------------------------------------------------------------------
@BOTH_MODES
def test_google_an_expired_sync_token_410_is_repaired_by_a_full_round_that_sweeps_ghosts(providers, mode):
    working = Working(providers, "google", mode)
    event = working.calendar.add(TOMORROW)
    working.read()
    before = MemberCalendar.objects.get(mailbox__member=working.member, primary=True)
    working.calendar.remove(event)
    working.strike("sync_token_expired", working.member, times=1)

    working.read()

    after = MemberCalendar.objects.get(pk=before.pk)
    assert before.full_round_at < after.full_round_at == working.now
    assert after.feed_token not in {"", before.feed_token}
    assert working.told().state == "synced"
    assert working.is_true()


def test_google_a_sync_token_is_sent_with_the_same_parameters_and_without_a_window(providers, wire):
    working = Working(providers, "google")
    (first, *_others) = [one.query for one in wire.of("calendar.events.list")]
    wire.forget()

    working.read()

    (second, *_others) = [one.query for one in wire.of("calendar.events.list")]
    changing = {"timeMin", "timeMax", "syncToken", "quotaUser"}
    assert {"timeMin", "timeMax"} & set(second) == set()
    assert "syncToken" in second
    assert {k: v for k, v in first.items() if k not in changing} == {
        k: v for k, v in second.items() if k not in changing
    }


def test_google_of_a_listing_whose_second_page_fails_nothing_is_kept_and_the_place_stays(providers):
    working = Working(providers, "google", "read_write")
    working.calendar.add(TOMORROW, 5, rrule="FREQ=HOURLY")
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


def test_google_each_page_of_changes_is_asked_for_with_the_same_sync_token_again(providers, wire):
    working = Working(providers, "google", "read_write")
    working.calendar.add(TOMORROW, 5, rrule="FREQ=HOURLY")
    wire.forget()

    working.read()

    pages = [one.query for one in wire.of("calendar.events.list") if "timeMin" not in one.query]
    mine = [page for page in pages if page["quotaUser"] == pages_of(pages)]
    assert len(mine) > 1
    assert {page["syncToken"] for page in mine} == {mine[0]["syncToken"]}
    assert all("pageToken" in page for page in mine[1:])
    assert working.is_true()


def pages_of(pages: list[dict]) -> str:
    """Whose reading took more than one page."""
    named = [page["quotaUser"] for page in pages]
    return max(named, key=named.count)


# --- what stands in the feed --------------------------------------------------------------------------------------
@BOTH_MODES
def test_google_a_deleted_event_that_comes_as_an_id_alone_frees_its_time(providers, mode):
    working = Working(providers, "google", mode)
    event = working.calendar.add(TOMORROW)
    working.read()
    known = working.in_window()

    working.calendar.remove(event)
    working.read()

    assert working.in_window() != known
    assert working.is_true()


@BOTH_MODES
def test_google_a_cancelled_occurrence_frees_its_hour_and_the_series_stays(providers, mode):
    working = Working(providers, "google", mode)
    series = working.calendar.add(TOMORROW, rrule="FREQ=WEEKLY")
    working.read()
    low, high = window(working.now)
    occurrence = [one for one in working.calendar.events(low, high) if one["series"] == series][2]

    working.calendar.remove(occurrence["id"])
    working.read()

    assert working.is_true()
    left = [one for one in working.calendar.events(low, high) if one["series"] == series]
    assert len(left) > 10


@BOTH_MODES
@pytest.mark.parametrize(("day", "hours"), [(CLOCK_BACK, 25), (CLOCK_FORWARD, 23)])
def test_google_an_all_day_event_on_the_night_the_clock_changes_lasts_as_long_as_its_day(
    providers, mode, day, hours
):
    providers.control("PATCH", "people/chukwuma.sharma16@kube.example", time_zone="Europe/Berlin")
    working = Working(providers, "google", mode)

    event = working.calendar.add_day(day)
    working.read()

    assert working.is_true()
    found = working.calendar.events(at(f"{day}T00:00Z"), at(f"{day}T12:00Z"))
    (shown,) = [one for one in found if one["id"] == event]
    assert at(shown["end"]) - at(shown["start"]) == timedelta(hours=hours)


# --- one person ---------------------------------------------------------------------------------------------------
def test_google_a_member_without_the_calendar_service_fails_alone_as_without_licence(providers):
    working = Working(providers, "google")
    working.strike("not_a_calendar_user", working.member)

    working.read()

    assert working.told() == Told("failing", "licence", "notACalendarUser", 12 * HOUR)
    assert working.state == ("active", "healthy", "")
    assert working.is_read(working.colleague)


# --- the whole connection -----------------------------------------------------------------------------------------
def test_google_an_api_that_is_switched_off_ends_the_connection_and_names_the_cause(providers):
    working = Working(providers, "google")
    working.strike("access_not_configured")

    working.read()

    assert working.state == ("needs_reauthorization", "needs_reauthorization", "api_not_enabled")
    assert working.told() == Told("stopped")


def test_google_a_connection_that_ended_makes_no_more_calls(providers):
    working = Working(providers, "google")
    before = working.calls()
    providers.control("DELETE", "delegation")
    working.read()
    asked = working.calls() - before

    working.read()

    assert asked > 0
    assert working.calls() - before == asked, "a refused connection is asked nothing more"


@pytest.mark.parametrize("reason", ["forbidden", "insufficientPermissions"])
def test_google_a_403_about_one_member_is_not_tried_again_soon_and_ends_no_connection_that_works(
    providers, reason
):
    working = Working(providers, "google")
    working.strike("rate_limited", working.member, status=403, reason=reason)

    working.read()

    assert working.told() == Told("failing", "refused", reason, 6 * HOUR)
    assert working.state == ("active", "healthy", "")
    assert working.is_read(working.colleague)


def test_google_a_400_is_our_mistake_and_not_tried_again_within_the_hour(providers):
    working = Working(providers, "google")
    working.strike("rate_limited", working.member, status=400, reason="badRequest")

    working.read()

    assert working.told() == Told("failing", "unreadable", "badRequest", HOUR)
    assert working.state == ("active", "degraded", "")


# --- too many calls, and a server that fails ----------------------------------------------------------------------
@pytest.mark.parametrize("reason", ["rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"])
def test_google_a_403_about_the_rate_is_patience_and_no_loss_of_authorization(providers, reason):
    working = Working(providers, "google")
    working.strike("rate_limited", working.member, status=403, reason=reason)

    working.read()

    told = working.told()
    assert (told.state, told.failure, told.code) == ("failing", "throttled", reason)
    assert told.again >= MINUTE
    assert working.state == ("active", "degraded", "")


def test_google_a_429_with_retry_after_is_never_undercut_and_the_connection_rests_as_long(providers):
    working = Working(providers, "google")
    working.strike("rate_limited", working.member, retry_after=600)

    working.read()

    assert working.told() == Told("failing", "throttled", "rateLimitExceeded", 10 * MINUTE)
    assert working.row.slowed_until == working.now + 10 * MINUTE


def test_google_a_429_without_retry_after_is_tried_again_in_a_minute_and_then_less_often(providers):
    working = Working(providers, "google")
    working.strike("rate_limited", working.member)
    waits = []

    for _ in range(3):
        working.read(after=HOUR)
        waits.append(working.told().again)

    assert waits == [MINUTE, 2 * MINUTE, 4 * MINUTE]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_google_a_server_error_is_told_with_the_mailbox_and_heals_by_itself(providers, status):
    working = Working(providers, "google")
    known = working.in_window()
    working.strike("server_error", working.member, status=status)

    working.read()

    assert working.told() == Told("failing", "unreachable", "backendError", MINUTE)
    assert working.in_window() == known
    working.heal()
    working.read(after=MINUTE)
    assert working.told().state == "synced"
    assert working.state == ("active", "healthy", "")


def test_google_a_lost_answer_leaves_no_half_of_it_behind(providers, wire):
    wire.answers_break = True
    working = Working(providers, "google")
    working.calendar.add(TOMORROW)
    known = working.in_window()
    working.strike("lost_answer", working.member)

    working.read()

    assert (working.told().failure, working.in_window()) == ("unreachable", known)
    working.heal()
    working.read(after=HOUR)
    assert working.is_true()


@pytest.mark.parametrize("fault", ["nonsense", "truncated"])
def test_google_an_answer_that_is_no_json_is_unreadable_and_what_was_known_stays(providers, wire, fault):
    working = Working(providers, "google")
    known = working.in_window()
    wire.answers_break = True
    working.strike(fault, working.member)

    working.read()

    assert working.told() == Told("failing", "unreadable", "not JSON", HOUR)
    assert working.in_window() == known != []
    assert working.is_read(working.colleague)


def test_google_a_404_for_the_calendar_is_this_mailbox_alone(providers):
    working = Working(providers, "google")
    MemberCalendar.objects.filter(mailbox__member=working.member, primary=True).update(
        provider_id="gone@group.calendar.google.com"
    )

    working.read()

    assert (working.told().state, working.told().failure) == ("failing", "no_mailbox")
    assert working.state == ("active", "healthy", "")
    assert working.is_read(working.colleague)


def test_google_every_call_names_the_member_to_the_quota_by_a_hash_of_forty_signs(providers, wire):
    working = Working(providers, "google")

    named = {
        one.query.get("quotaUser", "") for one in wire.exchanges if one.operation.startswith("calendar.")
    }
    assert len(named) == 3, "the administrator of the self-test, the member, the colleague"
    assert {len(name) for name in named} == {40}
    assert not any(working.member.email in name for name in named)


def test_google_what_comes_of_an_event_in_free_busy_is_its_times_and_nothing_it_is_about(providers, wire):
    working = Working(providers, "google")
    working.calendar.add(TOMORROW)
    working.read()

    members = {name for one in wire.of("calendar.events.list") for item in items(one) for name in item}
    assert members <= {"id", "status", "start", "end", "transparency", "eventType", "visibility"}


def items(exchange) -> list[dict]:
    return exchange.answer.json().get("items", [])
