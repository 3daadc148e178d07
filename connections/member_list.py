"""The members list: its filter, its order and its page, the same for the page, the export and bulk acts."""

from dataclasses import dataclass

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, Exists, OuterRef, QuerySet

from orgunits.models import Member, OrganizationalUnit, RoleGrant
from orgunits.names import sort_key
from orgunits.paging import Page, page_of
from orgunits.roles import ROLES

from . import identity
from .models import Mailbox

PAGE_SIZE = 50
# Order by name is answered by an index on the members; the others are for looking, page by page.
ORDERS: dict[str, tuple[tuple[str, ...], bool]] = {
    "name": (("sort_key", "pk"), False),
    "-name": (("sort_key", "pk"), True),
    "host": (("mail_domain", "sort_key", "pk"), False),
    "-host": (("mail_domain", "sort_key", "pk"), True),
}


@dataclass(frozen=True)
class Chosen:
    """What the list is narrowed to; empty values do not narrow. `state` is the member's, `calendar` says how
    reading their mailbox goes. Removed members are listed only when asked for."""

    q: str = ""
    role: str = ""
    state: str = ""
    identity: str = ""
    source: str = ""
    host: str = ""
    connection: str = ""
    mode: str = ""
    calendar: str = ""

    def __bool__(self) -> bool:
        return any(vars(self).values())


def members(unit: OrganizationalUnit, chosen: Chosen) -> QuerySet[Member]:
    """The unit's members that fit; erased ones never do."""
    rows = unit.members.exclude(state=Member.State.REMOVED)
    if chosen.state:
        rows = unit.members.filter(state=chosen.state, erased_at=None)
    if chosen.q:
        words = sort_key(chosen.q.strip())
        by_name, by_address = rows.filter(sort_key__contains=words), rows.filter(email__contains=words)
        rows = by_name | by_address
    if chosen.role:
        rows = rows.filter(Exists(RoleGrant.objects.filter(member=OuterRef("pk"), role=chosen.role)))
    if chosen.identity:
        rows = identity.shown_as(rows, chosen.identity)
    if chosen.source:
        rows = rows.filter(came_by=chosen.source)
    if chosen.host:
        rows = rows.filter(mail_domain=chosen.host.strip().lower())
    if chosen.connection:
        rows = rows.filter(mailbox__connection__public_id=chosen.connection)
    if chosen.mode:
        rows = rows.filter(mailbox__connection__mode=chosen.mode)
    return _read_so(rows, chosen.calendar) if chosen.calendar else rows


def _read_so(rows: QuerySet[Member], calendar: str) -> QuerySet[Member]:
    kind, _, failure = calendar.partition(":")
    if failure:
        return rows.filter(mailbox__state=Mailbox.State.FAILING, mailbox__failure=failure)
    if kind in {Mailbox.DecidedBy.SEVERAL, Mailbox.DecidedBy.NONE}:
        return rows.filter(mailbox__decided_by=kind)
    return rows.filter(mailbox__state=kind)


def totals(rows: QuerySet[Member]) -> dict[str, int]:
    """How many of `rows` are in each member's state that occurs; one query."""
    counted = rows.order_by().values_list("state").annotate(number=Count("*"))
    found = dict(counted)
    return {state: found[state] for state in Member.State.values if state in found}


def shown(rows: QuerySet[Member]) -> QuerySet[Member]:
    """`rows` with all that the list and the export tell of each, without a further query."""
    held = RoleGrant.objects.filter(member=OuterRef("pk")).order_by().values("role").distinct()
    return rows.select_related("mailbox__connection").annotate(
        role_codes=ArraySubquery(held), in_directory=identity.in_directory()
    )


def identity_of(member: Member) -> identity.ShownIdentity:
    """What is known of the identity of a member of `shown`."""
    box = getattr(member, "mailbox", None)
    return identity.shown_identity(member, box, in_directory=member.in_directory)


def role_names(member: Member) -> list[str]:
    """What the roles of a member of `shown` are called, the most powerful first."""
    return [str(role.name) for role in ROLES.values() if role.code in member.role_codes]


def page(rows: QuerySet[Member], *, order: str, after: str, size: int = PAGE_SIZE) -> Page:
    """One page of members with what the list shows of each; one query."""
    columns, descending = ORDERS.get(order, ORDERS["name"])
    found = page_of(shown(rows), columns, after=after, size=size, descending=descending)
    for member in found.rows:
        member.role_names = role_names(member)
        member.identified = identity_of(member)
    return found
