"""The page behind the link of an invitation: looking changes nothing, joining takes a button."""

from urllib.parse import urlencode

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from allauth.socialaccount.adapter import get_adapter
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from orgunits import invitations, joining, memberships
from orgunits.access import open_to
from orgunits.forms.invitations import JoinForm
from orgunits.invitations import NotOpen
from orgunits.joining import SESSION_KEY, AddressOfAnother, AlreadyHere, NotTheirs
from orgunits.models import Invitation


@open_to("everyone")
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """What somebody is invited to, by whom and until when; and the one way to join that fits this visitor."""
    row = invitations.found(token)
    if row is None:
        raise Http404
    if problem := invitations.problem(row, now=timezone.now()):
        return _over(request, row, problem)
    act = request.POST.get("act", "")
    try:
        if request.user.is_authenticated and act in {"join", "add"}:
            return _join(request, row, add=act == "add")
        if not request.user.is_authenticated and act == "sign_up":
            return _sign_up(request, row)
        if not request.user.is_authenticated and act.startswith("sign_up_with:"):
            return _sign_up_elsewhere(request, act.partition(":")[2], token)
    except NotOpen as over:
        return _over(request, row, over.problem)
    except (AddressOfAnother, AlreadyHere, NotTheirs):
        pass  # the page says so, as it stands now
    return _page(request, row, JoinForm(invitation=row))


def _over(request: HttpRequest, row: Invitation, problem: str) -> HttpResponse:
    row.member.refresh_from_db()
    own = request.user.is_authenticated and row.member.user_id == request.user.pk
    if own and problem == Invitation.State.ACCEPTED:
        return redirect("unit_home", slug=row.unit.slug)
    return render(request, "orgunits/invitation_over.html", {"problem": problem}, status=410)


def _page(request: HttpRequest, row: Invitation, form: JoinForm) -> HttpResponse:
    user = request.user
    owner = joining.owner_of(row.email)
    context = {
        "invitation": row,
        "roles": invitations.role_names(row),
        "form": form,
        "owner_known": owner is not None,
        "sign_in_url": f"{reverse('account_login')}?{urlencode({'next': request.path})}",
    }
    if user.is_authenticated:
        context["theirs"] = joining.has_address(user, row.email)
        context["anothers"] = owner is not None and owner != user
        context["here_as"] = row.unit.members.filter(user=user, state__in=memberships.HERE).first()
    elif owner is None:
        context["services"] = get_adapter().list_providers(request)
    return render(request, "orgunits/invitation.html", context, status=422 if form.errors else 200)


def _join(request: HttpRequest, row: Invitation, *, add: bool) -> HttpResponse:
    with transaction.atomic():
        if add:
            joining.add_address(row, request.user)
        joining.accept(row, request.user, now=timezone.now())
    return _welcome(request, row)


def _welcome(request: HttpRequest, row: Invitation) -> HttpResponse:
    request.session.pop(SESSION_KEY, None)
    messages.success(request, _("You are now a member of %(unit)s.") % {"unit": row.unit.name})
    return redirect("unit_home", slug=row.unit.slug)


def _sign_up(request: HttpRequest, row: Invitation) -> HttpResponse:
    form = JoinForm(request.POST, invitation=row)
    if not form.is_valid():
        return _page(request, row, form)
    names = {name: form.cleaned_data[name] for name in ("given_name", "family_name")}
    user = joining.sign_up(row, form.cleaned_data["password"], now=timezone.now(), **names)
    welcome = _welcome(request, row)
    record_authentication(request, user, method="password", email=user.email)
    return perform_login(request, Login(user=user, redirect_url=welcome.url))


def _sign_up_elsewhere(request: HttpRequest, service: str, token: str) -> HttpResponse:
    """Off to Google or Microsoft. Who comes back with a new sign-in finds this page again and joins there."""
    provider = next((one for one in get_adapter().list_providers(request) if one.id == service), None)
    if provider is None:
        raise Http404
    request.session[SESSION_KEY] = token
    return redirect(provider.get_login_url(request, process="login", next=request.path))
