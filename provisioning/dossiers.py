"""What somebody had on the day they left: frozen, so that it can be handed over, checked and signed off.

Ids, codes and names as they were on that day. Once the person is forgotten, only codes and numbers are left.
"""

import json
from datetime import datetime
from hashlib import sha256

from connections.models import DirectoryPerson, PersonalGrant
from orgunits.models import Member

FORM = 1  # of the file; bookings join with their issue


def dossier_of(member: Member) -> dict:
    """Everything that hangs on the membership now, as JSON."""
    roles = _roles(member)
    return {
        "form": FORM,
        "member": _member(member),
        "roles": roles,
        "applications": _applications(roles),
        "directory": _directory(member),
        "calendar": _calendar(member),
        "authorizations": _authorizations(member),
    }


def without_names(dossier: dict) -> dict:
    """What is left once the person is forgotten: codes and numbers."""
    calendar = dossier.get("calendar") or {}
    return {
        "form": dossier.get("form", FORM),
        "roles": sorted({row["role"] for row in dossier.get("roles", [])}),
        "numbers": {
            "roles": len(dossier.get("roles", [])),
            "applications": len(dossier.get("applications", [])),
            "groups": len((dossier.get("directory") or {}).get("groups", [])),
            "calendars": len(calendar.get("calendars", [])),
            "authorizations": len(dossier.get("authorizations", [])),
        },
    }


def digest_of(dossier: dict) -> str:
    """SHA-256, in hex, of a dossier: who signed it off signed this."""
    text = json.dumps(dossier, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return sha256(text.encode()).hexdigest()


def _member(member: Member) -> dict:
    return {
        "id": member.public_id,
        "name": member.name,
        "address": member.email,
        "department": member.department,
        "came_by": member.came_by,
        "identity": member.identity,
        "identity_since": _moment(member.identity_since),
        "last_seen_on": member.last_seen_on.isoformat() if member.last_seen_on else None,
        "sign_in": member.user.public_id if member.user else None,
    }


def _roles(member: Member) -> list[dict]:
    grants = member.role_grants.select_related("application", "granted_by").defer("application__logo")
    rules: dict[str, list[dict]] = {}
    for held in member.rule_grants.select_related("rule").order_by("rule__order", "rule_id"):
        rules.setdefault(held.role, []).append({"id": held.rule.public_id, "name": held.rule.name})
    return [
        {
            "id": grant.public_id,
            "role": grant.role,
            "application": grant.application.public_id if grant.application else None,
            "application_name": grant.application.name if grant.application else None,
            "environment": grant.application.environment if grant.application else None,
            "given_by": grant.granted_by.public_id if grant.granted_by else None,
            "given_by_name": str(grant.granted_by) if grant.granted_by else None,
            "given_at": _moment(grant.granted_at),
            "until": _moment(grant.until),
            "why": grant.why,
            "rules": rules.get(grant.role, []) if grant.application is None else [],
        }
        for grant in grants.order_by("pk")
    ]


def _applications(roles: list[dict]) -> list[dict]:
    """The applications somebody was chosen for, each once."""
    found = {
        row["application"]: {
            "id": row["application"],
            "name": row["application_name"],
            "environment": row["environment"],
        }
        for row in roles
        if row["application"]
    }
    return list(found.values())


def _directory(member: Member) -> dict | None:
    person = DirectoryPerson.objects.filter(member=member).select_related("connection").first()
    if person is None:
        return None
    groups = person.groups.order_by("sort_key", "pk")
    return {
        "connection": person.connection.public_id,
        "connection_name": str(person.connection),
        "person": person.public_id,
        "external_id": person.external_id,
        "employee_id": person.employee_id,
        "path": person.path,
        "enabled": person.enabled,
        "absent_since": _moment(person.absent_since),
        "deleted_at": _moment(person.deleted_at),
        "groups": [{"id": group.public_id, "name": str(group)} for group in groups],
    }


def _calendar(member: Member) -> dict | None:
    box = getattr(member, "mailbox", None)
    if box is None or box.connection is None:
        return None
    return {
        "connection": box.connection.public_id,
        "connection_name": str(box.connection),
        "mode": box.connection.mode,
        "address": member.email,
        "state": box.state,
        "last_read_at": _moment(box.last_synced_at),
        "calendars": [
            {"id": row.public_id, "name": str(row), "counts": row.counts} for row in box.calendars.all()
        ],
    }


def _authorizations(member: Member) -> list[dict]:
    grants = member.personal_grants.exclude(state=PersonalGrant.State.WITHDRAWN).select_related("connection")
    return [
        {
            "id": grant.public_id,
            "connection": grant.connection.public_id,
            "connection_name": str(grant.connection),
            "given_at": _moment(grant.granted_at),
            "scopes": grant.scopes,
        }
        for grant in grants.order_by("pk")
    ]


def _moment(value: datetime | None) -> str | None:
    return value.isoformat(timespec="seconds") if value else None
