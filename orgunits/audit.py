"""The audit log: verbs write here what they did."""

from datetime import datetime

from django.db import models, transaction

from .models import AuditEvent, AuditName, OrganizationalUnit, User

SYSTEM = "system"


def record(
    unit: OrganizationalUnit | None,
    verb: str,
    subject: models.Model,
    *,
    by: "User | models.Model | None",
    now: datetime,
    **facts,
) -> AuditEvent:
    """Write one event into the caller's transaction.

    `by` is the user (or the hand-off) that acted, None for the portal itself. `facts` are ids, codes and
    numbers; a name or an address never belongs there.
    """
    with transaction.atomic():
        for row in (subject, by):
            if row is not None:
                AuditName.objects.update_or_create(subject=row.public_id, defaults={"name": str(row)[:300]})
        return AuditEvent.objects.create(
            unit=unit,
            at=now,
            verb=verb,
            actor=by.public_id if by is not None else SYSTEM,
            subject=subject.public_id,
            facts=facts,
        )


def names(events: list[AuditEvent]) -> dict[str, str]:
    """What the ids in `events` are called; an erased one is missing."""
    ids = {event.actor for event in events} | {event.subject for event in events}
    return dict(AuditName.objects.filter(subject__in=ids).values_list("subject", "name"))
