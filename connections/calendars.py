"""The calendars in members' mailboxes: listed from the provider, chosen by people."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from orgunits import audit
from orgunits.models import Member, User

from .models import BusyPeriod, EventPosition, Mailbox, MemberCalendar
from .providers.base import CalendarInfo

CountsBy = MemberCalendar.CountsBy


@transaction.atomic
def link_calendars(mailbox: Mailbox, found: list[CalendarInfo], *, now: datetime) -> None:
    """Bring the list of calendars up to date. New ones count when primary; what a person chose stays.

    A list read through a connection that no longer serves the mailbox changes nothing.
    """
    if not Mailbox.objects.filter(pk=mailbox.pk, connection=mailbox.connection).exists():
        return
    provider = mailbox.connection.provider
    known = {row.provider_id: row for row in mailbox.calendars.filter(provider=provider)}
    fresh = [info for info in found if info.provider_id not in known]
    MemberCalendar.objects.bulk_create(
        [
            MemberCalendar(
                unit_id=mailbox.unit_id,
                mailbox=mailbox,
                provider=provider,
                provider_id=info.provider_id,
                name=info.name[:300],
                primary=info.primary,
                counts=info.primary,
                time_zone=info.time_zone,
            )
            for info in fresh
        ],
        ignore_conflicts=True,
    )
    for info in found:
        row = known.get(info.provider_id)
        if row is None:
            continue
        zone = info.time_zone or row.time_zone  # not every provider tells it here
        now_so = (info.name[:300], info.primary, zone, None)
        if (row.name, row.primary, row.time_zone, row.gone_at) != now_so:
            row.name, row.primary, row.time_zone, row.gone_at = now_so
            if row.counts_by == CountsBy.DEFAULT:
                row.counts = info.primary
            row.save(update_fields=["name", "primary", "time_zone", "gone_at", "counts"])
    listed = {info.provider_id for info in found}
    lost = mailbox.calendars.filter(gone_at=None).exclude(Q(provider=provider) & Q(provider_id__in=listed))
    _forget(list(lost.values_list("pk", flat=True)), gone_at=now)
    Mailbox.objects.filter(pk=mailbox.pk, connection=mailbox.connection).update(calendars_listed_at=now)
    mailbox.calendars_listed_at = now


def _forget(ids: list[int], **changes) -> None:
    """Delete what was read of these calendars, and change their rows.

    The rows come first: that waits for a reading which is just being stored.
    """
    MemberCalendar.objects.filter(pk__in=ids).update(feed_token="", **changes)
    BusyPeriod.objects.filter(calendar__in=ids).delete()
    EventPosition.objects.filter(calendar__in=ids).delete()


@transaction.atomic
def choose_calendars(member: Member, public_ids: set[str], *, by: User, now: datetime) -> None:
    """Count exactly these of the member's calendars. What is no longer counted is forgotten at once."""
    public_ids = {name for name in public_ids if "\0" not in name}  # no row is called so
    how = CountsBy.MEMBER if member.user_id == by.pk else CountsBy.OPS_ADMIN
    rows = MemberCalendar.objects.filter(mailbox__member=member, gone_at=None)
    on = rows.filter(public_id__in=public_ids, counts=False)
    off = rows.exclude(public_id__in=public_ids).filter(counts=True)
    changed = [*on.values_list("public_id", flat=True), *off.values_list("public_id", flat=True)]
    if not changed:
        return
    ids = list(off.values_list("pk", flat=True))
    _forget(ids, counts=False, counts_by=how, full_round_at=None, last_synced_at=None)
    rows.filter(public_id__in=public_ids, counts=False).update(counts=True, counts_by=how)
    Mailbox.objects.filter(member=member, next_sync_at__isnull=False).update(next_sync_at=now)
    audit.record(member.unit, "calendars.chosen", member, by=by, now=now, changed=sorted(changed))
