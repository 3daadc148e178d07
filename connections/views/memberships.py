"""Pages on which somebody's membership ends or goes on: suspend, reinstate, remove, restore."""

from collections.abc import Callable

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from connections import mailboxes
from orgunits import erasure, memberships
from orgunits.access import unit_view
from orgunits.memberships import AddressTaken, TooLate, WrongState
from orgunits.models import Member, OrganizationalUnit
from orgunits.roles import OPS_ADMIN, ROLES, LastOpsAdmin

from .common import member_of


@unit_view("manage_members")
def member_suspend(request: HttpRequest, unit: OrganizationalUnit, member_id: str) -> HttpResponse:
    """What stops and what is kept; then the member is suspended."""
    row = _of_others(request, member_of(unit, member_id))
    if request.method == "POST" and _done(
        request, row, memberships.suspend_member, _("%(name)s is suspended.")
    ):
        return redirect("member", slug=unit.slug, member_id=member_id)
    words = {
        "title": _("Suspend %(name)s") % {"name": row.name},
        "button": _("Suspend"),
        "keeps": [
            _("Roles, settings and choices of calendars, for when the member is reinstated"),
            _("What the audit log tells"),
        ],
        "undo": _("An Ops Admin can reinstate the member at any time."),
    }
    return _question(request, row, words, back=_page(row))


@unit_view("manage_members")
@require_POST
def member_reinstate(request: HttpRequest, unit: OrganizationalUnit, member_id: str) -> HttpResponse:
    """A suspended member takes part again."""
    row = _with_proof(request, _of_others(request, member_of(unit, member_id)))
    _done(
        request, row, memberships.reinstate_member, _("%(name)s takes part again, with the roles they had.")
    )
    return redirect("member", slug=unit.slug, member_id=member_id)


@unit_view("manage_members")
def member_remove(request: HttpRequest, unit: OrganizationalUnit, member_id: str) -> HttpResponse:
    """What stops, what is kept and until when; then the member is removed."""
    row = _of_others(request, member_of(unit, member_id))
    if request.method == "POST" and _done(
        request,
        row,
        memberships.remove_member,
        _("%(name)s is removed. The list of removed members has them."),
    ):
        return redirect("members", slug=unit.slug)
    title = _("Remove %(name)s") % {"name": row.name}
    words = {"title": title, "button": _("Remove"), **_kept_for_a_while()}
    return _question(request, row, words, back=_page(row))


@unit_view("manage_members", fresh=True)
def member_erase(request: HttpRequest, unit: OrganizationalUnit, member_id: str) -> HttpResponse:
    """Remove a member and make them nobody, at once and for good: what somebody may demand."""
    row = _of_others(request, member_of(unit, member_id))
    if request.method == "POST" and _done(request, row, _remove_and_erase, _("The member is erased.")):
        mailboxes.forget_erased()
        return redirect("members", slug=unit.slug)
    words = {
        "title": _("Erase %(name)s") % {"name": row.name},
        "button": _("Erase for good"),
        "keeps": [_("What the audit log tells, with an id in place of name and address")],
        "undo": _(
            "This cannot be undone. To be able to restore the member for a while, remove them instead."
        ),
    }
    return _question(request, row, words, back=_page(row))


@transaction.atomic
def _remove_and_erase(row: Member, **said) -> None:
    memberships.remove_member(row, **said)
    erasure.erase_member(row, by=said["by"], now=said["now"])


@unit_view("manage_members")
@require_POST
def member_restore(request: HttpRequest, unit: OrganizationalUnit, member_id: str) -> HttpResponse:
    """A removed member is again what they were."""
    row = unit.members.filter(public_id=member_id, erased_at=None).select_related("unit", "user").first()
    if row is None:
        raise Http404
    row = _with_proof(request, _of_others(request, row))
    if _done(request, row, memberships.restore_member, _("%(name)s is back.")):
        return redirect("member", slug=unit.slug, member_id=member_id)
    return redirect(f"{reverse('members', args=[unit.slug])}?state={Member.State.REMOVED}")


def _of_others(request: HttpRequest, row: Member) -> Member:
    """`row`, when the viewer may act on it: somebody else, whose roles are at or below their own."""
    if row.pk == request.access.member.pk:
        raise PermissionDenied(
            _("Nobody does this to themselves. You can leave the unit on a page of its own.")
        )
    if not memberships.within_reach(row, request.access.rights):
        raise PermissionDenied(_("This member holds a role above your own."))
    return row


def _with_proof(request: HttpRequest, row: Member) -> Member:
    """`row`; having an Ops Admin back gives what making one gives, and asks again who one is."""
    if any(grant.role == OPS_ADMIN.code for grant in row.role_grants.all()):
        raise_if_reauthentication_required(request, app="orgunits")
    return row


def _done(request: HttpRequest, row: Member, act: Callable, words: str) -> bool:
    """Do it, and say so; or say why not."""
    name = {"name": row.name}
    try:
        act(row, by=request.user, now=timezone.now(), why=request.POST.get("why", "").strip()[:500])
    except LastOpsAdmin:
        messages.error(
            request,
            _("A unit always keeps one Ops Admin who can sign in. Make somebody else Ops Admin first."),
        )
    except WrongState:
        messages.info(request, _("Nothing was changed: %(name)s is not in that state any more.") % name)
    except TooLate:
        messages.error(request, _("It is too late: the time to restore %(name)s is over.") % name)
    except AddressTaken:
        messages.error(
            request,
            _("Somebody else has this address or this sign-in now. Remove them first, or leave it so."),
        )
    else:
        mailboxes.assign(row.unit, now=timezone.now())
        messages.success(request, words % name)
        return True
    return False


def _page(row: Member) -> str:
    return reverse("member", args=[row.unit.slug, row.public_id])


def _kept_for_a_while() -> dict:
    until = date_format(memberships.last_day_to_restore(timezone.now()), "j M Y")
    return {
        "keeps": [
            _("Roles and settings, until %(date)s") % {"date": until},
            _("What the audit log tells; it holds ids and no names"),
        ],
        "undo": _("Until %(date)s an Ops Admin can restore the member. Then name and address are erased.")
        % {"date": until},
    }


def _question(request: HttpRequest, row: Member, words: dict, *, back: str) -> HttpResponse:
    """The page before the act: everything that hangs on the membership, by name."""
    box = getattr(row, "mailbox", None)
    grants = row.role_grants.select_related("application").defer("application__logo").order_by("pk")
    stops = [_("Access to this unit, at once")]
    for grant in grants:
        role = ROLES[grant.role].name
        if grant.application is None:
            stops.append(_("Role: %(role)s") % {"role": role})
        else:
            stops.append(
                _("Role: %(role)s on %(application)s") % {"role": role, "application": grant.application}
            )
    if box and box.connection:
        stops.append(_("Reading their calendar: %(connection)s") % {"connection": box.connection})
    context = {"member": row, "stops": stops, "back": back, **words}
    return render(request, "connections/member_end.html", context)
