"""The page of roles: what each may do, as the portal decides it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from orgunits import rights
from orgunits.access import unit_view
from orgunits.models import OrganizationalUnit
from orgunits.roles import CUSTOMER, INTEGRATOR, ROLES, UNIT_RIGHT_FOR, Role


@unit_view("see_unit")
def roles(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """The matrix of roles and rights, for everybody in the unit."""
    held = set(request.access.member.role_grants.values_list("role", flat=True))
    every = list(ROLES.values())
    own = [(words, [(role, True) for role in every]) for words in rights.ON_OWN_SCHEDULE.values()]
    on_unit = [
        (words, [(role, right in role.rights) for role in every]) for right, words in rights.ON_UNIT.items()
    ]
    on_application = [
        (words, [(role, _on_application(role, right)) for role in every])
        for right, words in rights.ON_APPLICATION.items()
    ]
    context = {
        "roles": [{"role": role, "where": _where(role), "held": role.code in held} for role in every],
        "parts": [
            (_("With their own schedule"), own),
            (_("With the unit"), on_unit),
            (_("With applications"), on_application),
        ],
    }
    return render(request, "orgunits/roles.html", context)


def _on_application(role: Role, right: str) -> str | bool:
    """Which applications a role reaches with `right`; False when none."""
    if UNIT_RIGHT_FOR[right] in role.rights:
        return _("All applications")
    return _("Chosen applications") if right in role.application_rights else False


def _where(role: Role) -> str:
    """Where the role may be granted, in a sentence."""
    if role.on_application:
        return _("Granted on one application at a time.")
    if set(role.where) == {CUSTOMER, INTEGRATOR}:
        return _("Granted in every unit.")
    return _("Granted in integrator units, and in customer units that own an application.")
