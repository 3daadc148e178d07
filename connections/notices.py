"""Telling the Ops Admins: one mail when a connection gets worse, one when it works again, and before a secret
ends. What was told stands on the connection, so that ten thousand failures are one mail."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from orgunits import mail
from orgunits.models import Member, OrganizationalUnit, User
from orgunits.roles import OPS_ADMIN

from .models import Connection, Credential, Notice
from .reasons import reason
from .secret_ends import due_warning
from .states import Condition, Shown, State, shown_with_counts

Kind = Notice.Kind
# How bad it is; what is not named is not worth a mail.
RANKS: dict[str, int] = {Condition.DEGRADED: 1, Condition.INCOMPLETE: 2, State.NEEDS_REAUTHORIZATION: 3}
PASSES = timedelta(minutes=15)  # trouble of some mailboxes often does
AGAIN = timedelta(hours=1)  # at the soonest after the last mail, where trouble comes and goes
TRIES = 12
HANDED_OUT = timedelta(minutes=5)
AT_ONCE = 200


def worth_telling(shown: Shown, told: str, told_at: datetime | None, *, now: datetime) -> str | None:
    """What should be told now: a code of RANKS, "" for well again, None for nothing. Pure.

    `told` is what was told last, at `told_at`.
    """
    rank, before = RANKS.get(shown.code, 0), RANKS.get(told, 0)
    if rank == 0 and before:
        return ""
    if rank <= before:
        return None
    if shown.code == Condition.DEGRADED:
        lasting = now - shown.since >= PASSES
        return shown.code if lasting and (told_at is None or now - told_at >= AGAIN) else None
    return shown.code


def tell_all(*, now: datetime) -> int:
    """Look at every connection at work; answers how many mails were written."""
    rows = Connection.objects.filter(
        Q(state__in=(State.ACTIVE, State.NEEDS_REAUTHORIZATION)) | ~Q(told_code=""),
        unit__state=OrganizationalUnit.State.ACTIVE,
    )
    return sum(
        tell(row, shown, now=now)
        for row, shown in shown_with_counts(list(rows.order_by("pk")))
        if _news(row, shown, now=now) is not None
    )


def _news(row: Connection, shown: Shown, *, now: datetime) -> str | None:
    """What should be told of this connection now, or None."""
    if row.state not in {State.ACTIVE, State.NEEDS_REAUTHORIZATION}:  # stopped by somebody, who knows
        return "" if row.told_code else None
    return worth_telling(shown, row.told_code, row.told_at, now=now)


@transaction.atomic
def tell(connection: Connection, shown: Shown, *, now: datetime) -> int:
    """Write the mails about a change, once, whoever looks at the same moment. Answers how many."""
    row = Connection.objects.select_for_update(no_key=True).get(pk=connection.pk)
    code = _news(row, shown, now=now)
    if code is None or row.state != connection.state:  # moved since it was looked at: the next look tells
        return 0
    Connection.objects.filter(pk=row.pk).update(told_code=code, told_at=now)
    if row.state not in {State.ACTIVE, State.NEEDS_REAUTHORIZATION}:
        return 0
    why = row.state_reason or ("mailboxes_failing" if code == Condition.DEGRADED else "")
    return _write(row, Kind.WORSE if code else Kind.WELL, why if code else "", now=now)


def _write(connection: Connection, kind: str, code: str, *, now: datetime) -> int:
    """One mail for each Ops Admin of the unit, to be sent by the job."""
    notices = [
        Notice(
            unit_id=connection.unit_id,
            connection=connection,
            recipient_id=pk,
            kind=kind,
            code=code,
            created_at=now,
            next_try_at=now,
        )
        for pk in ops_admins(connection.unit).values_list("pk", flat=True)
    ]
    return len(Notice.objects.bulk_create(notices))


def warn_of_secrets(*, now: datetime) -> int:
    """30, 14 and 3 days before a unit's own secret ends; answers how many mails were written."""
    living = Connection.objects.exclude(state__in=(State.DISCONNECTED, State.PENDING)).filter(
        unit__state=OrganizationalUnit.State.ACTIVE, credential__secret_ends_on__isnull=False
    )
    written, done = 0, set()
    for connection in living.select_related("unit", "credential").order_by("pk"):
        secret = connection.credential
        warning = due_warning(secret.secret_ends_on, secret.warned_days, today=now.date())
        if warning is None or secret.pk in done:
            continue
        done.add(secret.pk)
        with transaction.atomic():
            as_seen = Credential.objects.filter(
                pk=secret.pk, secret_ends_on=secret.secret_ends_on, warned_days=secret.warned_days
            )
            if as_seen.update(warned_days=warning):
                written += _write(connection, Kind.SECRET_ENDS, "", now=now)
    return written


def ops_admins(unit: OrganizationalUnit):
    """The people who can act on it and can be reached."""
    return User.objects.filter(
        is_active=True,
        memberships__in=unit.members.filter(state=Member.State.ACTIVE, role_grants__role=OPS_ADMIN.code),
    ).distinct()


def due(*, now: datetime) -> list[int]:
    """Mails to try now; each is handed out once in `HANDED_OUT`."""
    rows = Notice.objects.filter(
        next_try_at__lte=now, sent_at=None, unit__state=OrganizationalUnit.State.ACTIVE
    )
    found = list(rows.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    Notice.objects.filter(pk__in=found).update(next_try_at=now + HANDED_OUT)
    return found


def send(notice_id: int, *, now: datetime) -> None:
    """Mail one notice. Running it again mails nothing twice, save for a crash between the mail server's "taken"
    and our commit. Who is no Ops Admin any more is told nothing.
    """
    with transaction.atomic():
        row = (
            Notice.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("unit", "connection__unit", "recipient")
            .filter(pk=notice_id, sent_at=None, next_try_at__isnull=False)
            .first()
        )
        if row is None or row.unit.state != OrganizationalUnit.State.ACTIVE:
            return
        rows = Notice.objects.filter(pk=row.pk)
        if not ops_admins(row.unit).filter(pk=row.recipient_id).exists():
            rows.update(next_try_at=None)
            return
        zone = row.recipient.time_zone or row.unit.default_time_zone
        try:
            mail.send(f"connection_{row.kind}", row.recipient.email, zone=zone, **_words(row))
        except mail.Refused:
            rows.update(refused=True, next_try_at=None)
        except mail.NotNow:
            again = now + mail.wait(row.attempts) if row.attempts < TRIES else None
            rows.update(attempts=F("attempts") + 1, next_try_at=again)
        else:
            rows.update(sent_at=now, next_try_at=None)


def _words(row: Notice) -> dict:
    """What the mail's template needs."""
    connection = row.connection
    return {
        "unit": mail.one_line(row.unit.name),
        "connection": mail.one_line(str(connection)),
        "of_directory": connection.capabilities.reads_directory,
        "stopped": row.connection.state == State.NEEDS_REAUTHORIZATION,
        "why": reason(row.code),
        "since": row.created_at,
        "members": connection.mailboxes.count(),
        "page": settings.PORTAL_URL + connection.get_absolute_url(),
        "secret_ends_on": connection.credential.secret_ends_on if connection.credential else None,
    }


def forget_old(*, now: datetime) -> int:
    """Mails of more than 14 days ago."""
    return Notice.objects.filter(created_at__lt=now - timedelta(days=14)).delete()[0]
