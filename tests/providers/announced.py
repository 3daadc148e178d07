"""A connection whose provider announces changes to the portal, by real HTTP in both directions."""

import time
from datetime import datetime, timedelta

from django.utils import timezone

from connections import push
from connections.models import CalendarConnection, Mailbox, PushChannel
from orgunits.models import Member
from tests.connections.scene import MINUTE
from tests.providers.sandbox.server import SandboxServer
from tests.providers.striking import Working
from tests.worker import run_waiting_jobs

PUBLIC = "https://portal.example"
PATIENCE = 10  # seconds for a message on this machine


class Announced(Working):
    """Read once and with open channels, unless `opened` is False; the clocks are the real ones."""

    def __init__(
        self,
        providers: SandboxServer,
        live_server,
        settings,
        provider: str,
        mode: str,
        *,
        opened: bool = True,
    ) -> None:
        settings.PUBLIC_URL, settings.PUSH_INTERVAL_SECONDS = PUBLIC, 0
        providers.control("POST", "push-map", map=f"{PUBLIC}={live_server.url}")
        self.since = time.time()
        super().__init__(providers, provider, mode)
        self.portal = live_server.url
        if opened:
            self.keep()
            self.follow()

    def begin(self, providers: SandboxServer) -> datetime:
        return timezone.now()

    def keep(self, *, after: timedelta = timedelta()) -> None:
        """The job that opens, renews and stops channels, some time later at the provider too."""
        if after:
            self.providers.control("POST", "clock", advance_seconds=after.total_seconds())
        self.now += after
        row = CalendarConnection.objects.select_related("unit", "credential").get(pk=self.connection.pk)
        push.keep(row, now=self.now)

    def keep_again(self) -> None:
        """The same once every wait is over."""
        PushChannel.objects.update(due_at=timezone.now())
        self.now = timezone.now()
        self.keep()

    def read(self, *, after: timedelta = 5 * MINUTE) -> None:
        if after:
            self.providers.control("POST", "clock", advance_seconds=after.total_seconds())
        super().read(after=after)

    def channel(self, member: Member | None = None) -> PushChannel:
        """The one channel of the member's calendar."""
        return PushChannel.objects.get(mailbox__member=member or self.member)

    def change(self) -> None:
        """An hour of the member's day after tomorrow is taken."""
        day = (timezone.now() + timedelta(days=2)).replace(hour=3, minute=0, second=0, microsecond=0)
        self.calendar.add(day)

    def messages(self, number: int) -> list[int]:
        """The answers the portal gave to that many messages about changes, once they came."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            answers = [one["status"] for one in self.pushes() if one["what"] != "sync"]
            if len(answers) >= number:
                return answers
            time.sleep(0.05)
        raise AssertionError(self.pushes())

    def pushes(self) -> list[dict]:
        """Everything the provider sent since this connection began."""
        return self.providers.control("GET", f"pushes?since={self.since}")["pushes"]

    def is_hinted(self, member: Member | None = None) -> bool:
        return Mailbox.objects.filter(member=member or self.member, hinted_at__isnull=False).exists()

    def follow(self) -> int:
        """What waits in the queue is done; answers how many jobs. Then nothing is left to follow."""
        done = run_waiting_jobs()
        self.now = timezone.now()
        assert not self.is_hinted()
        return done
