"""How Graph writes an event: the neutral event of the core as a `microsoft.graph.event`.

https://learn.microsoft.com/graph/api/resources/event. Times carry no offset; without `Prefer: outlook.timezone`
they are in UTC. An all-day event runs from midnight to midnight whatever zone is asked for.
"""

import base64
import functools
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from ..events import Attendee, Event
from .recurrence import pattern_from_rule
from .zones import windows_name

SHOW_AS = {
    "busy": "busy",
    "free": "free",
    "tentative": "tentative",
    "out_of_office": "oof",
    "elsewhere": "workingElsewhere",
}
SHOW_AS_BACK = {theirs: ours for ours, theirs in SHOW_AS.items()} | {"unknown": "busy"}
RESPONSES = {
    "organizer": "organizer",
    "accepted": "accepted",
    "tentative": "tentativelyAccepted",
    "declined": "declined",
    "unanswered": "notResponded",
}
NEVER = "0001-01-01T00:00:00Z"
IMMUTABLE, ORDINARY = "AAkALgAAAAAAHYQDEapm", "AAMkADU1NjE2NWUwYTEt"
# Least data: what Calendars.ReadBasic.All never shows.
HIDDEN_FROM_BASIC = ("body", "bodyPreview")


@dataclass(frozen=True)
class Style:
    """How this caller wants events: zone of times, kind of ids, and whether the body may be shown."""

    zone: ZoneInfo
    zone_name: str
    immutable_ids: bool
    basic: bool


@functools.lru_cache(maxsize=65536)
def graph_id(core_id: str, immutable: bool) -> str:
    """The id under which Graph shows an item. Ordinary ids change when items move; immutable ones do not."""
    text = base64.urlsafe_b64encode(core_id.encode()).decode()
    return (IMMUTABLE if immutable else ORDINARY) + text


def core_id(shown: str) -> str | None:
    """The reverse of `graph_id` for both kinds, None when it is not an id of ours."""
    for prefix in (IMMUTABLE, ORDINARY):
        if shown.startswith(prefix):
            try:
                return base64.urlsafe_b64decode(shown[len(prefix) :]).decode()
            except ValueError:
                return None
    return None


def graph_time(moment: datetime, zone: ZoneInfo, zone_name: str) -> dict[str, str]:
    """A dateTimeTimeZone: wall time without offset and the zone's name."""
    return {"dateTime": f"{moment.astimezone(zone):%Y-%m-%dT%H:%M:%S}.0000000", "timeZone": zone_name}


def event_times(event: Event, style: Style) -> tuple[dict[str, str], dict[str, str]]:
    """Start and end as this caller wants them; the dates of an all-day event do not shift."""
    zone = ZoneInfo(event.zone) if event.all_day else style.zone
    return (
        graph_time(event.start, zone, style.zone_name),
        graph_time(event.end, zone, style.zone_name),
    )


def event_type(event: Event) -> str:
    """singleInstance, seriesMaster, occurrence or exception."""
    if event.rrule:
        return "seriesMaster"
    if not event.series:
        return "singleInstance"
    return "exception" if event.exception else "occurrence"


def show_as(event: Event) -> str:
    """What the owner's calendar shows: a declined meeting is free, an unanswered one tentative."""
    if event.response == "declined":
        return "free"
    if event.response == "unanswered" and event.show_as == "busy":
        return "tentative"
    return SHOW_AS[event.show_as]


