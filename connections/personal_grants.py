"""A member's own authorization: keep it, withdraw it, and tell the provider that it is over.

Google ends all that a person granted to this installation's client, whichever token is withdrawn. So it is asked only
when no other grant of that person is left here; otherwise the tokens are forgotten and nothing more.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from orgunits import audit
from orgunits.models import Member, OrganizationalUnit, User

from . import mailboxes
from .calendar_connections import activate
from .domains import add_domain
from .models import CalendarConnection, PersonalGrant
from .providers.base import ProviderError, readable
from .providers.google import personal as google
from .providers.http import ProviderSession
from .states import State as ConnectionState

State = PersonalGrant.State
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=6)
CLOSED = (OrganizationalUnit.State.ARCHIVED, OrganizationalUnit.State.ERASED)


@transaction.atomic
def create_personal_connection(
    unit: OrganizationalUnit, mode: str, *, declared_domains: list[str], by: User, now: datetime
) -> CalendarConnection:
    """A Google connection whose members authorize each for their own calendar. It opens nothing by itself.

    So the domains need no proof, as in No Access, and it is active at once.
    """
    connection = CalendarConnection.objects.create(
        unit=unit,
        provider=CalendarConnection.Provider.GOOGLE,
        mode=mode,
        personal=True,
        state_since=now,
        created_by=by,
        created_at=now,
    )
    facts = {"provider": connection.provider, "mode": mode, "personal": True}
    audit.record(unit, "connection.created", connection, by=by, now=now, **facts)
    activate(connection, by=by, now=now)
    for name in declared_domains:
        add_domain(connection, name, by=by, now=now)
    return connection


@dataclass(frozen=True)
class Own:
    """How a member stands with the personal connection that serves them, or with one they granted something."""

    connection: CalendarConnection
    grant: PersonalGrant | None
    serves: bool

    @property
    def asks(self) -> bool:
        """Whether the member can authorize, or do so again."""
        return self.serves and (self.grant is None or self.grant.state != State.ACTIVE)

    @property
    def revoking(self) -> bool:
        """Withdrawn here, and the provider has not confirmed it yet."""
        return self.grant is not None and self.grant.revoke_at is not None

    @property
    def scopes(self) -> tuple[str, ...]:
        return self.connection.scopes.organization


def own(member: Member) -> Own | None:
    """What the member's own page says of their authorization; None where there is nothing of the kind."""
    box = getattr(member, "mailbox", None)
    served = box.connection if box is not None else None
    grants = member.personal_grants.select_related("connection").order_by("-granted_at")
    if served is not None and served.personal:
        grant = next((row for row in grants if row.connection_id == served.pk), None)
        return Own(served, grant, serves=True)
    left = next((row for row in grants if row.state != State.WITHDRAWN or row.revoke_at), None)
    return Own(left.connection, left, serves=False) if left else None


@dataclass(frozen=True)
class Counted:
    """How many members of a personal connection authorized."""

    members: int
    active: int
    lost: int

    @property
    def missing(self) -> int:
        return max(0, self.members - self.active - self.lost)


def counted(connection: CalendarConnection) -> Counted:
    grants = connection.personal_grants.filter(member__mailbox__connection=connection)
    return Counted(
        members=connection.mailboxes.filter(member__state=Member.State.ACTIVE).count(),
        active=grants.filter(state=State.ACTIVE).count(),
        lost=grants.filter(state=State.NEEDS_REAUTHORIZATION).count(),
    )


# --- withdrawing --------------------------------------------------------------------------------------------------
def withdraw(grant: PersonalGrant, *, by: User | None, now: datetime) -> bool:
    """Nothing of this member is read any more; the provider is told, and then the token is deleted here.

    Answers whether the provider confirmed. If not, the job tries again: `revoke_at` says when.
    """
    if not _let_go(grant, by=by, now=now):
        return grant.revoke_at is None
    return revoke(grant, now=now)


