"""What staff see of the libraries' tables: nothing that holds a secret, and nothing that names code to run."""

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialApp, SocialToken
from django.contrib import admin
from django.http import HttpRequest
from django_q.models import OrmQ, Schedule

from orgunits.admin import ReadOnly

admin.site.unregister(Schedule)  # the timetable is config/schedules.py; a row here runs any function it names
admin.site.unregister(OrmQ)
admin.site.unregister(SocialApp)  # clients of sign-in come from the environment
admin.site.unregister(SocialToken)
admin.site.unregister(Authenticator)


@admin.register(Authenticator)
class AuthenticatorAdmin(ReadOnly):
    """A lost second factor can be taken away; its seed is not shown."""

    list_display = fields = ["user", "type", "created_at", "last_used_at"]
    list_select_related = ["user"]

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return request.user.is_superuser
