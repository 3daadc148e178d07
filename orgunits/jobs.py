"""What happens when nobody waits: thin, ids only, each may run twice. Verbs enqueue here and are called back."""

from django.utils import timezone
from django_q.tasks import async_task

from .models import Invitation


def enqueue_invitation(invitation: Invitation) -> None:
    async_task("orgunits.jobs.send_invitation", invitation.pk, task_name=f"send {invitation.public_id}")


def send_invitation(invitation_id: int) -> None:
    from . import invitations

    invitations.send(invitation_id, now=timezone.now())


def send_again() -> None:
    """Every minute: mail that the server did not take at first."""
    from . import invitations

    for pk in invitations.due(now=timezone.now()):
        async_task("orgunits.jobs.send_invitation", pk, task_name=f"try invitation {pk} again")


def end_invitations() -> None:
    """Every ten minutes: invitations whose time is over."""
    from . import invitations

    invitations.expire(now=timezone.now())


def end_roles() -> None:
    """Every five minutes: roles whose last day is over."""
    from . import grants

    grants.end_what_is_over(now=timezone.now())