@transaction.atomic
def _let_go(grant: PersonalGrant, *, by: User | None, now: datetime) -> bool:
    """Mark it withdrawn and put the revocation into the queue. False when somebody else did so before."""
    _locked(PersonalGrant.objects.filter(pk=grant.pk))
    mailboxes.one_decision_at_a_time(grant.unit_id)
    living = PersonalGrant.objects.filter(pk=grant.pk).exclude(state=State.WITHDRAWN)
    changes = {"state": State.WITHDRAWN, "state_since": now, "revoke_at": now, "revoke_attempts": 0}
    if not living.update(**changes, access_token="", access_token_ends_at=None):
        grant.refresh_from_db()
        return False
    grant.refresh_from_db()
    mailboxes.forget_mailbox(grant.member, grant.connection, now=now)
    audit.record(
        grant.unit, "personal.withdrawn", grant.member, by=by, now=now, connection=grant.connection.public_id
    )
    return True


def _locked(rows: QuerySet[PersonalGrant]) -> list[PersonalGrant]:
    """Before the unit: whoever renews a token holds its row while Google is asked, and nobody else waits for that."""
    return list(rows.select_for_update(no_key=True, of=("self",)).order_by("pk"))


def revoke(grant: PersonalGrant, *, now: datetime) -> bool:
    """Ask the provider to end it, unless another grant of the same person would end with it; then forget the token.

    Running it twice is harmless. Answers whether it is over; if not, it is tried again later.
    """
    others = PersonalGrant.objects.filter(subject=grant.subject, state=State.ACTIVE)
    token = grant.refresh_token or grant.previous_refresh_token
    if token and not others.exists():
        try:
            with readable():
                google.revoke(token, session=ProviderSession(connection_id=grant.connection.public_id))
        except ProviderError:
            wait = min(FIRST_WAIT * 2 ** min(grant.revoke_attempts, 10), LONGEST_WAIT)
            grant.revoke_at, grant.revoke_attempts = now + wait, grant.revoke_attempts + 1
            withdrawn = PersonalGrant.objects.filter(pk=grant.pk, state=State.WITHDRAWN)
            withdrawn.update(revoke_at=grant.revoke_at, revoke_attempts=grant.revoke_attempts)
            return False
    _forget(grant)
    return True


def _forget(grant: PersonalGrant) -> None:
    """The ciphertext goes; who it was stays, so that nobody else takes the place."""
    withdrawn = PersonalGrant.objects.filter(pk=grant.pk, state=State.WITHDRAWN)
    withdrawn.update(refresh_token="", previous_refresh_token="", access_token="", revoke_at=None)
    grant.revoke_at = None


@transaction.atomic
def withdraw_of(member: Member, *, by: User | None, now: datetime) -> None:
    """Withdraw whatever the member granted; the provider is told by the job."""
    living = member.personal_grants.exclude(state=State.WITHDRAWN)
    for grant in _locked(living.select_related("unit", "connection", "member")):
        _let_go(grant, by=by, now=now)


def follow(*, now: datetime) -> int:
    """Withdraw grants of who is suspended, removed or erased, and of connections and units that are over.

    Looks at states only, so it does not matter who changed them or how, and nobody waits for it.
    """
    over = (
        ~Q(member__state=Member.State.ACTIVE)
        | Q(connection__state=ConnectionState.DISCONNECTED)
        | Q(unit__state__in=CLOSED)
    )
    rows = PersonalGrant.objects.filter(over).exclude(state=State.WITHDRAWN)
    number = 0
    for grant in rows.select_related("unit", "connection", "member").order_by("pk")[:200]:
        number += _let_go(grant, by=None, now=now)
    return number


def revoke_due(*, now: datetime) -> int:
    """Try again what the provider has not confirmed; answers how many are over now.

    The first that fails ends it: a provider that is down is not asked for each of them.
    """
    rows = PersonalGrant.objects.filter(state=State.WITHDRAWN, revoke_at__lte=now)
    due = rows.select_related("unit", "connection", "member").order_by("revoke_at")[:50]
    number = 0
    for grant in due:
        if not revoke(grant, now=now):
            break
        number += 1
    return number


def forget_erased() -> int:
    """Of erased members not even the row stays, once there is nobody left to tell. Answers how many went."""
    over = PersonalGrant.objects.filter(state=State.WITHDRAWN, revoke_at=None)
    return over.filter(member__erased_at__isnull=False).delete()[0]
