"""Two people of one connection whom a provider's fault strikes: what each named test asks about afterwards."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from connections import calendar_connections, health
from connections.models import CalendarConnection, Mailbox, ScopeCheck
from connections.periods import Span
from connections.states import shown_with_counts
from orgunits.models import Member
from tests.builders import make_members
from tests.connecting import ADMINISTRATORS, connect, own_google_key, sign_in
from tests.connections.reading import in_window, read_now, set_clock, window
from tests.connections.sandbox_calendar import SandboxCalendar
from tests.connections.scene import NOW, PEOPLE
from tests.people import make_company
from tests.providers.sandbox.server import SandboxServer

COLLEAGUES = {"google": "pia.bauer11@kube.example", "microsoft": "gabriel.ramos60@sigs.example"}
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Told:
    """What the portal says about a mailbox. `again`: how long after the reading it tries again."""

    state: str
    failure: str = ""
    code: str = ""
    again: timedelta | None = None


class SettingUp:
    """A connection whose administrator signed in; nothing is granted yet."""

    def __init__(self, providers: SandboxServer, provider: str, mode: str = "free_busy") -> None:
        set_clock(providers, NOW)
        self.providers, self.company, self.now = providers, make_company(), NOW
        if provider == "google":
            own_google_key(self.company.unit, providers, by=self.company.olga)
        self.connection = calendar_connections.create_connection(
            self.company.unit, provider, mode, by=self.company.olga, now=timezone.now()
        )
        sign_in(self.connection, ADMINISTRATORS[provider], by=self.company.olga)
        self.connection.refresh_from_db()

    def check(self, *, after: timedelta = timedelta()) -> None:
        """The self-test, as the timetable runs it."""
        self.now += after
        health.check_connection(self.row, by=None, now=self.now)
        self.connection.refresh_from_db()

    @property
    def row(self) -> CalendarConnection:
        return CalendarConnection.objects.get(pk=self.connection.pk)

    @property
    def state(self) -> tuple[str, str, str]:
        """Stored state, what is shown, and the reason's code."""
        row = self.row
        return row.state, shown_with_counts([row])[0][1].code, row.state_reason

    @property
    def next_check(self) -> timedelta | None:
        """How long after the last self-test the next one comes by itself."""
        again = self.row.next_check_at
        return again and again - self.now

    def checks(self, result: str) -> set[str]:
        """Names of the lines of the self-test that ended so."""
        rows = ScopeCheck.objects.filter(connection=self.connection, result=result)
        return set(rows.values_list("name", flat=True))


class Working(SettingUp):
    """A connection that works; a member and a colleague, both read once unless `read` is False."""

    def __init__(
        self, providers: SandboxServer, provider: str, mode: str = "free_busy", *, read: bool = True
    ) -> None:
        self.providers, self.company, self.now = providers, make_company(), self.begin(providers)
        self.member, self.colleague = make_members(
            self.company.unit, [PEOPLE[provider], COLLEAGUES[provider]]
        )
        self.connection = connect(self.company.unit, provider, mode, providers, by=self.company.olga)
        self.calendar = SandboxCalendar(providers, self.member.email)
        if read:
            read_now(self.connection, [self.member, self.colleague], now=self.now)

    def begin(self, providers: SandboxServer) -> datetime:
        """When it is; the calendar clock of the sandbox stands still then."""
        set_clock(providers, NOW)
        return NOW

    def strike(self, fault: str, member: Member | None = None, **params) -> None:
        """Switch a fault on, for one member or for everybody."""
        target = {"target": member.email} if member else {}
        self.providers.fault(fault, **target, **params)

    def read(self, *, after: timedelta = 5 * MINUTE) -> None:
        """Both are read, some minutes later."""
        self.now += after
        read_now(self.connection, [self.member, self.colleague], now=self.now)

    def heal(self) -> None:
        """The provider is as it should be."""
        self.providers.control("DELETE", "faults")

    def told(self, member: Member | None = None) -> Told:
        box = Mailbox.objects.get(member=member or self.member)
        again = box.next_sync_at and box.next_sync_at - self.now
        return Told(box.state, box.failure, box.failure_code, again)

    def is_read(self, member: Member) -> bool:
        """Whether the last reading succeeded for this member."""
        return Mailbox.objects.get(member=member).last_synced_at == self.now

    def in_window(self) -> list[Span]:
        """The member's busy time as the portal knows it."""
        return in_window(self.member, *window(self.now))

    def is_true(self) -> bool:
        """Whether the portal knows exactly what stands in the member's calendar."""
        return self.in_window() == self.calendar.busy(*window(self.now))

    def calls(self) -> int:
        """How many calls of the providers there were so far."""
        return self.providers.control("GET", "state")["calls"]
