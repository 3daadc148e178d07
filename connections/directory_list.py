"""The lists of what a directory told: people, groups, rooms; their filters and pages, the same for page and export."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from orgunits.models import OrganizationalUnit
from orgunits.names import sort_key
from orgunits.paging import Page, page_of

from .models import Connection, DirectoryGroup, DirectoryPerson, DirectoryReading, DirectoryRoom
from .states import State

PAGE_SIZE = 50
ASKING_LASTS = timedelta(minutes=10)  # a page waits no longer for a reading that somebody asked for
HERE, DISABLED, ABSENT, DELETED, GONE = "here", "disabled", "absent", "deleted", "gone"
NO_PERSON = "other"  # every kind of account but a person's
PRESENCES = {
    HERE: _("Here"),
    DISABLED: _("Here, may not sign in"),
    ABSENT: _("Not told any more"),
    DELETED: _("Deleted there"),
    GONE: _("Not told any more, or deleted"),
}
_PRESENT = Q(absent_since=None, deleted_at=None)
_BY_PRESENCE = {
    HERE: _PRESENT,
    DISABLED: _PRESENT & Q(enabled=False),
    ABSENT: Q(absent_since__isnull=False, deleted_at=None),
    DELETED: Q(deleted_at__isnull=False),
    GONE: ~_PRESENT,
}


@dataclass(frozen=True)
class Chosen:
    """What the list of people is narrowed to; empty values do not narrow."""

    q: str = ""
    kind: str = ""
    presence: str = ""


def people(
    connection: Connection, chosen: Chosen, group: DirectoryGroup | None = None
) -> QuerySet[DirectoryPerson]:
    """The people of a directory that fit. `group`: only who is directly in it."""
    rows = DirectoryPerson.objects.filter(connection=connection)
    if group is not None and not group.everybody:
        rows = rows.filter(groups=group)
    if chosen.kind == NO_PERSON:
        rows = rows.exclude(kind=DirectoryPerson.Kind.PERSON)
    elif chosen.kind:
        rows = rows.filter(kind=chosen.kind)
    if chosen.presence:
        rows = rows.filter(_BY_PRESENCE[chosen.presence])
    return _called(rows, chosen.q)


def _called(rows: QuerySet, words: str) -> QuerySet:
    """Those of `rows` whose name holds the words, or whose address begins with them."""
    words = words.strip()
    if not words:
        return rows
    return rows.filter(Q(sort_key__contains=sort_key(words)) | Q(address__startswith=words.lower()))


def presence_of(person: DirectoryPerson) -> str:
    """Which of PRESENCES it is."""
    if person.deleted_at:
        return DELETED
    if person.absent_since:
        return ABSENT
    return HERE if person.enabled else DISABLED


def page_of_people(rows: QuerySet[DirectoryPerson], *, after: str) -> Page:
    """One page of people with their members; one query."""
    page = page_of(rows.select_related("member"), ("sort_key", "pk"), after=after, size=PAGE_SIZE)
    for person in page.rows:
        person.label = str(person)
        person.presence = presence_of(person)
        person.presence_label = PRESENCES[person.presence]
    return page


def groups(connection: Connection, q: str = "") -> QuerySet[DirectoryGroup]:
    """The groups of a directory, those called so."""
    return _called(DirectoryGroup.objects.filter(connection=connection), q)


def page_of_groups(rows: QuerySet[DirectoryGroup], *, after: str) -> Page:
    """One page of groups, each with how many people and groups are directly in it; one query."""
    counted = rows.annotate(
        number_of_members=_number(DirectoryGroup.members.through, "directorygroup"),
        number_of_children=_number(DirectoryGroup.children.through, "from_directorygroup"),
    )
    page = page_of(counted, ("sort_key", "pk"), after=after, size=PAGE_SIZE)
    for group in page.rows:
        group.label = str(group)
    return page


def _number(through: type, of: str) -> Coalesce:
    rows = through.objects.filter(**{of: OuterRef("pk")}).order_by().values(of)
    return Coalesce(Subquery(rows.annotate(number=Count("pk")).values("number")), 0)


def last_complete_at(connection: str = "pk") -> Subquery:
    """When the last reading began that saw everything; to annotate rows whose column `connection` names one."""
    readings = DirectoryReading.objects.filter(
        connection=OuterRef(connection), state=DirectoryReading.State.COMPLETE, whole=True
    )
    return Subquery(readings.order_by("-started_at").values("started_at")[:1])


def group_of(unit: OrganizationalUnit, connection_id: str, group_id: str) -> DirectoryGroup | None:
    """This group of this directory of the unit, with its connection as the lists want it; one query."""
    rows = unit.directory_groups.filter(
        public_id=group_id, connection__public_id=connection_id, connection__unit=unit
    )
    group = rows.annotate(read_at=last_complete_at("connection")).select_related("connection__unit").first()
    if group is not None:
        group.connection.last_complete_at = group.read_at
    return group


def rooms(connection: Connection, q: str = "") -> QuerySet[DirectoryRoom]:
    """The rooms of a directory, those called so."""
    return _called(DirectoryRoom.objects.filter(connection=connection), q)


def page_of_rooms(rows: QuerySet[DirectoryRoom], *, after: str) -> Page:
    """One page of rooms; one query."""
    return page_of(rows, ("sort_key", "pk"), after=after, size=PAGE_SIZE)


@dataclass(frozen=True)
class Numbers:
    """How much a directory told, as kept here."""

    people: int  # who are here; without rooms, guests and shared mailboxes
    others: int  # accounts that are no people
    disabled: int
    gone: int  # not told any more, or deleted there
    groups: int
    rooms: int


def numbers(connection: Connection) -> Numbers:
    """What is kept, counted; three queries."""
    persons = Q(kind=DirectoryPerson.Kind.PERSON)
    counted = DirectoryPerson.objects.filter(connection=connection).aggregate(
        people=Count("pk", filter=_PRESENT & persons),
        others=Count("pk", filter=_PRESENT & ~persons),
        disabled=Count("pk", filter=_BY_PRESENCE[DISABLED] & persons),
        gone=Count("pk", filter=_BY_PRESENCE[GONE]),
    )
    return Numbers(
        **counted,
        groups=connection.directory_groups.filter(absent_since=None).count(),
        rooms=connection.directory_rooms.filter(absent_since=None).count(),
    )


@dataclass(frozen=True)
class Progress:
    """A reading that goes on, or that has yet to begin. `reading` is None while it waits its turn."""

    reading: DirectoryReading | None
    people: int  # kept so far, of this and earlier readings


def progress(connection: Connection, *, asked_at: datetime | None, now: datetime) -> Progress | None:
    """How far the first reading is, or one that somebody asked for; None when nothing is waited for."""
    if connection.state != State.ACTIVE:
        return None
    last = connection.directory_readings.filter(whole=True).order_by("-started_at").first()
    if last is None or last.state == DirectoryReading.State.RUNNING:
        return Progress(last, connection.directory_people.count())
    asked = asked_at and now - asked_at < ASKING_LASTS
    if asked and last.finished_at and last.finished_at < asked_at:
        return Progress(None, connection.directory_people.count())
    return None
