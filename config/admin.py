"""What staff see of the libraries' tables: nothing that holds a secret, and nothing that names code to run."""

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django_q.models import OrmQ, Schedule, Success

from orgunits.admin import ReadOnly

admin.site.unregister(Schedule)  # the timetable is config/schedules.py; a row here runs any function it names
admin.site.unregister(OrmQ)
admin.site.unregister(Success)  # finished jobs are not kept, so it would always be empty
admin.site.unregister(SocialApp)  # clients of sign-in come from the environment
admin.site.unregister(SocialToken)
admin.site.unregister(Authenticator)
admin.site.unregister(UserSession)


@admin.register(Authenticator)
class AuthenticatorAdmin(ReadOnly):
    """A lost second factor can be taken away; its seed is not shown."""

    list_display = fields = ["user", "type", "created_at", "last_used_at"]
    list_select_related = ["user"]

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return request.user.is_superuser


@admin.register(UserSession)
class UserSessionAdmin(ReadOnly):
    """A session of a lost device is ended: taking its row away signs that browser out."""

    list_display = fields = ["user", "created_at", "last_seen_at", "ip", "user_agent"]
    list_select_related = ["user"]
    search_fields = ["user__email", "ip"]

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return request.user.is_superuser

    def delete_model(self, request: HttpRequest, obj: UserSession) -> None:
        obj.end()

    def delete_queryset(self, request: HttpRequest, queryset) -> None:
        for session in queryset:
            session.end()


def sign_in(request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
    """In place of the admin's own form, which asks for a password alone: staff sign in like everybody.

    Visitors come here never: LoginRequiredMiddleware has sent them to the sign-in page of all.
    """
    if not request.user.is_staff:
        raise PermissionDenied(_("The support tools are for the staff of this installation."))
    return redirect("admin:index")
