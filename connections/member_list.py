"""The members list: its filter, its order and its page, the same for the page and the export."""

from dataclasses import dataclass

from django.db.models import QuerySet

from orgunits.models import Member, OrganizationalUnit
from orgunits.names import sort_key
from orgunits.paging import Page, page_of

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
    """What the list is narrowed to; empty values do not narrow."""

    q: str = ""
    host: str = ""
    connection: str = ""
    state: str = ""
    mode: str = ""


def members(unit: OrganizationalUnit, chosen: Chosen) -> QuerySet[Member]:
    """The unit's members that fit."""
    rows = unit.members.exclude(state=Member.State.REMOVED)
    if chosen.q:
        words = sort_key(chosen.q.strip())
        by_name, by_address = rows.filter(sort_key__contains=words), rows.filter(email__contains=words)
        rows = by_name | by_address
    if chosen.host:
        rows = rows.filter(mail_domain=chosen.host.strip().lower())
    if chosen.connection:
        rows = rows.filter(mailbox__connection__public_id=chosen.connection)
    if chosen.mode:
        rows = rows.filter(mailbox__connection__mode=chosen.mode)
    return _in_state(rows, chosen.state) if chosen.state else rows


def _in_state(rows: QuerySet[Member], state: str) -> QuerySet[Member]:
    kind, _, failure = state.partition(":")
    if failure:
        return rows.filter(mailbox__state=Mailbox.State.FAILING, mailbox__failure=failure)
    if kind in {Mailbox.DecidedBy.SEVERAL, Mailbox.DecidedBy.NONE}:
        return rows.filter(mailbox__decided_by=kind)
    return rows.filter(mailbox__state=kind)


def page(rows: QuerySet[Member], *, order: str, after: str, size: int = PAGE_SIZE) -> Page:
    """One page of members with what the list shows of each; one query."""
    columns, descending = ORDERS.get(order, ORDERS["name"])
    rows = rows.select_related("mailbox__connection")
    return page_of(rows, columns, after=after, size=size, descending=descending)
