"""The audit log: verbs write here what they did."""

from datetime import datetime

from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from .models import AuditEvent, AuditName, OrganizationalUnit, User

SYSTEM = "system"

# The verbs of every app and the words that people read for them.
VERBS: dict[str, str] = {
    "administrator signed in": _("Administrator signed in"),
    "authorization begun": _("Authorization begun"),
    "authorization refused": _("Authorization refused"),
    "calendars chosen": _("Calendars chosen"),
    "connection active": _("Connection active"),
    "connection checked": _("Connection checked"),
    "connection chosen": _("Connection chosen"),
    "connection created": _("Connection created"),
    "connection disconnected": _("Connection disconnected"),
    "connection lost": _("Connection lost"),
    "connection paused": _("Connection paused"),
    "connection resumed": _("Connection resumed"),
    "consent returned": _("Consent returned"),
    "domain added": _("Domain added"),
    "domain removed": _("Domain removed"),
    "domain verified": _("Domain verified"),
    "hand-off link made": _("Hand-off link made"),
    "hand-off link started": _("Hand-off link started"),
    "hand-off link used up": _("Hand-off link used up"),
    "hand-off link withdrawn": _("Hand-off link withdrawn"),
    "key chosen": _("Key chosen"),
    "key kept": _("Key kept"),
    "member added": _("Member added"),
    "role granted": _("Role granted"),
    "role revoked": _("Role revoked"),
    "setting handed back": _("Setting handed back"),
    "tenant bound": _("Tenant bound"),
    "time zone set": _("Time zone set"),
    "unit created": _("Unit created"),
    "working hours set": _("Working hours set"),
}


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
