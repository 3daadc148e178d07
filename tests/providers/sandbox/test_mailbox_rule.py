"""An independent reader of data/README.md computes the same busy times as the sandbox answers."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from connections.sandbox import people

from .google_client import GoogleClient

DATA = Path(people.__file__).parent / "data"
SNAPSHOT = json.loads((DATA / "directory-2026-08-01.json").read_text())
MEETINGS = json.loads((DATA / "meetings.json").read_text())
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
FIRST = date(2025, 6, 30)


def h(text: str) -> bytes:
    return sha256(text.encode()).digest()


def at(day: date, minutes: int, zone: str) -> datetime:
    wall = datetime(day.year, day.month, day.day, minutes // 60, minutes % 60, tzinfo=ZoneInfo(zone))
    return wall.astimezone(UTC)


def personal(person: dict, until: date) -> list[tuple[datetime, datetime]]:
    out, monday, zone = [], FIRST, person["time_zone"]
    while monday <= until:
        for i in range(3 + h(f"{person['id']}|{monday}")[0] % 6):
            e = h(f"{person['id']}|{monday}|{i}")
            day, kind = monday + timedelta(days=e[0] % 5), e[3] % 20
            start = at(day, 8 * 60 + 15 * (e[1] % 41), zone)
            length = timedelta(minutes=(15, 30, 45, 60, 90, 120)[e[2] % 6])
            if kind == 12:
                out.append((at(day, 0, zone), at(day + timedelta(days=1), 0, zone)))
            elif kind == 15:
                out.append((start + timedelta(hours=1), start + timedelta(hours=1) + length))
            elif kind not in (9, 11, 13, 16, 18):
                out.append((start, start + length))
        monday += timedelta(days=7)
    return out


def takes_place(rule: dict[str, str], first: date, day: date) -> bool:
    wanted = rule["BYDAY"]
    if WEEKDAYS[day.weekday()] != wanted[-2:]:
        return False
    if rule["FREQ"] == "MONTHLY":
        return (day.day - 1) // 7 + 1 == int(wanted[:-2])
    return (day - first).days % (7 * int(rule.get("INTERVAL", 1))) == 0


def meetings(person: dict, until: date) -> list[tuple[datetime, datetime]]:
    members = {group["id"]: group["members"] for group in SNAPSHOT["groups"]}
    out = []
    for r, row in enumerate(MEETINGS):
        if person["id"] not in members.get(row["group"], ()):
            continue
        if h(f"{person['id']}|meeting|{r}")[0] % 8 == 0:
            continue
        rule = dict(part.split("=") for part in row["rrule"].split(";"))
        days = [FIRST + timedelta(days=n) for n in range((until - FIRST).days + 1)]
        first = FIRST + timedelta(days=WEEKDAYS.index(rule["BYDAY"][-2:]))
        hour, minute = map(int, row["starts_local"].split(":"))
        for day in days:
            fate = h(f"{person['id']}|meeting|{r}|{day}")[0] % 16
            if takes_place(rule, first, day) and fate != 0:
                start = at(day, hour * 60 + minute + (60 if fate == 1 else 0), row["time_zone"])
                out.append((start, start + timedelta(minutes=row["minutes"])))
    return out


def merged(blocks: list[tuple[datetime, datetime]], low: datetime, high: datetime) -> list[list[datetime]]:
    out: list[list[datetime]] = []
    for start, end in sorted(blocks):
        if end <= low or start >= high:
            continue
        if out and start <= out[-1][1]:
            out[-1][1] = max(out[-1][1], min(end, high))
        else:
            out.append([max(start, low), min(end, high)])
    return out


def chosen() -> list[dict]:
    """One person of every zone, and those with the most meetings."""
    count: dict[str, int] = {}
    members = {group["id"]: group["members"] for group in SNAPSHOT["groups"]}
    for row in MEETINGS:
        for one in members.get(row["group"], ()):
            count[one] = count.get(one, 0) + 1
    here = [one for one in SNAPSHOT["people"] if one["email"].endswith("@kube.example")]
    zones = {one["time_zone"]: one for one in here}
    busiest = sorted(here, key=lambda one: -count.get(one["id"], 0))[:4]
    return [*zones.values(), *busiest]


@pytest.mark.parametrize(
    ("low", "high"),
    [
        # over the end of summer time, and over its beginning
        (datetime(2025, 9, 15, tzinfo=UTC), datetime(2025, 11, 20, tzinfo=UTC)),
        (datetime(2026, 2, 20, tzinfo=UTC), datetime(2026, 4, 20, tzinfo=UTC)),
    ],
)
def test_free_busy_answers_what_the_written_rule_says(
    google: GoogleClient, low: datetime, high: datetime
) -> None:
    people_asked = chosen()
    answer = google.call(
        "POST",
        "freeBusy",
        json={
            "timeMin": low.isoformat(),
            "timeMax": high.isoformat(),
            "items": [{"id": one["email"]} for one in people_asked],
        },
    ).json()

    for person in people_asked:
        until = high.date() + timedelta(days=7)
        expected = merged(personal(person, until) + meetings(person, until), low, high)
        busy = answer["calendars"][person["email"]]["busy"]
        given = [[datetime.fromisoformat(one["start"]), datetime.fromisoformat(one["end"])] for one in busy]
        assert given == expected, person["email"]


def test_every_text_of_an_event_carries_the_canary(google: GoogleClient) -> None:
    items = google.call("GET", "calendars/primary/events", maxResults=2500, singleEvents=True).json()["items"]

    assert len(items) > 100
    for event in items:
        for name in ("summary", "description", "location"):
            assert "canary-" in event[name]
        assert any("canary-" in one["email"] for one in event["attendees"])
