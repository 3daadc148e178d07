"""Each line of the table of what blocks time, reached by events as the providers write them."""

from datetime import UTC, date, datetime

import pytest

from connections import busy_rules
from connections.busy_rules import TABLE, EventFacts, Line, blocks, deciding_line
from connections.providers.base import Unreadable
from connections.providers.google.calendar import span_of as google_span
from connections.providers.microsoft.calendar import span_of as microsoft_span

CANCELLED, DECLINED, FREE, ELSEWHERE, TENTATIVE, AWAY, UNKNOWN, ALL_DAY, PRIVATE, ELSE = (
    line.name for line in TABLE
)


# --- events as Google writes them ---------------------------------------------------------------------------------
def google_event(**members) -> dict:
    """https://developers.google.com/workspace/calendar/api/v3/reference/events#resource"""
    return {
        "id": "g1",
        "status": "confirmed",
        "start": {"dateTime": "2026-10-20T10:00:00+02:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-10-20T11:00:00+02:00", "timeZone": "Europe/Berlin"},
        "eventType": "default",
        **members,
    }


def answered(status: str, **members) -> list[dict]:
    """The person's own answer, beside somebody who declined."""
    return [{"responseStatus": "declined"}, {"self": True, "responseStatus": status, **members}]


DAY = {"start": {"date": "2026-10-20"}, "end": {"date": "2026-10-21"}}
GOOGLE = {
    "declined": (google_event(attendees=answered("declined")), DECLINED),
    "declined, and away": (google_event(attendees=answered("declined"), eventType="outOfOffice"), DECLINED),
    "transparent": (google_event(transparency="transparent"), FREE),
    "transparent all day": (google_event(**DAY, transparency="transparent"), FREE),
    "transparent and private": (google_event(transparency="transparent", visibility="private"), FREE),
    "transparent and tentative": (google_event(transparency="transparent", status="tentative"), FREE),
    "a birthday": (google_event(**DAY, eventType="birthday", transparency="transparent"), FREE),
    "working location": (
        google_event(**DAY, eventType="workingLocation", transparency="transparent"),
        ELSEWHERE,
    ),
    "tentative": (google_event(status="tentative"), TENTATIVE),
    "out of office": (google_event(eventType="outOfOffice"), AWAY),
    "out of office all day": (google_event(**DAY, eventType="outOfOffice"), AWAY),
    "all day": (google_event(**DAY), ALL_DAY),
    "all day and private": (google_event(**DAY, visibility="private"), ALL_DAY),
    "private": (google_event(visibility="private"), PRIVATE),
    "confidential": (google_event(visibility="confidential"), PRIVATE),
    "ordinary": (google_event(), ELSE),
    "opaque in so many words": (google_event(transparency="opaque"), ELSE),
    "public": (google_event(visibility="public"), ELSE),
    "accepted": (google_event(attendees=answered("accepted")), ELSE),
    "accepted tentatively": (google_event(attendees=answered("tentative")), ELSE),
    "not answered": (google_event(attendees=answered("needsAction")), ELSE),
    "declined by others": (google_event(attendees=answered("accepted", organizer=True)), ELSE),
    "focus time": (google_event(eventType="focusTime"), ELSE),
    "from an e-mail": (google_event(eventType="fromGmail"), ELSE),
    "a type nobody knows yet": (google_event(eventType="brandNew"), ELSE),
    "as Free/Busy shows it": ({k: v for k, v in google_event().items() if k != "eventType"}, ELSE),
}


# --- events as Graph writes them ----------------------------------------------------------------------------------
def graph_event(**members) -> dict:
    """https://learn.microsoft.com/graph/api/resources/event"""
    return {
        "id": "m1",
        "type": "singleInstance",
        "showAs": "busy",
        "isCancelled": False,
        "isAllDay": False,
        "sensitivity": "normal",
        "responseStatus": {"response": "accepted", "time": "0001-01-01T00:00:00Z"},
        "start": {"dateTime": "2026-10-20T08:00:00.0000000", "timeZone": "UTC"},
        "end": {"dateTime": "2026-10-20T09:00:00.0000000", "timeZone": "UTC"},
        **members,
    }


