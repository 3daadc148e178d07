"""Erasing what a unit held, slice by slice, and keeping its log: ids and codes stay, names go."""

from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import CASCADE, Q

from .erasure import erase_unless_needed
from .models import AuditEvent, AuditName, Member, OrganizationalUnit


@transaction.atomic
def erase_members(unit: OrganizationalUnit, *, most: int) -> int:
    """Delete up to `most` members with all that hangs from them, and sign-ins that belong nowhere else.

    Answers how many. Whole or not at all, so that a sign-in never outlives the membership that named it.
    """
    rows = unit.members.select_for_update(skip_locked=True, of=("self",)).select_related("user")
    members = list(rows.order_by("pk")[:most])
    users = [member.user for member in members if member.user is not None]
    Member.objects.filter(pk__in=[member.pk for member in members]).delete()
    for user in sorted(users, key=lambda user: user.pk):
        erase_unless_needed(user)
    return len(members)


@transaction.atomic
def erase_rows(unit: OrganizationalUnit, *, most: int) -> int:
    """Delete up to `most` rows of one kind that hangs from the unit, in whatever app. Answers how many; 0 at the end.

    Every row of the portal goes with its unit (tests/guards/test_unit_scoped.py), the log excepted.
    """
    Group.objects.filter(role_group__unit=unit).delete()
    for relation in OrganizationalUnit._meta.get_fields(include_hidden=True):
        if getattr(relation, "on_delete", None) is not CASCADE:
            continue
        rows = relation.related_model._base_manager.filter(**{relation.field.name: unit})
        if ids := list(rows.order_by("pk").values_list("pk", flat=True)[:most]):
            relation.related_model._base_manager.filter(pk__in=ids).delete()
            return len(ids)
    return 0


def forget_names(unit: OrganizationalUnit) -> None:
    """What the things in the unit's log were called. Names of sign-ins that live on are other units' too."""
    events = AuditEvent.objects.filter(unit=unit)
    told = Q(subject__in=events.values("subject")) | Q(subject__in=events.values("actor"))
    AuditName.objects.filter(told).exclude(subject__startswith="usr_").delete()
