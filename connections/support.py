"""What support may set going: what would be tried anyway, tried now."""

from datetime import datetime

from django.db import transaction

from orgunits import audit
from orgunits.models import OrganizationalUnit, User

from . import jobs, mailboxes
from .models import Connection, Mailbox
from .states import NotPossibleNow


@transaction.atomic
def try_again(connection: Connection, *, by: User, why: str, now: datetime) -> int:
    """Read failing mailboxes, and look at a connection that waits, now instead of at their time.

    Answers how many mailboxes are tried. Budgets and a provider's plea for patience still hold. Raises
    NotPossibleNow for a connection or unit that makes no calls.
    """
    silent = {Connection.State.PAUSED, Connection.State.DISCONNECTED}
    if connection.state in silent or connection.unit.state != OrganizationalUnit.State.ACTIVE:
        raise NotPossibleNow
    Connection.objects.select_for_update(no_key=True).get(pk=connection.pk)  # before its mailboxes
    rows = connection.mailboxes.filter(state=Mailbox.State.FAILING, next_sync_at__isnull=False)
    number = rows.count()
    mailboxes.update_in_order(rows, next_sync_at=now)
    Connection.objects.filter(pk=connection.pk, next_check_at__gt=now).update(next_check_at=now)
    audit.record(connection.unit, "support.ran_again", connection, by=by, now=now, why=why, count=number)
    jobs.enqueue_start_reading(connection)
    return number
