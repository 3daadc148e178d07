"""What happens when nobody waits: thin, ids only, each may run twice. Verbs enqueue here and are called back."""

from datetime import timedelta

from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task

from .models import BulkRun, IdentityConfirmation, Invitation, InvitationSheet


def enqueue_invitation(invitation: Invitation) -> None:
    async_task("orgunits.jobs.send_invitation", invitation.pk, task_name=f"send {invitation.public_id}")


def send_invitation(invitation_id: int) -> None:
    from . import invitations

    invitations.send(invitation_id, now=timezone.now())


def enqueue_sheet(sheet: InvitationSheet, *, after: int) -> None:
    async_task(
        "orgunits.jobs.invite_from_sheet",
        sheet.pk,
        after,
        task_name=f"invite from {sheet.public_id} after {after}",
    )


def invite_from_sheet(sheet_id: int, after: int) -> None:
    from . import invitation_plans

    sheet = InvitationSheet.objects.select_related("unit", "made_by").filter(pk=sheet_id).first()
    if sheet is not None:
        invitation_plans.go_on(sheet, after=after, now=timezone.now())


def forget_sheets() -> None:
    """Every night: sheets of more than a day ago; the invitations stay."""
    InvitationSheet.objects.filter(made_at__lt=timezone.now() - timedelta(days=1)).delete()


def enqueue_confirmation(confirmation: IdentityConfirmation) -> None:
    async_task("orgunits.jobs.send_confirmation", confirmation.pk, task_name=f"send {confirmation.public_id}")


def send_confirmation(confirmation_id: int) -> None:
    from . import identity

    identity.send(confirmation_id, now=timezone.now())


def send_again() -> None:
    """Every minute: mail that the server did not take at first."""
    from . import identity, invitations

    now = timezone.now()
    for pk in invitations.due(now=now):
        async_task("orgunits.jobs.send_invitation", pk, task_name=f"try invitation {pk} again")
    for pk in identity.due(now=now):
        async_task("orgunits.jobs.send_confirmation", pk, task_name=f"try confirmation {pk} again")


def end_invitations() -> None:
    """Every ten minutes: invitations and confirmations whose time is over."""
    from . import identity, invitations

    now = timezone.now()
    invitations.expire(now=now)
    identity.expire(now=now)


def end_roles() -> None:
    """Every five minutes: roles whose last day is over."""
    from . import grants

    grants.end_what_is_over(now=timezone.now())


def _bulk_name(run: BulkRun) -> str:
    return f"bulk run {run.public_id}"


def enqueue_bulk(run: BulkRun) -> None:
    async_task("orgunits.jobs.run_bulk", run.pk, task_name=_bulk_name(run))


def run_bulk(run_id: int) -> None:
    """The next members of an act on many; the last thing it does is to ask for the next slice."""
    from . import bulk

    run = BulkRun.objects.select_related("unit", "made_by").filter(pk=run_id).first()
    if run is not None and bulk.do_slice(run, now=timezone.now()):
        enqueue_bulk(run)


def go_on_with_bulk() -> None:
    """Every ten minutes: runs whose job was given up after its last attempt. Payloads are not looked at."""
    waiting = {task.name() for task in OrmQ.objects.all()[:2000]}
    for run in BulkRun.objects.filter(state=BulkRun.State.RUNNING):
        if _bulk_name(run) not in waiting:
            enqueue_bulk(run)


def erase_members() -> None:
    """Every night, slice by slice: removed members whose time to be restored is over."""
    from . import erasure

    if erasure.erase_overdue(now=timezone.now(), most=erasure.SLICE) == erasure.SLICE:
        async_task("orgunits.jobs.erase_members", task_name="erase members, next slice")


def forget_bulk() -> None:
    """Every night: previews that nobody started, and results of long ago."""
    from . import bulk

    bulk.forget_old(now=timezone.now())
