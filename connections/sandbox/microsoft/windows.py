"""The time window of a calendar view."""

from datetime import UTC, datetime, timedelta

from flask import request

from .graph import GraphError

LONGEST = timedelta(days=1825)


def moment(text: str, name: str) -> datetime:
    """An instant from a query; without an offset it is UTC. Raises GraphError 400."""
    try:
        value = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise GraphError(
            400, "ErrorInvalidParameter", f"The value '{text}' of parameter '{name}' is not a date and time."
        ) from None
    return value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC)


def asked_window() -> tuple[datetime, datetime]:
    """startDateTime and endDateTime of this request, as instants."""
    given = {name: request.args.get(name) for name in ("startDateTime", "endDateTime")}
    if not all(given.values()):
        raise GraphError(
            400,
            "ErrorInvalidParameter",
            "This request requires a time window specified by the query string parameters StartDateTime and"
            " EndDateTime.",
        )
    start, end = (moment(text, name) for name, text in given.items())
    if end < start:
        raise GraphError(
            400,
            "ErrorCalendarViewRangeInvalid",
            "The end of the requested time range is before its beginning.",
        )
    if end - start > LONGEST:
        raise GraphError(
            400, "ErrorCalendarViewRangeTooBig", "The requested time range is longer than 1825 days."
        )
    return start, end
