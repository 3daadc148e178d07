"""Pages on which roles are given and taken: for one member, and for one application."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from orgunits import grants, rights
from orgunits.access import refuse, rights_of, unit_view
from orgunits.candidates import MOST, candidates, member_with
from orgunits.forms.roles import ApplicationGrantForm, GrantForm, MemberSearchForm, ReasonForm, TermsForm
from orgunits.models import Application, Member, OrganizationalUnit, RoleGrant
from orgunits.paging import page_of
from orgunits.roles import OPS_ADMIN, ROLES, AboveOwnRole, LastOpsAdmin, NotGrantable, may_grant

PAGE_SIZE = 50
APPLICATIONS_OFFERED = 200  # more are given their people on their own pages

# Who gives roles of the unit (manage_members) also chooses who works on applications: one right opens these pages
# to both, and each role is checked by itself.
GIVES_ROLES = "manage_applications"


@unit_view(GIVES_ROLES)
def member_roles(request: HttpRequest, unit: OrganizationalUnit, member_id: str) -> HttpResponse:
    """A member's roles, and a form that gives another one."""
    member = _member(unit, member_id)
    active = unit.applications.filter(state=Application.State.ACTIVE).defer("logo")
    form = GrantForm(
        _posted(request),
        roles=grants.giveable(request.access),
        applications=list(active.order_by("name", "pk")[:APPLICATIONS_OFFERED]),
    )
    if form.is_valid() and _give(request, member, form):
        return redirect("member_roles", slug=unit.slug, member_id=member_id)
    held = grants.held_by(member, request.access)
    context = {
        "member": member,
        "held": held,
        "form": form,
        "offers_ops_admin": may_grant(OPS_ADMIN, request.access.rights)
        and all(one.role != OPS_ADMIN for one in held),
    }
    return render(request, "orgunits/role_member.html", context, status=422 if form.errors else 200)


@unit_view("manage_members", fresh=True)
def role_ops_admin(request: HttpRequest, unit: OrganizationalUnit, member_id: str) -> HttpResponse:
    """Making somebody Ops Admin, after proving again who one is."""
    member = _member(unit, member_id)
    form = TermsForm(_posted(request))
    if form.is_valid():
        form.cleaned_data |= {"role": OPS_ADMIN, "application": None}
        if _give(request, member, form):
            return redirect("member_roles", slug=unit.slug, member_id=member_id)
    context = {
        "member": member,
        "form": form,
        "role": OPS_ADMIN,
        "gains": [rights.ON_UNIT[right] for right in OPS_ADMIN.rights],
    }
    return render(request, "orgunits/role_ops_admin.html", context, status=422 if form.errors else 200)


@unit_view(GIVES_ROLES)
def role_revoke(request: HttpRequest, unit: OrganizationalUnit, member_id: str) -> HttpResponse:
    """What ends with one role (`?grant=`), and ending it."""
    member = _member(unit, member_id)
    back = _back(request, unit, member)
    grant_id = request.GET.get("grant", "")
    found = member.role_grants.none() if "\0" in grant_id else member.role_grants.filter(public_id=grant_id)
    grant = found.select_related("application", "member__unit").first()
    if grant is None:  # in another tab, or by its end
        messages.info(request, _("This role has already ended."))
        return redirect(back)
    role = ROLES[grant.role]
    if not may_grant(role, request.access.rights):
        return refuse(request, "manage_members")
    form = ReasonForm(_posted(request))
    if form.is_valid():
        try:
            grants.take(request.access, grant, now=timezone.now(), why=form.cleaned_data["why"])
        except LastOpsAdmin:
            form.add_error(None, _("A unit always keeps one Ops Admin. Make somebody else Ops Admin first."))
        else:
            words = {"name": member.name, "role": role.name}
            messages.success(request, _("%(name)s is no longer %(role)s.") % words)
            if member == request.access.member and GIVES_ROLES not in rights_of(member):
                return redirect("unit_home", slug=unit.slug)
            return redirect(back)
    context = {
        "member": member,
        "grant": grant,
        "role": role,
        "stops": _stops(grant),
        "keeps": _keeps(grant),
        "form": form,
        "back": back,
    }
    return render(request, "orgunits/role_revoke.html", context, status=422 if form.errors else 200)


