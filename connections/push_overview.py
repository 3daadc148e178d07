"""What a connection's page says about push: how far it is on, and why not where it is not."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Count, DurationField, ExpressionWrapper, F, Min, Q
from django.utils.translation import gettext_lazy as _

from . import channels
from .channels import State
from .models import CalendarConnection

# The provider's own code -> what it means. Everything else is shown as the code alone.
_ADDRESS = _(
    "The provider does not take this portal’s public address. It must answer from the internet by https, with "
    "a valid certificate, within ten seconds. The operator of the portal can fix that."
)
MEANINGS = {
    "push.webhookUrlUnauthorized": _ADDRESS,
    "push.webhookUrlNotHttps": _ADDRESS,
    "ValidationError": _ADDRESS,
    "pushNotSupportedForRequestedResource": _(
        "The provider announces nothing about this kind of calendar, for example one of holidays."
    ),
}


@dataclass(frozen=True)
class Refusal:
    """Channels refused with one code."""

    code: str
    number: int
    since: datetime
    next_try: datetime

    @property
    def meaning(self) -> str:
        return MEANINGS.get(self.code, "")


@dataclass(frozen=True)
class PushOverview:
    """`why_not`: empty, `mode` (the provider announces nothing in this mode) or `no_address` (of this portal)."""

    why_not: str
    minutes: int  # how old data may be at most, when nothing is announced or an announcement is lost
    polled: int = 0  # the same for single calendars that are not announced
    wanted: int = 0
    open: int = 0
    overdue: int = 0
    next_renewal: datetime | None = None
    refusals: tuple[Refusal, ...] = ()


def overview(connection: CalendarConnection, *, now: datetime) -> PushOverview | None:
    """Two queries whatever the number of calendars. None where nothing is read."""
    can = connection.capabilities
    if not can.reads_calendars:
        return None
    if not can.push or not settings.PUBLIC_URL:
        return PushOverview("no_address" if can.push else "mode", settings.POLL_SECONDS // 60)
    late = Count("pk", filter=Q(expires_at__lt=now + _life() / 4))
    groups = connection.push_channels.values("state", "problem").order_by("problem").annotate(
        number=Count("pk"), late=late, due=Min("due_at"), since=Min("state_since")
    )  # fmt: skip
    rows = list(groups)
    open_rows = [row for row in rows if row["state"] == State.OPEN]
    return PushOverview(
        "",
        settings.PUSHED_POLL_SECONDS // 60,
        settings.POLL_SECONDS // 60,
        wanted=channels.watchable().filter(mailbox__connection=connection).count(),
        open=sum(row["number"] for row in open_rows),
        overdue=sum(row["late"] for row in open_rows),
        next_renewal=min((row["due"] for row in open_rows), default=None),
        refusals=tuple(
            Refusal(row["problem"], row["number"], row["since"], row["due"])
            for row in rows
            if row["state"] == State.REFUSED
        ),
    )


def _life() -> ExpressionWrapper:
    """How long a channel lives. Renewing begins at a third of it before the end; at a quarter it is overdue."""
    return ExpressionWrapper(F("expires_at") - F("state_since"), DurationField())
