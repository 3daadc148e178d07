"""One member of a connected service, read once: where tests of reading again begin."""

from datetime import UTC, datetime, timedelta

import pytest

from connections.models import CalendarConnection
from connections.periods import Span
from tests.builders import make_members
from tests.connecting import connect
from tests.connections.reading import READING_MODES, in_window, read_now, set_clock, window
from tests.connections.sandbox_calendar import SandboxCalendar
from tests.people import make_company

NOW = datetime(2026, 10, 20, 9, 17, 23, tzinfo=UTC)
LOW, HIGH = window(NOW)
TOMORROW, IN_MARCH = datetime(2026, 10, 21, 3, tzinfo=UTC), datetime(2027, 3, 9, 3, tzinfo=UTC)
BEYOND, BEFORE = HIGH + timedelta(days=3), LOW - timedelta(days=3)
# Both have meetings of long ago and a second calendar.
PEOPLE = {"google": "chukwuma.sharma16@kube.example", "microsoft": "ruth.dahl64@sigs.example"}
MINUTE = timedelta(minutes=1)


class Scene:
    """One member of a connected service, read once; `read` reads again a minute later."""

    def __init__(self, providers, provider: str, mode: str) -> None:
        set_clock(providers, NOW)
        self.providers, self.company, self.now = providers, make_company(), NOW
        self.calendar = SandboxCalendar(providers, PEOPLE[provider])
        (self.member,) = make_members(self.company.unit, [PEOPLE[provider]])
        self.connection: CalendarConnection = connect(
            self.company.unit, provider, mode, providers, by=self.company.olga
        )

    def read(self) -> None:
        read_now(self.connection, [self.member], now=self.now)
        self.now += MINUTE

    def in_window(self) -> list[Span]:
        return in_window(self.member, LOW, HIGH)

    def is_true(self) -> bool:
        return self.in_window() == self.calendar.busy(LOW, HIGH)


def in_modes(*modes):
    return pytest.mark.parametrize("scene", modes or READING_MODES, indirect=True, ids="-".join)


GOOGLE_FREE_BUSY, GOOGLE_READ_WRITE, MICROSOFT_FREE_BUSY, MICROSOFT_READ_WRITE = (
    ("google", "free_busy"),
    ("google", "read_write"),
    ("microsoft", "free_busy"),
    ("microsoft", "read_write"),
)  # fmt: skip


def whole_day(moment: datetime) -> tuple[datetime, datetime]:
    starts = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return starts, starts + timedelta(days=1)
