"""What an Ops Admin tells so that health can be looked after: which mailboxes to try, and when a secret ends."""

from datetime import date, datetime

from django.db import transaction
from django.db.models import Exists, OuterRef

from orgunits import audit
from orgunits.models import Member, User

from .health import PROBE
from .health_checks import REFUSED, SECOND
from .models import Connection, Credential

# Each setting, and the line whose last answer was about another mailbox once it changed.
PROBES = {"test_mailbox": PROBE, "must_be_refused": REFUSED, "second_administrator": SECOND}


@transaction.atomic
def choose_probes(connection: Connection, *, by: User | None, now: datetime, **addresses: str) -> list[str]:
    """Try these mailboxes: `test_mailbox` must work, `must_be_refused` must not, `second_administrator` too must.

    Empty ends a check. What was answered for another address is forgotten. Answers which settings changed.
    """
    row = Connection.objects.select_for_update(no_key=True).get(pk=connection.pk)
    changed = sorted(name for name, address in addresses.items() if getattr(row, name) != address)
    if not changed:
        return []
    for name in changed:
        setattr(row, name, addresses[name])
        setattr(connection, name, addresses[name])
    row.save(update_fields=changed)
    over = [PROBES[name] for name in changed]
    row.checks.filter(name__in=over).delete()
    row.health_checks.filter(name__in=over).delete()
    audit.record(row.unit, "connection.probes_chosen", row, by=by, now=now, fields=changed)
    return changed


def forget_removed(*, now: datetime) -> int:
    """Mailboxes of removed members are tried no longer; once a member is erased nothing tells whose they were.

    Answers how many connections.
    """
    number = 0
    for name in PROBES:
        theirs = Member.objects.filter(unit=OuterRef("unit"), email__iexact=OuterRef(name))
        gone, here = theirs.filter(state=Member.State.REMOVED), theirs.exclude(state=Member.State.REMOVED)
        rows = Connection.objects.exclude(**{name: ""}).filter(Exists(gone), ~Exists(here))
        for row in rows.order_by("pk"):
            number += bool(choose_probes(row, by=None, now=now, **{name: ""}))
    return number


@transaction.atomic
def tell_end(credential: Credential, ends_on: date | None, *, by: User, now: datetime) -> None:
    """Keep the last day of a unit's own key, or forget it. The warnings begin anew."""
    rows = Credential.objects.filter(pk=credential.pk).exclude(secret_ends_on=ends_on)
    if ends_on is None:
        rows = Credential.objects.filter(pk=credential.pk, secret_ends_on__isnull=False)
    if not rows.update(secret_ends_on=ends_on, warned_days=None):
        return
    credential.secret_ends_on, credential.warned_days = ends_on, None
    until = ends_on.isoformat() if ends_on else ""
    audit.record(credential.unit, "key.end_told", credential, by=by, now=now, until=until)