def stub() -> dict:
    """An occurrence in a delta answer: nothing but its place."""
    return {
        "id": "m1",
        "type": "occurrence",
        "seriesMasterId": "series",
        "start": {"dateTime": "2026-10-20T08:00:00.0000000", "timeZone": "UTC"},
        "end": {"dateTime": "2026-10-20T09:00:00.0000000", "timeZone": "UTC"},
    }


def response(word: str) -> dict:
    return {"response": word, "time": "0001-01-01T00:00:00Z"}


WHOLE_DAY = {
    "isAllDay": True,
    "start": {"dateTime": "2026-10-20T00:00:00.0000000", "timeZone": "UTC"},
    "end": {"dateTime": "2026-10-21T00:00:00.0000000", "timeZone": "UTC"},
}
MICROSOFT = {
    "cancelled": (graph_event(isCancelled=True), CANCELLED),
    "cancelled while away": (graph_event(isCancelled=True, showAs="oof"), CANCELLED),
    "cancelled and declined": (graph_event(isCancelled=True, responseStatus=response("declined")), CANCELLED),
    "declined, still shown as busy": (graph_event(responseStatus=response("declined")), DECLINED),
    "declined and away": (graph_event(responseStatus=response("declined"), showAs="oof"), DECLINED),
    "free": (graph_event(showAs="free"), FREE),
    "free all day": (graph_event(**WHOLE_DAY, showAs="free"), FREE),
    "free and private": (graph_event(showAs="free", sensitivity="private"), FREE),
    "working elsewhere": (graph_event(showAs="workingElsewhere"), ELSEWHERE),
    "tentative": (graph_event(showAs="tentative"), TENTATIVE),
    "not answered": (graph_event(showAs="tentative", responseStatus=response("notResponded")), TENTATIVE),
    "out of office": (graph_event(showAs="oof"), AWAY),
    "out of office all day": (graph_event(**WHOLE_DAY, showAs="oof"), AWAY),
    "unknown": (graph_event(showAs="unknown"), UNKNOWN),
    "a word nobody knows yet": (graph_event(showAs="unknownFutureValue"), UNKNOWN),
    "no word at all": (graph_event(showAs=None), UNKNOWN),
    "all day": (graph_event(**WHOLE_DAY), ALL_DAY),
    "private": (graph_event(sensitivity="private"), PRIVATE),
    "confidential": (graph_event(sensitivity="confidential"), PRIVATE),
    "ordinary": (graph_event(), ELSE),
    "own": (graph_event(responseStatus=response("organizer")), ELSE),
    "without an answer": (graph_event(responseStatus=None), ELSE),
    "personal": (graph_event(sensitivity="personal"), ELSE),
}


# --- the table ----------------------------------------------------------------------------------------------------
@pytest.fixture
def decided(monkeypatch) -> list[Line]:
    """The lines that decided, as they do: looked at, not replaced."""
    seen: list[Line] = []

    def looked_at(event: EventFacts) -> Line:
        seen.append(deciding_line(event))
        return seen[-1]

    monkeypatch.setattr(busy_rules, "deciding_line", looked_at)
    return seen


def no_master(series: str) -> dict:
    raise AssertionError(f"{series} was asked for")


@pytest.mark.parametrize(("event", "line"), GOOGLE.values(), ids=GOOGLE)
def test_a_google_event_is_decided_by_its_line(decided, event, line):
    span = google_span(event)

    assert [one.name for one in decided] == [line]
    assert span.blocks == decided[0].blocks
    assert not span.removed


@pytest.mark.parametrize(("event", "line"), MICROSOFT.values(), ids=MICROSOFT)
def test_a_microsoft_event_is_decided_by_its_line(decided, event, line):
    span = microsoft_span(event, no_master)

    assert [one.name for one in decided] == [line]
    assert span.blocks == decided[0].blocks
    assert not span.removed


@pytest.mark.parametrize(("event", "line"), MICROSOFT.values(), ids=MICROSOFT)
def test_an_occurrence_without_facts_is_decided_by_those_of_its_series(decided, event, line):
    master = {**event, "id": "series", "type": "seriesMaster"}

    span = microsoft_span(stub(), {"series": master}.__getitem__)

    assert [one.name for one in decided] == [line]
    assert span.blocks == decided[0].blocks


