"""getSchedule: when up to twenty people, rooms or lists are busy.

https://learn.microsoft.com/graph/outlook-get-free-busy-schedule. A 200 can hold an error for one schedule: that
one is unknown, not free.
"""

from datetime import UTC, datetime, timedelta

from ..events import Event
from ..mailboxes import PRIMARY
from ..people import Person, Room
from . import people
from .event_shapes import graph_time, show_as
from .graph import Call, GraphError, body, context, operation
from .zones import windows_name, zone_named

MOST_SCHEDULES = 20
LONGEST = timedelta(days=62)
INTERVAL_MINUTES = 30
DIGITS = {"free": 0, "workingElsewhere": 0, "tentative": 1, "busy": 2, "oof": 3}
WORK_DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday"]


@operation("calendar.getSchedule", mailbox=True)
def get_schedule(call: Call, owner: Person | Room) -> dict:
    """Busy times of the asked addresses, each with its working hours, in the order asked."""
    sent = body()
    schedules, start, end, minutes = _asked(sent)
    groups = {one.mail: one for one in people.tenant_groups(call.world, call.tenant).values()}
    asked = sum(len(groups[one].everybody()) if one in groups else 1 for one in schedules)
    if asked > MOST_SCHEDULES:
        raise GraphError(
            400,
            "ErrorMailboxDataArrayTooBig",
            "There are too many target users in the EmailAddress array."
            f" The allowed size = {MOST_SCHEDULES}; the actual size = {asked}.",
        )
    value = []
    for address in schedules:
        if address.lower() in groups:
            members = [call.world.people[one] for one in groups[address.lower()].everybody()]
            value.append(_of_list(call, address, members, start, end, minutes))
        else:
            value.append(_of_mailbox(call, address, start, end, minutes))
    return {
        "@odata.context": context("Collection(microsoft.graph.scheduleInformation)"),
        "value": value,
    }


def _asked(sent: dict) -> tuple[list[str], datetime, datetime, int]:
    """Schedules, window and interval of the body. Raises GraphError 400 with Exchange's codes."""
    unknown = {name.lower() for name in sent} - {
        "schedules",
        "starttime",
        "endtime",
        "availabilityviewinterval",
    }
    if unknown:
        raise GraphError(400, "BadRequest", f"Unknown parameter: {', '.join(sorted(unknown))}.")
    given = {name.lower(): value for name, value in sent.items()}
    schedules = given.get("schedules")
    if not isinstance(schedules, list) or not schedules or not all(isinstance(one, str) for one in schedules):
        raise GraphError(400, "ErrorInvalidParameter", "The 'Schedules' parameter must hold addresses.")
    start, end = _moment(given.get("starttime"), "StartTime"), _moment(given.get("endtime"), "EndTime")
    if end <= start:
        raise GraphError(
            400,
            "ErrorInvalidTimeInterval",
            "The time duration specified for FreeBusyViewOptions.TimeWindow is invalid.",
        )
    if end - start > LONGEST:
        raise GraphError(
            400,
            "ErrorTimeIntervalTooBig",
            "The requested time duration specified for FreeBusyViewOptions.TimeWindow is too long. The allowed"
            f" limit = 62 days; the actual limit = {(end - start).days} days.",
        )
    minutes = given.get("availabilityviewinterval", INTERVAL_MINUTES)
    if not isinstance(minutes, int) or not 5 <= minutes <= 1440 or timedelta(minutes=minutes) > end - start:
        raise GraphError(
            400,
            "ErrorInvalidMergedFreeBusyInterval",
            "The specified merged free/busy interval is not valid. Specify an interval that is less than the"
            " free/busy time window and between 5 and 1440 minutes.",
        )
    return schedules, start, end, minutes


def _moment(sent: object, name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(sent["dateTime"])
        zone = zone_named(sent.get("timeZone") or "UTC")
    except (TypeError, KeyError, ValueError, AttributeError):
        raise GraphError(400, "ErrorInvalidParameter", f"'{name}' needs dateTime and timeZone.") from None
    if zone is None:
        raise GraphError(
            400,
            "TimeZoneNotSupportedException",
            "A valid TimeZone value must be specified. The following TimeZone value is not supported:"
            f" '{sent.get('timeZone')}'.",
        )
    return moment.replace(tzinfo=moment.tzinfo or zone).astimezone(UTC)


def _of_mailbox(call: Call, address: str, start: datetime, end: datetime, minutes: int) -> dict:
    found = call.world.mailbox(address)
    here = found and found.has_mailbox and found.domain == call.tenant.domain
    refused = call.world.faults.hit("schedule_error", address) or call.world.faults.hit(
        "mailbox_missing", address
    )
    if not here or refused:
        code = (refused or {}).get("code", "ErrorMailRecipientNotFound")
        return {
            "scheduleId": address,
            "availabilityView": "",
            "scheduleItems": [],
            "error": {
                "message": f"Unable to resolve e-mail address {address} to an Active Directory object.",
                "responseCode": code,
            },
        }
    events = _shown_events(call, found, start, end)
    return {
        "scheduleId": address,
        "availabilityView": _view(events, start, end, minutes),
        "scheduleItems": [_item(call, event) for event in events],
        "workingHours": {
            "daysOfWeek": WORK_DAYS,
            "startTime": "08:00:00.0000000",
            "endTime": "17:00:00.0000000",
            "timeZone": {"name": windows_name(found.time_zone)},
        },
    }


def _of_list(
    call: Call, address: str, members: list[Person], start: datetime, end: datetime, minutes: int
) -> dict:
    """A distribution list: only the merged view, no items."""
    events = [event for one in members for event in _shown_events(call, one, start, end)]
    return {
        "scheduleId": address,
        "availabilityView": _view(events, start, end, minutes),
        "scheduleItems": [],
    }


def _shown_events(call: Call, owner: Person | Room, start: datetime, end: datetime) -> list[Event]:
    found = call.world.calendars.instances(owner, PRIMARY, start, end)
    return [event for event in found if not event.cancelled and not event.deleted]


def _item(call: Call, event: Event) -> dict:
    item = {
        "isPrivate": event.private,
        "status": show_as(event),
        "start": graph_time(event.start, call.zone, call.zone_name),
        "end": graph_time(event.end, call.zone, call.zone_name),
    }
    # Title and place come along or not, as each person's sharing settings say; private ones never.
    return item if event.private else item | {"subject": event.summary, "location": event.location}


def _view(events: list[Event], start: datetime, end: datetime, minutes: int) -> str:
    """One digit for each interval: the busiest status in it."""
    step = timedelta(minutes=minutes)
    digits = [0] * -(-(end - start) // step)
    for event in events:
        digit = DIGITS[show_as(event)]
        first = max(0, (event.start - start) // step)
        last = min(len(digits), -(-(event.end - start) // step))
        for number in range(first, last):
            digits[number] = max(digits[number], digit)
    return "".join(map(str, digits))
