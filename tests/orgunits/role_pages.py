"""Where a member's roles are given, and which of them are held."""

from django.urls import reverse

from orgunits.models import Member
from tests.people import Company, Integrator


def roles_page(where: Company | Integrator, member: Member) -> str:
    return reverse("member_roles", args=[where.unit.slug, member.public_id])


def held(member: Member) -> list[str]:
    return sorted(member.role_grants.values_list("role", flat=True))
