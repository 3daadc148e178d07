"""The end of a unit that was archived and not restored in time.

First its people with all that was read for them, because that is most of it and is deleted in slices; then each
connection is disconnected, so that its secrets are forgotten by the verb that always forgets them; then the rest.
Killed half-way, it is begun again and goes on with what is left.
"""

from contextlib import suppress
from datetime import datetime, timedelta
from time import monotonic

from django.conf import settings

from connections.kinds import of_kind
from connections.states import NotPossibleNow, State
from orgunits import unit_erasure, units
from orgunits.models import OrganizationalUnit

MEMBERS_AT_A_TIME = 200  # each with some hundreds of busy times
ROWS_AT_A_TIME = 1000
PATIENCE = 40  # seconds of one job


def overdue(*, now: datetime) -> list[int]:
    """Archived units that can be restored no longer."""
    before = now - timedelta(days=settings.RESTORE_DAYS)
    rows = OrganizationalUnit.objects.filter(state=OrganizationalUnit.State.ARCHIVED, state_since__lte=before)
    return list(rows.order_by("state_since", "pk").values_list("pk", flat=True))


def erase(unit_id: int, *, now: datetime) -> bool:
    """Erase an overdue unit for about PATIENCE seconds. Answers whether nothing of it is left to do."""
    if unit_id not in overdue(now=now):
        return True
    unit, until = OrganizationalUnit.objects.get(pk=unit_id), monotonic() + PATIENCE
    while unit_erasure.erase_members(unit, most=MEMBERS_AT_A_TIME):
        if monotonic() > until:
            return False
    for connection in unit.connections.exclude(state=State.DISCONNECTED).select_related("unit"):
        with suppress(NotPossibleNow):  # somebody else did it just now
            of_kind(connection).disconnect(connection, by=None, now=now)
    while unit_erasure.erase_rows(unit, most=ROWS_AT_A_TIME):
        if monotonic() > until:
            return False
    with suppress(units.NotPossibleNow):
        units.erase_unit(unit, by=None, now=now)
    return True
