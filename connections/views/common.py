"""What several pages need: finding a row of this unit, and who is on the way to a provider."""

from django.db.models import Expression, QuerySet
from django.http import Http404, HttpRequest

from connections.attempts import Traveller
from connections.models import Connection
from orgunits.models import Member, OrganizationalUnit


def connection_of(unit: OrganizationalUnit, connection_id: str) -> Connection:
    """The unit's connection of any kind with this public id, or 404."""
    return _found(unit.connections.all(), connection_id)


def calendar_of(unit: OrganizationalUnit, connection_id: str) -> Connection:
    """The unit's connection to calendars with this public id, or 404."""
    return _found(unit.connections.calendars(), connection_id)


def directory_of(unit: OrganizationalUnit, connection_id: str, **also: Expression) -> Connection:
    """The unit's connection to a directory with this public id, or 404. `also`: what is read along with it."""
    return _found(unit.connections.directories().annotate(**also), connection_id)


def _found(rows: QuerySet[Connection], connection_id: str) -> Connection:
    if "\0" in connection_id:  # posted; PostgreSQL would stumble over it
        raise Http404
    row = rows.filter(public_id=connection_id).select_related("unit", "credential", "created_by").first()
    if row is None:
        raise Http404
    return row


def member_of(unit: OrganizationalUnit, member_id: str) -> Member:
    """The unit's member with this public id, or 404."""
    row = (
        unit.members.exclude(state=Member.State.REMOVED)
        .filter(public_id=member_id)
        .select_related("unit", "mailbox__connection", "mailbox__override")
        .first()
    )
    if row is None:
        raise Http404
    return row


def traveller(request: HttpRequest) -> Traveller:
    """The signed-in person of this browser session, on the way to a provider."""
    if request.session.session_key is None:
        request.session.create()
    return Traveller(request.session.session_key, user=request.user)
