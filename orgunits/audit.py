"""The audit log: verbs write here what they did."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db import models, transaction

from .audit_verbs import VERBS
from .models import AuditEvent, AuditName, AuditReason, OrganizationalUnit, User
from .origin import coming_from, current

__all__ = ["SYSTEM", "VERBS", "Happened", "coming_from", "record", "record_many"]

SYSTEM = "system"


def record(
    unit: OrganizationalUnit | None,
    verb: str,
    subject: models.Model,
    *,
    by: "User | models.Model | None",
    now: datetime,
    before: dict | None = None,
    after: dict | None = None,
    why: str = "",
    **facts,
) -> AuditEvent:
    """Write one event into the caller's transaction.

    `by` is the user (or the hand-off) that acted, None for the portal itself. `before` and `after` say what of
    the subject changed. They and `facts` are ids, codes and numbers; a name or an address never belongs there.
    `why` is the reason a person wrote, kept beside the event so that it can be erased.
    """
    origin, request_id = current()
    with transaction.atomic():
        for row in (subject, by):
            if row is not None:
                _keep_name(row.public_id, str(row)[:300])
        event = AuditEvent.objects.create(
            unit=unit,
            at=now,
            verb=verb,
            actor=by.public_id if by is not None else SYSTEM,
            subject=subject.public_id,
            before=before,
            after=after,
            facts=facts,
            origin=origin,
            request_id=request_id,
        )
        if why:
            AuditReason.objects.create(event=event.public_id, unit=unit, text=why.replace("\0", "")[:500])
        return event


@dataclass(frozen=True)
class Happened:
    """One of many events that the portal writes at once."""

    verb: str
    subject: models.Model
    facts: Mapping[str, object] = field(default_factory=dict)


@transaction.atomic
def record_many(
    unit: OrganizationalUnit, events: Iterable[Happened], *, now: datetime, by: User | None = None
) -> None:
    """What the portal itself, or a person at once, did to many: two statements for each thousand. Facts as for
    `record`."""
    origin, request_id = current()
    rows, names = [], {}
    if by is not None:
        _keep_name(by.public_id, str(by)[:300])
    for one in events:
        names[one.subject.public_id] = str(one.subject)[:300]
        rows.append(
            AuditEvent(
                unit=unit,
                at=now,
                verb=one.verb,
                actor=by.public_id if by is not None else SYSTEM,
                subject=one.subject.public_id,
                facts=dict(one.facts),
                origin=origin,
                request_id=request_id,
            )  # fmt: skip
        )
    AuditName.objects.bulk_create(
        [AuditName(subject=subject, name=name) for subject, name in sorted(names.items())],
        batch_size=1000,
        update_conflicts=True,
        unique_fields=["subject"],
        update_fields=["name"],
    )
    AuditEvent.objects.bulk_create(rows, batch_size=1000)


def _keep_name(subject: str, name: str) -> None:
    """Touch the row only when it is not so already: a lock on it would last as long as the caller's transaction,
    and whatever one person does in two tabs would wait for each other.
    """
    if not AuditName.objects.filter(subject=subject, name=name).exists():
        AuditName.objects.update_or_create(subject=subject, defaults={"name": name})
