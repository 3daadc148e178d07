"""How Graph writes an event: the neutral event of the core as a `microsoft.graph.event`.

https://learn.microsoft.com/graph/api/resources/event. Times carry no offset; without `Prefer: outlook.timezone`
they are in UTC. An all-day event runs from midnight to midnight whatever zone is asked for.
"""

import base64
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
OUTLOOK = "https://outlook.office365.com/owa/"
NEVER = "0001-01-01T00:00:00Z"
IMMUTABLE, ORDINARY = "AAkALgAAAAAAHYQDEapm", "AAMkADU1NjE2NWUwYTEt"
# Least data: what Calendars.ReadBasic.All never shows.
HIDDEN_FROM_BASIC = ("body", "bodyPreview")


@dataclass(frozen=True)
class Style:
    """Whose events, and how this caller wants them: zone of times, kind of ids, whether the body may be shown."""

    owner_id: str
    owner_name: str
    zone: ZoneInfo
    zone_name: str
    immutable_ids: bool
    basic: bool

    def id_of(self, item: str) -> str:
        """The id this caller is shown for an item of the mailbox."""
        return graph_id(self.owner_id, item, self.immutable_ids)


def graph_id(owner_id: str, item_id: str, immutable: bool) -> str:
    """The id under which Graph shows an item of a mailbox; another mailbox's copy has another id.

    Ordinary ids change when items move (not here, nothing moves); immutable ones never do.
    """
    text = base64.urlsafe_b64encode(f"{owner_id}/{item_id}".encode()).decode()
    return (IMMUTABLE if immutable else ORDINARY) + text


def item_id(owner_id: str, shown: str) -> str | None:
    """The reverse of `graph_id` for both kinds; None when it is no id of this mailbox."""
    for prefix in (IMMUTABLE, ORDINARY):
        if shown.startswith(prefix):
            try:
                owner, _, item = base64.urlsafe_b64decode(shown[len(prefix) :]).decode().partition("/")
            except ValueError:
                return None
            return item if owner == owner_id else None
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
        "id": style.id_of(event.id),
        "type": "occurrence",
        "seriesMasterId": style.id_of(event.series or ""),
        "start": start,
        "end": end,
    }


def full(event: Event, style: Style) -> dict:
    """The whole event."""
    start, end = event_times(event, style)
    own_zone = windows_name(event.zone)
    location = {"displayName": event.location, "locationType": "default", "uniqueIdType": "unknown"}
    location |= event.extra.get("location") or {}
    organizes = event.response == "organizer"
    online = event.extra.get("onlineMeeting")
    shown = {
        "@odata.etag": etag(event),
        "id": style.id_of(event.id),
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
        "seriesMasterId": style.id_of(event.series) if event.series else None,
        "showAs": show_as(event),
        "type": event_type(event),
        "webLink": f"{OUTLOOK}?itemid={graph_id(style.owner_id, event.id, False)}&path=/calendar/item",
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
                "name": style.owner_name if organizes else event.organizer,
                "address": event.organizer,
            }
        },
        "onlineMeeting": online,
    }
    if event.series:
        shown["originalStart"] = instant(event.original_start)
        master = style.id_of(event.series)
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
