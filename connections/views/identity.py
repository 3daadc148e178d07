"""Pages on whether an address is its member's: ask one, ask all of a connection, change an address."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from connections import identity
from connections.forms import AddressForm
from orgunits import limits
from orgunits.access import refuse, unit_view
from orgunits.identity import NotAskable, ask
from orgunits.members import AddressTaken, NotYetJoined
from orgunits.models import Member, OrganizationalUnit

from .common import calendar_of, member_of


def _not_asked(problem: str) -> str:
    return {
        "verified": _("This address is confirmed already."),
        "often": _("Three mails a day are enough: try again tomorrow."),
        "inactive": _("Nobody was asked: only active members of an active unit are."),
    }[problem]


@unit_view("see_members", own_member_too=True)
@require_POST
def identity_ask(request: HttpRequest, unit: OrganizationalUnit, member_id: str) -> HttpResponse:
    """Mail a confirmation link to this member; they can ask for one themselves."""
    row = member_of(unit, member_id)
    own = request.access.member.pk == row.pk
    if not (own or request.access.may("manage_members")):
        return refuse(request, "manage_members")
    if not limits.within(request, "identity", key=row.public_id):
        return limits.refuse(request)
    try:
        ask(row, by=request.user, now=timezone.now())
    except NotAskable as refused:
        messages.warning(request, _not_asked(refused.problem))
    else:
        messages.success(request, _("A confirmation mail is on its way to %(email)s.") % {"email": row.email})
    return redirect("member", slug=unit.slug, member_id=member_id)


@unit_view("manage_members")
def identities(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    """How many members of a No Access connection are not confirmed; posting asks them all."""
    row = calendar_of(unit, connection_id)
    if row.capabilities.verifies_organizer:
        raise Http404
    rows = identity.unverified(row)
    number = rows.count()
    if request.method == "POST":
        if not number:
            messages.warning(request, _("There is nobody to ask."))
        elif not limits.within(request, "identity", key=row.public_id):
            return limits.refuse(request)
        else:
            identity.start_asking(row, by=request.user)
            messages.success(
                request, _("Confirmation mails are on their way. This page shows who has not answered.")
            )
        return redirect("identities", slug=unit.slug, connection_id=row.public_id)
    everybody = unit.members.active().filter(mailbox__connection=row)
    context = {
        "connection": row,
        "number": number,
        "first": list(rows.order_by("sort_key", "pk")[:20]),
        "pending": identity.shown_as(everybody, Member.Identity.PENDING).count(),
        "verified": identity.shown_as(everybody, Member.Identity.VERIFIED).count(),
    }
    return render(request, "connections/identities.html", context)


@unit_view("manage_members")
def member_address(request: HttpRequest, unit: OrganizationalUnit, member_id: str) -> HttpResponse:
    """Another address for a member: what was confirmed and read of the old one does not count for it."""
    row = member_of(unit, member_id)
    form = AddressForm(request.POST or None, initial={"email": row.email})
    if form.is_valid():
        try:
            identity.change_address(row, form.cleaned_data["email"], by=request.user, now=timezone.now())
        except AddressTaken:
            form.add_error("email", _("Another member of this unit has this address."))
        except NotYetJoined:
            form.add_error("email", _("Who has not joined yet is invited anew: revoke the invitation first."))
        else:
            messages.success(request, _("Saved. Whether the new address is theirs has to be confirmed."))
            return redirect("member", slug=unit.slug, member_id=member_id)
    context = {"member": row, "form": form}
    return render(request, "connections/member_address.html", context, status=422 if form.errors else 200)
