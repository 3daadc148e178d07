"""Between RFC 5545 rules and Graph's patternedRecurrence.

https://learn.microsoft.com/graph/api/resources/patternedrecurrence: six pattern types, three ranges. What Graph
cannot say (HOURLY, several BYDAY positions, ...) raises ValueError.
"""

from datetime import date

DAYS = {
    "MO": "monday",
    "TU": "tuesday",
    "WE": "wednesday",
    "TH": "thursday",
    "FR": "friday",
    "SA": "saturday",
    "SU": "sunday",
}
CODES = {day: code for code, day in DAYS.items()}
INDEXES = {1: "first", 2: "second", 3: "third", 4: "fourth", -1: "last"}
POSITIONS = {index: position for position, index in INDEXES.items()}


def pattern_from_rule(rule: str, first: date, zone_name: str) -> dict:
    """The patternedRecurrence of an RRULE whose first occurrence is on `first`.

    `zone_name` is how Graph shall name the zone the wall times are in.
    """
    parts = dict(part.split("=", 1) for part in rule.removeprefix("RRULE:").split(";"))
    days = parts["BYDAY"].split(",") if "BYDAY" in parts else []
    return {
        "pattern": _pattern(parts, days, first),
        "range": _range(parts, first, zone_name),
    }


def _pattern(parts: dict[str, str], days: list[str], first: date) -> dict:
    frequency = parts["FREQ"]
    pattern = {
        "type": "daily",
        "interval": int(parts.get("INTERVAL", 1)),
        "month": 0,
        "dayOfMonth": 0,
        "firstDayOfWeek": DAYS[parts.get("WKST", "MO")],
        "index": "first",
    }
    if frequency == "WEEKLY":
        names = [DAYS[day] for day in days] or [list(DAYS.values())[first.weekday()]]
        return pattern | {"type": "weekly", "daysOfWeek": names}
    if frequency in ("MONTHLY", "YEARLY"):
        if frequency == "YEARLY":
            pattern["month"] = int(parts.get("BYMONTH", first.month))
        kind = "Monthly" if frequency == "MONTHLY" else "Yearly"
        if days:
            position = int(days[0][:-2] or parts.get("BYSETPOS", 1))
            names = [DAYS[day[-2:]] for day in days]
            return pattern | {"type": f"relative{kind}", "daysOfWeek": names, "index": INDEXES[position]}
        return pattern | {
            "type": f"absolute{kind}",
            "dayOfMonth": int(parts.get("BYMONTHDAY", first.day)),
        }
    if frequency != "DAILY":
        raise ValueError(f"Graph has no pattern for {frequency}")
    return pattern


def _range(parts: dict[str, str], first: date, zone_name: str) -> dict:
    until = parts.get("UNTIL")
    end = f"{until[:4]}-{until[4:6]}-{until[6:8]}" if until else "0001-01-01"
    return {
        "type": "endDate" if until else "numbered" if "COUNT" in parts else "noEnd",
        "startDate": first.isoformat(),
        "endDate": end,
        "recurrenceTimeZone": zone_name,
        "numberOfOccurrences": int(parts.get("COUNT", 0)),
    }


def rule_from_pattern(recurrence: dict) -> str:
    """The RRULE of a patternedRecurrence sent by a caller.

    Raises ValueError with a sentence when members that the pattern or range type needs are missing.
    """
    pattern, limits = recurrence.get("pattern") or {}, recurrence.get("range") or {}
    kind, interval = pattern.get("type"), pattern.get("interval", 0)
    if not kind or interval < 1:
        raise ValueError("The recurrence pattern needs a type and an interval of at least 1.")
    days = [CODES[day.lower()] for day in pattern.get("daysOfWeek") or []]
    if kind == "daily":
        parts = ["FREQ=DAILY"]
    elif kind == "weekly":
        parts = ["FREQ=WEEKLY", f"BYDAY={_needed(','.join(days), 'daysOfWeek')}"]
    else:
        monthly = kind.endswith("Monthly")
        parts = ["FREQ=MONTHLY" if monthly else "FREQ=YEARLY"]
        if not monthly:
            parts.append(f"BYMONTH={_needed(pattern.get('month'), 'month')}")
        if kind.startswith("absolute"):
            parts.append(f"BYMONTHDAY={_needed(pattern.get('dayOfMonth'), 'dayOfMonth')}")
        else:
            position = POSITIONS[pattern.get("index") or "first"]
            parts.append(f"BYDAY={_needed(','.join(days), 'daysOfWeek')}")
            parts.append(f"BYSETPOS={position}")
    if interval > 1:
        parts.insert(1, f"INTERVAL={interval}")
    return ";".join(parts + _limit(limits))


def _limit(limits: dict) -> list[str]:
    if limits.get("type") == "endDate":
        return [f"UNTIL={_needed(limits.get('endDate'), 'endDate').replace('-', '')}T235959Z"]
    if limits.get("type") == "numbered":
        return [f"COUNT={_needed(limits.get('numberOfOccurrences'), 'numberOfOccurrences')}"]
    return []


def _needed(value, name: str):
    if not value:
        raise ValueError(f"The recurrence needs '{name}'.")
    return value