def test_every_line_is_reached_by_an_event_of_a_provider():
    reached = {line for _event, line in [*GOOGLE.values(), *MICROSOFT.values()]}

    assert reached == {line.name for line in TABLE}


def test_what_blocks_is_exactly_this():
    assert {line.name: line.blocks for line in TABLE} == {
        CANCELLED: False,
        DECLINED: False,
        FREE: False,
        ELSEWHERE: False,
        TENTATIVE: True,
        AWAY: True,
        UNKNOWN: True,
        ALL_DAY: True,
        PRIVATE: True,
        ELSE: True,
    }


def test_every_combination_of_facts_is_decided():
    words = ("busy", "free", "tentative", "out_of_office", "working_elsewhere", "unknown")
    flags = (False, True)
    combinations = [
        EventFacts(cancelled, declined, shown_as, all_day, private)
        for cancelled in flags
        for declined in flags
        for shown_as in words
        for all_day in flags
        for private in flags
    ]

    free = {
        facts
        for facts in combinations
        if facts.cancelled or facts.declined or facts.shown_as in {"free", "working_elsewhere"}
    }

    assert {facts for facts in combinations if not blocks(facts)} == free


# --- what is removed, and when an event is ------------------------------------------------------------------------
@pytest.mark.parametrize(
    "event",
    [
        {"id": "g1", "status": "cancelled"},
        {"id": "g1", "status": "cancelled", "recurringEventId": "s", "originalStartTime": DAY["start"]},
        google_event(status="cancelled"),
        {"id": "g1", "status": "confirmed"},
    ],
)
def test_a_google_event_that_is_off_or_has_no_time_is_removed(event):
    span = google_span(event)

    assert (span.removed, span.blocks) == (True, False)


def test_a_microsoft_event_that_left_the_window_is_removed():
    span = microsoft_span({"id": "m1", "@removed": {"reason": "deleted"}}, no_master)

    assert (span.removed, span.blocks) == (True, False)


def test_a_changed_occurrence_decides_for_itself():
    event = graph_event(type="exception", seriesMasterId="series", showAs="free")

    assert not microsoft_span(event, no_master).blocks


def test_an_occurrence_of_a_series_that_is_gone_is_free():
    assert not microsoft_span(stub(), lambda _series: {"isCancelled": True}).blocks


def test_times_are_instants_whatever_zone_they_were_written_in():
    tokyo = {"dateTime": "2026-10-20T17:00:00.0000000", "timeZone": "Tokyo Standard Time"}
    kolkata = {"dateTime": "2026-10-20T13:30:00", "timeZone": "Asia/Kolkata"}

    microsoft = microsoft_span(graph_event(start=tokyo, end=kolkata), no_master)
    google = google_span(google_event(end={"dateTime": "2026-10-20T09:00:00Z"}))

    eight, nine = datetime(2026, 10, 20, 8, tzinfo=UTC), datetime(2026, 10, 20, 9, tzinfo=UTC)
    assert (microsoft.starts, microsoft.ends) == (eight, eight)
    assert (google.starts, google.ends) == (eight, nine)


def test_an_all_day_event_is_dates_that_no_zone_moves():
    google, microsoft = google_span(google_event(**DAY)), microsoft_span(graph_event(**WHOLE_DAY), no_master)

    assert (google.starts, google.ends) == (date(2026, 10, 20), date(2026, 10, 21))
    assert (microsoft.starts, microsoft.ends) == (google.starts, google.ends)


@pytest.mark.parametrize("value", [{"dateTime": "soon"}, {"dateTime": None}, {"date": "20.10.2026"}])
def test_a_google_time_that_is_none_cannot_be_read(value):
    with pytest.raises(Unreadable):
        google_span(google_event(start=value))


@pytest.mark.parametrize("value", [None, {}, {"dateTime": "soon"}, {"timeZone": "UTC"}])
def test_a_microsoft_time_that_is_none_cannot_be_read(value):
    with pytest.raises(Unreadable):
        microsoft_span(graph_event(start=value), no_master)
