"""Mail about what ends soon: hand-off links nobody used, and waiting for a provider that comes to its end."""

from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse

from orgunits.models import Member, OrganizationalUnit
from orgunits.roles import OPS_ADMIN

from .health import PATIENCE
from .models import Connection, HandOff

SOON = timedelta(hours=48)
WAITED = PATIENCE / 2


def warn_of_ends(*, now: datetime) -> int:
    """Tell the Ops Admins, once for each thing that ends. Answers how many mails were sent."""
    sent = 0
    working = OrganizationalUnit.State.ACTIVE
    links = HandOff.objects.filter(
        unit__state=working,
        finished_at=None,
        revoked_at=None,
        warned_at=None,
        expires_at__range=(now, now + SOON),
    )
    for link in links.select_related("unit", "connection"):
        if HandOff.objects.filter(pk=link.pk, warned_at=None).update(warned_at=now):
            sent += _mail(link.unit, "hand_off_ends", {"hand_off": link, "connection": link.connection})
    waiting = Connection.objects.filter(
        unit__state=working,
        state=Connection.State.PENDING,
        waiting_since__lt=now - WAITED,
        warned_at=None,
    )
    for connection in waiting.select_related("unit"):
        if Connection.objects.filter(pk=connection.pk, warned_at=None).update(warned_at=now):
            sent += _mail(connection.unit, "waiting_ends", {"connection": connection})
    return sent


def _mail(unit: OrganizationalUnit, name: str, context: dict) -> int:
    """One mail to the unit's Ops Admins."""
    admins = unit.members.filter(
        state=Member.State.ACTIVE, role_grants__role=OPS_ADMIN.code, user__is_active=True
    )
    addresses = list(admins.values_list("user__email", flat=True))
    connection = context["connection"]
    page = settings.PORTAL_URL + reverse("set_up", args=[unit.slug, connection.public_id])
    context = {**context, "unit": unit, "page": page}
    if not addresses:
        return 0
    return send_mail(
        render_to_string(f"emails/{name}.subject.txt", context).strip(),
        render_to_string(f"emails/{name}.txt", context),
        None,
        addresses,
    )
