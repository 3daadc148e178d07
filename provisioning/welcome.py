"""Welcome mails: whoever a rule brought gets a link to sign in, where the rule says so and when it says so."""

from datetime import datetime

from django.db import transaction

from orgunits import invitations
from orgunits.models import OrganizationalUnit

from .models import WelcomeMail

AT_ONCE = 200


def send_due(*, now: datetime) -> int:
    """Hand the mails whose day has come to the invitations, which send, retry and tell. Answers how many.

    Who was suspended or removed meanwhile, or can sign in already, gets none; a unit at rest waits.
    """
    rows = WelcomeMail.objects.filter(
        sent_at=None, due_on__lte=now.date(), unit__state=OrganizationalUnit.State.ACTIVE
    )
    keys = list(rows.order_by("due_on", "pk").values_list("pk", flat=True)[:AT_ONCE])
    for key in keys:
        _send(key, now=now)
    return len(keys)


@transaction.atomic
def _send(key: int, *, now: datetime) -> None:
    rows = WelcomeMail.objects.select_for_update(of=("self",), skip_locked=True).filter(pk=key, sent_at=None)
    row = rows.select_related("member__unit", "rule__made_by").first()
    if row is None:
        return
    by = row.rule.made_by if row.rule else None
    if by is not None:
        try:
            with transaction.atomic():
                invitations.send_link_to_sign_in(row.member, by=by, now=now)
        except (invitations.AlreadyMember, invitations.AlreadyInvited):
            pass  # they have a way in, or are not here any more
        except invitations.UnitNotActive:
            return
    row.sent_at = now
    row.save(update_fields=["sent_at"])