def instant(moment: datetime | None) -> str | None:
    """An instant as Graph writes it outside dateTimeTimeZone."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if moment else None


def etag(event: Event) -> str:
    return f'W/"{change_key(event)}"'


def change_key(event: Event) -> str:
    return base64.b64encode(f"{event.uid[:12]}{event.revision}.{event.change}".encode()).decode()


def stub(event: Event, style: Style) -> dict:
    """All that a delta round tells about an unchanged occurrence of a series."""
    start, end = event_times(event, style)
    return {
        "@odata.type": "#microsoft.graph.event",
        "@odata.etag": etag(event),
        "id": graph_id(event.id, style.immutable_ids),
        "type": "occurrence",
        "seriesMasterId": graph_id(event.series or "", style.immutable_ids),
        "start": start,
        "end": end,
    }


def full(event: Event, style: Style, owner_name: str = "") -> dict:
    """The whole event. `owner_name` is shown as the organizer's name when the owner organizes it."""
    start, end = event_times(event, style)
    own_zone = windows_name(event.zone)
    location = {"displayName": event.location, "locationType": "default", "uniqueIdType": "unknown"}
    location |= event.extra.get("location") or {}
    organizes = event.response == "organizer"
    online = event.extra.get("onlineMeeting")
    shown = {
        "@odata.etag": etag(event),
        "id": graph_id(event.id, style.immutable_ids),
        "createdDateTime": instant(event.created),
        "lastModifiedDateTime": instant(event.updated),
        "changeKey": change_key(event),
        "categories": event.extra.get("categories", []),
        "transactionId": event.extra.get("transactionId"),
        "originalStartTimeZone": own_zone,
        "originalEndTimeZone": own_zone,
        "iCalUId": _ical_uid(event),
        "reminderMinutesBeforeStart": event.extra.get("reminderMinutesBeforeStart", 15),
        "isReminderOn": event.extra.get("isReminderOn", True),
        "hasAttachments": False,
        "subject": event.summary,
        "bodyPreview": event.description[:255],
        "importance": event.extra.get("importance", "normal"),
        "sensitivity": event.extra.get("sensitivity") or ("private" if event.private else "normal"),
        "isAllDay": event.all_day,
        "isCancelled": event.cancelled,
        "isOrganizer": organizes,
        "responseRequested": event.extra.get("responseRequested", True),
        "seriesMasterId": graph_id(event.series, style.immutable_ids) if event.series else None,
        "showAs": show_as(event),
        "type": event_type(event),
        "webLink": f"https://outlook.office365.com/owa/?itemid={graph_id(event.id, False)}&path=/calendar/item",
        "onlineMeetingUrl": None,
        "isOnlineMeeting": bool(online),
        "onlineMeetingProvider": "teamsForBusiness" if online else "unknown",
        "allowNewTimeProposals": event.extra.get("allowNewTimeProposals", True),
        "isDraft": False,
        "hideAttendees": event.extra.get("hideAttendees", False),
        "recurrence": pattern_of(event),
        "responseStatus": {"response": RESPONSES[event.response], "time": NEVER},
        "body": {"contentType": event.extra.get("contentType", "html"), "content": event.description},
        "start": start,
        "end": end,
        "location": location,
        "locations": [location],
        "attendees": [_attendee(one) for one in event.attendees],
        "organizer": {
            "emailAddress": {
                "name": owner_name if organizes and owner_name else event.organizer,
                "address": event.organizer,
            }
        },
        "onlineMeeting": online,
    }
    if event.series:
        shown["originalStart"] = instant(event.original_start)
        master = graph_id(event.series, style.immutable_ids)
        shown["occurrenceId"] = f"OID.{master}.{event.local(event.original_start or event.start):%Y-%m-%d}"
    if style.basic:
        for name in HIDDEN_FROM_BASIC:
            del shown[name]
    return shown


def pattern_of(event: Event) -> dict | None:
    """The patternedRecurrence of a master, in the series' own zone; None for everything else."""
    if not event.rrule:
        return None
    return pattern_from_rule(event.rrule, event.local(event.start).date(), windows_name(event.zone))


def _ical_uid(event: Event) -> str:
    # Differs from occurrence to occurrence, as in Exchange: not a key for the series.
    return f"{event.uid}/{event.original_start:%Y%m%d}" if event.original_start else event.uid


def _attendee(attendee: Attendee) -> dict:
    kind = "resource" if attendee.resource else "optional" if attendee.optional else "required"
    return {
        "type": kind,
        "status": {"response": RESPONSES[attendee.response].replace("notResponded", "none"), "time": NEVER},
        "emailAddress": {"name": attendee.name or attendee.address, "address": attendee.address},
    }


EVENT_PROPERTIES = frozenset(
    "id categories changeKey createdDateTime lastModifiedDateTime allowNewTimeProposals attendees body"
    " bodyPreview cancelledOccurrences end hasAttachments hideAttendees iCalUId importance isAllDay isCancelled"
    " isDraft isOnlineMeeting isOrganizer isReminderOn location locations occurrenceId onlineMeeting"
    " onlineMeetingProvider onlineMeetingUrl organizer originalEndTimeZone originalStart originalStartTimeZone"
    " recurrence reminderMinutesBeforeStart responseRequested responseStatus sensitivity seriesMasterId showAs"
    " start subject transactionId type webLink".split()
)
