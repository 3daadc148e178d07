"""Telling the Ops Admins that a run is paused: one mail for each paused run. Numbers and a link, no names."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.urls import reverse

from connections.notices import AT_ONCE, HANDED_OUT, TRIES, ops_admins
from orgunits import mail
from orgunits.models import OrganizationalUnit

from .guard import Outcome
from .models import ProvisioningRun, RunNotice
from .run_list import guard_sentences

PAUSED = ProvisioningRun.State.PAUSED


def tell_paused(*, now: datetime) -> int:
    """Write the mails about paused runs of which nobody was told. Answers how many."""
    rows = ProvisioningRun.objects.filter(
        state=PAUSED, told_at=None, unit__state=OrganizationalUnit.State.ACTIVE
    )
    return sum(_tell(run, now=now) for run in rows.select_related("unit").order_by("pk")[:AT_ONCE])


@transaction.atomic
def _tell(run: ProvisioningRun, *, now: datetime) -> int:
    """One mail for each Ops Admin, once, whoever looks at the same moment; to be sent by the job."""
    if not ProvisioningRun.objects.filter(pk=run.pk, state=PAUSED, told_at=None).update(told_at=now):
        return 0
    notices = [
        RunNotice(unit_id=run.unit_id, run=run, recipient_id=pk, created_at=now, next_try_at=now)
        for pk in ops_admins(run.unit).values_list("pk", flat=True)
    ]
    return len(RunNotice.objects.bulk_create(notices, ignore_conflicts=True))


def due(*, now: datetime) -> list[int]:
    """Mails to try now; each is handed out once in `HANDED_OUT`."""
    rows = RunNotice.objects.filter(
        next_try_at__lte=now, sent_at=None, unit__state=OrganizationalUnit.State.ACTIVE
    )
    found = list(rows.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    RunNotice.objects.filter(pk__in=found).update(next_try_at=now + HANDED_OUT)
    return found


def send(notice_id: int, *, now: datetime) -> None:
    """Mail one notice. Running it again mails nothing twice, save for a crash between the mail server's "taken"
    and our commit. Who is no Ops Admin any more is told nothing, and nobody is told of what was decided meanwhile.
    """
    with transaction.atomic():
        row = (
            RunNotice.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("unit", "run__unit", "run__connection", "run__plan", "recipient")
            .filter(pk=notice_id, sent_at=None, next_try_at__isnull=False)
            .first()
        )
        if row is None or row.unit.state != OrganizationalUnit.State.ACTIVE:
            return
        rows = RunNotice.objects.filter(pk=row.pk)
        if row.run.state != PAUSED or not ops_admins(row.unit).filter(pk=row.recipient_id).exists():
            rows.update(next_try_at=None)
            return
        zone = row.recipient.time_zone or row.unit.default_time_zone
        try:
            mail.send("provisioning_paused", row.recipient.email, zone=zone, **_words(row.run))
        except mail.Refused:
            rows.update(refused=True, next_try_at=None)
        except mail.NotNow:
            again = now + mail.wait(row.attempts) if row.attempts < TRIES else None
            rows.update(attempts=F("attempts") + 1, next_try_at=again)
        else:
            rows.update(sent_at=now, next_try_at=None)


def _words(run: ProvisioningRun) -> dict:
    """What the mail's template needs; nothing of it is somebody's name."""
    return {
        "unit": mail.one_line(run.unit.name),
        "directory": mail.one_line(str(run.connection)),
        "since": run.state_since,
        "blocked": run.plan.outcome == Outcome.BLOCKED,
        "because": guard_sentences(run),
        "candidates": run.plan.candidates,
        "base": run.plan.base,
        "limit": run.plan.limit,
        "page": settings.PORTAL_URL + reverse("run", args=[run.unit.slug, run.public_id]),
    }


def forget_old(*, now: datetime) -> int:
    """Mails of more than 14 days ago."""
    return RunNotice.objects.filter(created_at__lt=now - timedelta(days=14)).delete()[0]