@unit_view(GIVES_ROLES)
def application_people(request: HttpRequest, unit: OrganizationalUnit, application_id: str) -> HttpResponse:
    """Who works on one application; a member who is searched for can be added."""
    application = unit.applications.filter(public_id=application_id).defer("logo").first()
    if application is None:
        raise Http404
    search = MemberSearchForm(request.GET)
    text = search.cleaned_data["q"] if search.is_valid() else ""
    chosen = member_with(unit, request.POST.get("member") or request.GET.get("member", ""))
    form = ApplicationGrantForm(_posted(request), initial={"member": chosen.public_id if chosen else ""})
    works = application.state == Application.State.ACTIVE
    if form.is_bound and chosen is None:
        form.add_error(None, _("Search for a member first, and choose one."))
    elif form.is_valid() and not works:
        form.add_error(None, _("This application is archived. Nobody is added to it until it is restored."))
    elif form.is_valid():
        form.cleaned_data |= {"role": ROLES[form.cleaned_data["role"]], "application": application}
        if _give(request, chosen, form):
            return redirect("application_people", slug=unit.slug, application_id=application_id)
    people = application.role_grants.select_related("member", "granted_by")
    page = page_of(people, ("member__sort_key", "pk"), after=request.GET.get("after", ""), size=PAGE_SIZE)
    found = candidates(unit, text)
    context = {
        "application": application,
        "works": works,
        "people": [(row, ROLES[row.role]) for row in page.rows],
        "next_url": f"?after={page.next_key}" if page.next_key else "",
        "search": search,
        "text": text,
        "found": found[:MOST],
        "more": len(found) > MOST,
        "chosen": chosen,
        "form": form,
    }
    return render(request, "orgunits/role_application.html", context, status=422 if form.errors else 200)


def _posted(request: HttpRequest) -> QueryDict | None:
    """What was posted, be it nothing; None while the page is only looked at."""
    return request.POST if request.method == "POST" else None


def _give(request: HttpRequest, member: Member, form: TermsForm) -> bool:
    """Give what the form says; answers False, with the reason on the form, where that cannot be."""
    asked = form.cleaned_data
    role, application = asked["role"], asked["application"]
    before = member.role_grants.filter(role=role.code, application=application).first()
    try:
        grant = grants.give(
            request.access,
            member,
            role,
            now=timezone.now(),
            application=application,
            why=asked["why"],
            until=asked["until"],
        )
    except AboveOwnRole:
        form.add_error(None, _("You can give only roles at or below your own."))
        return False
    except NotGrantable:
        form.add_error(None, _("This role is not given in this unit."))
        return False
    except LastOpsAdmin:
        form.add_error(
            "until", _("The only Ops Admin cannot get a last day. Make somebody else Ops Admin first.")
        )
        return False
    words = {"name": member.name, "role": role.name}
    if before is None:
        messages.success(request, _("%(name)s is now %(role)s.") % words)
    elif before.until != grant.until:
        messages.success(request, _("%(name)s stays %(role)s, with another last day.") % words)
    else:
        messages.info(request, _("%(name)s was %(role)s already.") % words)
    return True


def _member(unit: OrganizationalUnit, member_id: str) -> Member:
    """The unit's member with this public id, or 404."""
    member = member_with(unit, member_id)
    if member is None:
        raise Http404
    return member


def _back(request: HttpRequest, unit: OrganizationalUnit, member: Member) -> str:
    """Where the page of a revocation leads back to: the application it was opened from, or the member's roles."""
    wanted = request.GET.get("from", "")
    if "\0" not in wanted and unit.applications.filter(public_id=wanted).exists():
        return reverse("application_people", args=[unit.slug, wanted])
    return reverse("member_roles", args=[unit.slug, member.public_id])


def _stops(grant: RoleGrant) -> list[str]:
    """What the member can do no longer without this grant, in words."""
    on_unit, on_application = grants.ending_with(grant)
    named = [rights.ON_APPLICATION[right] for right in on_application]
    ending = [*(rights.ON_UNIT[right] for right in on_unit), *named]
    return ending or [_("Only the role itself: their other roles hold the same rights.")]


def _keeps(grant: RoleGrant) -> list[str]:
    """What stays with the member."""
    others = grant.member.role_grants.exclude(pk=grant.pk).values_list("role", flat=True)
    stay = [_("The member, with their calendars and settings.")]
    names = [str(role.name) for role in ROLES.values() if role.code in set(others)]
    return [*stay, _("Their other roles: %(names)s.") % {"names": ", ".join(names)}] if names else stay
