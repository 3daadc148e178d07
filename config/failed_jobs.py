"""Jobs that were given up after their last attempt: what went wrong, whom it concerns, and running one again."""

import re
from datetime import datetime

from django.db import transaction
from django_q.models import Failure
from django_q.tasks import async_task

from connections.models import Connection
from orgunits import audit
from orgunits.models import BulkRun, Invitation, InvitationSheet, OrganizationalUnit, User

_ID = re.compile(r"\b(con|inv|run|sht)_[0-9a-f]{24}\b")
_NAMED = {"con": Connection, "inv": Invitation, "run": BulkRun, "sht": InvitationSheet}
_FRAME = re.compile(r'File "(?:.*/)?([^/"]+/[^/"]+\.py)", line (\d+), in (\S+)')


class Gone(Exception):
    """The failed job is no longer there: somebody ran it again."""


def unit_of(failure: Failure) -> OrganizationalUnit | None:
    """The unit that the job concerns, read from the public id in its name; None for jobs of all units."""
    found = _ID.search(failure.name)
    if found is None:
        return None
    row = _NAMED[found.group(1)].objects.filter(public_id=found.group()).select_related("unit").first()
    return row.unit if row else None


def what_went_wrong(failure: Failure) -> str:
    """The kind of error and where it was raised. Its message is left out: it can hold anything."""
    lines = str(failure.result or "").strip().splitlines()
    kind = re.match(r"[\w.]+", lines[-1]).group() if lines and re.match(r"[\w.]+", lines[-1]) else "?"
    frames = _FRAME.findall("\n".join(lines))
    return f"{kind} ({frames[-1][0]}:{frames[-1][1]}, {frames[-1][2]})" if frames else kind


@transaction.atomic
def run_again(failure: Failure, *, by: User, why: str, now: datetime) -> None:
    """Put the job into the queue once more, under its name. Raises Gone.

    Jobs may run twice: whoever else has done its work in the meantime is left in peace.
    """
    row = Failure.objects.select_for_update().filter(pk=failure.pk, success=False).first()
    if row is None:
        raise Gone
    unit = unit_of(row)
    audit.record(unit, "support.ran_again", unit or by, by=by, now=now, why=why, job=row.func)
    async_task(row.func, *(row.args or ()), task_name=row.name, **(row.kwargs or {}))
    row.delete()
