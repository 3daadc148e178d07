"""What is kept on one member of a unit, whole, as values: for a page and for a file. Nothing of others."""

from collections.abc import Callable
from functools import reduce
from operator import or_

from django.db.models import Count, Max, Min, Q
from django.utils.translation import gettext as _

from orgunits.members import hours_of
from orgunits.models import AuditEvent, Member
from orgunits.roles import ROLES

from .audit_words import CODES
from .identity import person_of, shown_identity
from .models import BusyPeriod, EventPosition, Notice
from .periods import moment_of

# What apps above this one keep on a member: each says it by a function of its own (`AppConfig.ready`).
PARTS: dict[str, Callable[[Member], object]] = {}


def kept_on(member: Member, *, own: bool) -> dict:
    """Everything that hangs on the membership. `own`: the person asks about themselves, so their sign-in too.

    A sign-in may serve other units, which no Ops Admin of this one need know of. Times in UTC.
    """
    return {
        "unit": member.unit.name,
        "profile": _profile(member),
        **({"sign_in": _sign_in(member)} if own and member.user else {}),
        "roles": _roles(member),
        "mailbox": _mailbox(member),
        "own_authorizations": _own_authorizations(member),
        "calendars": _calendars(member),
        "named_by_connections": _named_by(member),
        "directories": _directories(member),
        "busy_time": _busy_time(member),
        "invitations": _invitations(member),
        "identity_confirmations": _confirmations(member),
        "mails_about_connections": _notices(member),
        **{name: part(member) for name, part in PARTS.items()},
        "audit_log": _audit_log(member),
    }


def _profile(member: Member) -> dict:
    box, present = getattr(member, "mailbox", None), person_of(member) is not None
    return {
        "id": member.public_id,
        "address": member.email,
        "given_name": member.given_name,
        "family_name": member.family_name,
        "department": member.department,
        "names_come_from": member.name_sources,
        "state": str(member.get_state_display()),
        "state_since": member.state_since,
        "came": str(member.get_came_by_display()),
        "last_here": member.last_seen_on,
        "time_zone": member.time_zone,
        "time_zone_source": str(member.get_time_zone_source_display()),
        "working_hours": hours_of(member),
        "working_hours_source": str(member.get_working_hours_source_display()),
        "identity": str(shown_identity(member, box, in_directory=present).label),
        "identity_since": member.identity_since,
    }


def _sign_in(member: Member) -> dict:
    user = member.user
    return {
        "id": user.public_id,
        "address": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "time_zone": user.time_zone,
        "last_sign_in": user.last_login,
    }


def _roles(member: Member) -> list[dict]:
    grants = member.role_grants.select_related("application").defer("application__logo").order_by("pk")
    return [
        {
            "role": str(ROLES[grant.role].name),
            "application": grant.application.name if grant.application else None,
            "since": grant.granted_at,
            "until": grant.until,
            "reason": grant.why,
        }
        for grant in grants
    ]


def _mailbox(member: Member) -> dict | None:
    box = getattr(member, "mailbox", None)
    if box is None:
        return None
    return {
        "served_by": str(box.connection) if box.connection else None,
        "why_that_one": str(box.get_decided_by_display()),
        "state": str(box.get_state_display()),
        "state_since": box.state_since,
        "failure": str(box.get_failure_display()) if box.failure else None,
        "last_read": box.last_synced_at,
    }


def _own_authorizations(member: Member) -> list[dict]:
    """That they are there and for what; the tokens are secrets of the connection, not data to take along."""
    return [
        {
            "connection": str(grant.connection),
            "state": str(grant.get_state_display()),
            "state_since": grant.state_since,
            "granted": grant.granted_at,
            "permissions": grant.scopes,
            "id_at_the_service": grant.subject,
            "still_to_be_withdrawn_there": grant.revoke_at is not None,
        }
        for grant in member.personal_grants.select_related("connection").order_by("pk")
    ]


def _named_by(member: Member) -> list[dict]:
    """Connections of the unit that hold the member's address by themselves, and what for."""
    fields = {"administrator": _("administrator who signed in"), **CODES["fields"]}
    named = reduce(or_, (Q(**{f"{name}__iexact": member.email}) for name in fields))
    return [
        {
            "connection": str(row),
            "as": [
                str(word)
                for name, word in fields.items()
                if getattr(row, name).lower() == member.email.lower()
            ],
        }
        for row in member.unit.connections.calendars().filter(named).order_by("pk")
    ]


def _notices(member: Member) -> list[dict]:
    """Mails to an Ops Admin about connections of this unit; kept for 14 days."""
    rows = Notice.objects.filter(unit=member.unit_id, recipient=member.user_id).exclude(recipient=None)
    return [
        {"about": str(row.get_kind_display()), "made": row.created_at, "sent": row.sent_at}
        for row in rows.order_by("pk")
    ]


def _calendars(member: Member) -> list[dict]:
    box = getattr(member, "mailbox", None)
    return [
        {
            "name": str(calendar),
            "primary": calendar.primary,
            "counts": calendar.counts,
            "why": str(calendar.get_counts_by_display()),
            "last_read": calendar.last_synced_at,
        }
        for calendar in (box.calendars.all() if box else [])
    ]


def _directories(member: Member) -> list[dict]:
    """What directories told of the person behind this member."""
    return [
        {
            "directory": str(row.connection),
            "address": row.address,
            "further_addresses": row.aliases,
            "earlier_addresses": [earlier.address for earlier in row.earlier_addresses.all()],
            "given_name": row.given_name,
            "family_name": row.family_name,
            "department": row.department,
            "place": row.path,
            "employee_id": row.employee_id,
            "further": row.attributes,
            "groups": [group.name for group in row.groups.all()],
            "first_seen": row.first_seen_at,
            "absent_since": row.absent_since,
        }
        for row in member.directory_people.select_related("connection").prefetch_related(
            "earlier_addresses", "groups"
        )
    ]


def _busy_time(member: Member) -> dict:
    """Not the periods themselves: each is a start, an end and busy or not, and the week shows them."""
    rows = BusyPeriod.objects.filter(member=member)
    found = rows.aggregate(number=Count("pk"), first=Min("starts"), last=Max("ends"))
    return {
        "periods": found["number"],
        "from": moment_of(found["first"]) if found["number"] else None,
        "until": moment_of(found["last"]) if found["number"] else None,
        "places_of_events": EventPosition.objects.filter(calendar__mailbox__member=member).count(),
    }


def _invitations(member: Member) -> list[dict]:
    return [
        {
            "address": row.email,
            "state": str(row.get_state_display()),
            "made": row.created_at,
            "sent": row.sent_at,
            "ends": row.expires_at,
        }
        for row in member.invitations.order_by("pk")
    ]


def _confirmations(member: Member) -> list[dict]:
    return [
        {
            "address": row.email,
            "state": str(row.get_state_display()),
            "asked": row.asked_at,
            "ends": row.expires_at,
        }
        for row in member.identity_confirmations.order_by("pk")
    ]


def _audit_log(member: Member) -> dict:
    """Numbers only: an event tells of two people, and the log is kept for the unit."""
    by = Q(actor=member.user.public_id) if member.user else Q(pk=None)
    rows = AuditEvent.objects.filter(unit=member.unit_id)
    return rows.aggregate(
        events_about=Count("pk", filter=Q(subject=member.public_id)), events_by=Count("pk", filter=by)
    )
