"""Whether we know that a member is who their address says: by the mailbox that answered, by the directory that shows
them under it, or by asking them."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from orgunits import access, identity, members
from orgunits.models import Member, User

from . import jobs, mailboxes, personal_grants
from .models import CalendarConnection, Connection, DirectoryPerson, Mailbox
from .modes import CAPABILITIES
from .states import State

SLICE = 200  # members asked by one job
VOUCHING = (State.ACTIVE, State.PAUSED)  # of a directory: it was bound to its unit, and nobody lost it
ASKED_WHERE = (Member.Identity.UNVERIFIED, Member.Identity.EXPIRED)


@dataclass(frozen=True)
class ShownIdentity:
    """What pages say of a member's identity."""

    code: str  # of Member.Identity
    since: datetime | None
    by_mailbox: bool  # their own mailbox answered through the connection
    by_directory: bool  # a directory shows them under this address
    asks: bool  # nobody but the member can say it: a confirmation mail helps

    @property
    def label(self) -> str:
        return Member.Identity(self.code).label


def shown_identity(member: Member, mailbox: Mailbox | None, *, in_directory: bool = False) -> ShownIdentity:
    """In Read Write and Free/Busy a member counts as verified once their mailbox answered; so does whom a directory
    shows (`in_directory`: `person_of` finds somebody); else what is stored."""
    connection = mailbox.connection if mailbox else None
    inherent = connection is not None and connection.capabilities.verifies_organizer
    if inherent and mailbox.last_synced_at:
        return ShownIdentity(Member.Identity.VERIFIED, None, by_mailbox=True, by_directory=False, asks=False)
    if in_directory:
        return ShownIdentity(Member.Identity.VERIFIED, None, by_mailbox=False, by_directory=True, asks=False)
    asks = connection is not None and not inherent and member.identity != Member.Identity.VERIFIED
    return ShownIdentity(
        member.identity, member.identity_since, by_mailbox=False, by_directory=False, asks=asks
    )


def vouching_mailboxes() -> QuerySet[Mailbox]:
    """The mailboxes that make `shown_identity` say verified, whatever is stored about their members."""
    inherent = Q(pk=None)
    for (provider, mode), can in CAPABILITIES.items():
        if can.verifies_organizer:
            inherent |= Q(connection__provider=provider, connection__mode=mode)
    return Mailbox.objects.filter(inherent, last_synced_at__isnull=False)


def vouching_people() -> QuerySet[DirectoryPerson]:
    """People whom a directory of Google or Microsoft shows now: told in the last whole reading, and enabled.

    What a file says is no directory's word: whoever wrote the file could not know.
    """
    return DirectoryPerson.objects.filter(
        connection__kind=Connection.Kind.DIRECTORY,
        connection__provider__in=(Connection.Provider.GOOGLE, Connection.Provider.MICROSOFT),
        connection__state__in=VOUCHING,
        kind=DirectoryPerson.Kind.PERSON,
        enabled=True,
        absences=0,
        deleted_at=None,
    )


def person_of(member: Member) -> DirectoryPerson | None:
    """The person by whom a directory vouches for this member, under the very address they have here."""
    rows = vouching_people().filter(member=member, address=member.email)
    return rows.select_related("connection").first()


def in_directory() -> Exists:
    """An annotation of members: whether `person_of` finds somebody."""
    return Exists(vouching_people().filter(member=OuterRef("pk"), address=OuterRef("email")))


def shown_as(rows: QuerySet[Member], code: str) -> QuerySet[Member]:
    """Those of `rows` for whom `shown_identity` says `code`."""
    vouched = Exists(vouching_mailboxes().filter(member=OuterRef("pk"))) | in_directory()
    if code == Member.Identity.VERIFIED:
        return rows.filter(Q(identity=code) | vouched)
    return rows.filter(~vouched, identity=code)


def unverified(connection: CalendarConnection) -> QuerySet[Member]:
    """Active members of a connection that vouches for nobody, for whom no directory does, and who were not asked or
    did not answer in time."""
    rows = connection.unit.members.active().filter(mailbox__connection=connection)
    return rows.filter(~in_directory(), identity__in=ASKED_WHERE)


def start_asking(connection: CalendarConnection, *, by: User) -> None:
    """Have a job ask everybody of `unverified`."""
    jobs.enqueue_asking(connection, by, after=0)


def ask_slice(connection: CalendarConnection, by: User, *, after: int, now: datetime) -> None:
    """Ask the next members behind row `after`, as far as `by` still may. Who was asked enough is left alone.

    Nobody is asked for a connection that vouches for its members, or that does not work any more.
    """
    vouches = connection.capabilities.verifies_organizer
    if (
        vouches
        or connection.state != State.ACTIVE
        or not access.user_may(by, connection.unit, "manage_members")
    ):
        return
    rows = list(unverified(connection).filter(pk__gt=after).order_by("pk")[:SLICE])
    for member in rows:
        try:
            identity.ask(member, by=by, now=now)
        except identity.NotAskable:
            continue
    if len(rows) == SLICE:
        jobs.enqueue_asking(connection, by, after=rows[-1].pk)


@transaction.atomic
def change_address(
    member: Member, email: str, *, by: User | None, now: datetime, settle: bool = True
) -> None:
    """Another address: another mailbox, of which nothing is known yet. Raises what members.change_address does.

    `settle` decides at once which connection serves it; who changes many does so once (`mailboxes.assign`).
    """
    personal_grants.withdraw_of(member, by=by, now=now)  # it was for the calendar of the address before
    mailboxes.one_decision_at_a_time(member.unit_id)
    members.change_address(member, email, by=by, now=now)
    old = Mailbox.objects.filter(member=member).first()
    if old is not None:
        override = old.override
        old.delete()
        Mailbox.objects.create(unit=member.unit, member=member, override=override, state_since=now)
    if settle:
        mailboxes.assign(member.unit, now=now)
