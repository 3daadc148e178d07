"""Ops Admins, Coordinators and staff need a second factor before they see anything else."""

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from orgunits.models import User
from orgunits.roles import COORDINATOR, OPS_ADMIN

DEMANDING_ROLES = (OPS_ADMIN.code, COORDINATOR.code)
OPEN_PATHS = ("/account/", "/static/", "/live")
GOING_TO = "going_to"  # in the session: the page that was asked for; “Continue” leads there


class SecondFactorMiddleware:
    """Sends those who need a second factor and have none to the page that sets one up."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest):
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view, args, kwargs):
        if not settings.MFA_REQUIRED or not request.user.is_authenticated:
            return None
        if request.path.startswith(OPEN_PATHS):
            return None
        if not lacks_second_factor(request):
            request.session.pop(GOING_TO, None)
            return None
        if request.method == "GET" and not request.htmx:
            request.session[GOING_TO] = request.get_full_path()
        messages.info(request, _("Your role needs a second factor. Set one up to go on."))
        return redirect("mfa_index")


def lacks_second_factor(request: HttpRequest) -> bool:
    """Whether the viewer's roles demand a second factor they do not have.

    One query, asked on every request: roles are given and factors removed while a session goes on.
    """
    demanding = request.user.groups.filter(role_group__role__in=DEMANDING_ROLES)
    factors = Authenticator.objects.filter(user=OuterRef("pk")).exclude(
        type=Authenticator.Type.RECOVERY_CODES
    )
    lacking = User.objects.filter(pk=request.user.pk).exclude(Exists(factors))
    return lacking.filter(Q(is_staff=True) | Exists(demanding)).exists()
