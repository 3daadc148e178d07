"""What blocks a person's time: one table, read from the top; the first line that fits decides. Pure.

Sources: Google Calendar API, Event resource (`status`, `transparency`, `attendees[].responseStatus`,
`eventType`); Microsoft Graph, event resource (`isCancelled`, `showAs`, `responseStatus.response`).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class EventFacts:
    """What of an event decides whether it blocks, in words both providers share."""

    cancelled: bool = False
    declined: bool = False  # by the person whose calendar it is
    shown_as: str = "busy"  # busy | free | tentative | out_of_office | working_elsewhere | unknown
    all_day: bool = False
    private: bool = False


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    name: str
    fits: dict[str, object]
    blocks: bool


TABLE: tuple[Line, ...] = (
    Line("cancelled events are free", {"cancelled": True}, False),
    Line("what the person declined is free", {"declined": True}, False),
    Line("shown as free is free", {"shown_as": "free"}, False),
    Line("working elsewhere is free: the person works", {"shown_as": "working_elsewhere"}, False),
    Line("tentative is busy", {"shown_as": "tentative"}, True),
    Line("out of office is busy", {"shown_as": "out_of_office"}, True),
    Line("an unknown show-as is busy", {"shown_as": "unknown"}, True),
    Line("an all-day event shown as busy is busy", {"all_day": True, "shown_as": "busy"}, True),
    Line("a private event is as busy as any other", {"private": True, "shown_as": "busy"}, True),
    Line("everything else is busy", {}, True),
)


def deciding_line(event: EventFacts) -> Line:
    """The line of the table that decides about `event`."""
    return next(
        line for line in TABLE if all(getattr(event, name) == value for name, value in line.fits.items())
    )


def blocks(event: EventFacts) -> bool:
    """Whether `event` blocks the person's time."""
    return deciding_line(event).blocks
