"""Pages about roles: what each may do, and whether somebody may do something."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from orgunits import rights
from orgunits.access import unit_view
from orgunits.candidates import MOST, candidates, member_with
from orgunits.explain import explain
from orgunits.forms.roles import AskForm
from orgunits.models import OrganizationalUnit
from orgunits.roles import CUSTOMER, INTEGRATOR, ROLES, UNIT_RIGHT_FOR, Role

APPLICATIONS_OFFERED = 200
WORDS = {
    "own": rights.ON_OWN_SCHEDULE,
    "unit": rights.ON_UNIT,
    "application": rights.ON_APPLICATION,
}


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
        return _("All")
    return _("Chosen ones") if right in role.application_rights else False


def _where(role: Role) -> str:
    """Where the role may be granted, in a sentence."""
    if role.on_application:
        return _("Granted on one application at a time.")
    if set(role.where) == {CUSTOMER, INTEGRATOR}:
        return _("Granted in every unit.")
    return _("Granted in integrator units, and in customer units that own an application.")


@unit_view("review_access")
def roles_ask(request: HttpRequest, unit: OrganizationalUnit) -> HttpResponse:
    """Can X do Y to Z? The question stands in the URL; the answer is the door's own."""
    applications = unit.applications.defer("logo").order_by("name", "pk")[:APPLICATIONS_OFFERED]
    form = AskForm(request.GET, applications=list(applications))
    question, text = form.question(), form.cleaned_data.get("q", "") if form.is_valid() else ""
    member = member_with(unit, request.GET.get("member", ""))
    found = [] if member else candidates(unit, text)
    kept = {name: request.GET[name] for name in ("right", "application") if request.GET.get(name)}
    context = {
        "form": form,
        "member": member,
        "found": found[:MOST],
        "more": len(found) > MOST,
        "text": text,
        "choose": f"?{urlencode({**kept, 'member': ''})}",
        "again": f"?{urlencode(kept)}",
    }
    if member and question:
        about, right, application = question
        context |= {
            "about": about,
            "right_words": WORDS[about][right],
            "application": application,
            "explanation": explain(unit, member, right, application, own=about == "own"),
        }
    return render(request, "orgunits/role_ask.html", context)
