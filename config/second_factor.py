"""Ops Admins, Coordinators and staff need a second factor before they see anything else."""

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from orgunits.roles import COORDINATOR, OPS_ADMIN

DEMANDING_ROLES = (OPS_ADMIN.code, COORDINATOR.code)
OPEN_PATHS = ("/account/", "/static/", "/live")


class SecondFactorMiddleware:
    """Sends those who need a second factor and have none to the page that sets one up."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest):
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view, args, kwargs):
        if not settings.MFA_REQUIRED or not request.user.is_authenticated:
            return None
        if request.path.startswith(OPEN_PATHS) or not lacks_second_factor(request):
            return None
        messages.info(request, _("Your role needs a second factor. Set one up to go on."))
        return redirect("mfa_index")


def lacks_second_factor(request: HttpRequest) -> bool:
    """Whether the viewer's roles demand a second factor they have not set up.

    A yes is kept in the session; a no is asked again, because roles can be given at any time.
    """
    if request.session.get("second_factor"):
        return False
    if is_mfa_enabled(request.user):
        request.session["second_factor"] = True
        return False
    demanding = request.user.groups.filter(role_group__role__in=DEMANDING_ROLES)
    return request.user.is_staff or demanding.exists()
