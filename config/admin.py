"""What staff see of the libraries' tables: nothing that holds a secret, and nothing that names code to run."""

from allauth.account.admin import EmailAddressAdmin
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.admin import SocialAccountAdmin
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django_q.models import Failure, OrmQ, Schedule, Success

from config import failed_jobs
from orgunits.forms.support import ReasonForm
from orgunits.support_admin import FoundByAddress, ReadOnly

admin.site.unregister(Schedule)  # the timetable is config/schedules.py; a row here runs any function it names
admin.site.unregister(OrmQ)
admin.site.unregister(Success)  # finished jobs are not kept, so it would always be empty
admin.site.unregister(SocialApp)  # clients of sign-in come from the environment
admin.site.unregister(SocialToken)
admin.site.unregister(Authenticator)
admin.site.unregister(UserSession)
admin.site.unregister(EmailAddress)
admin.site.unregister(SocialAccount)
admin.site.unregister(Failure)


@admin.register(Authenticator)
class AuthenticatorAdmin(FoundByAddress, ReadOnly):
    """A lost second factor can be taken away; its seed is not shown."""

    list_display = fields = ["user", "type", "created_at", "last_used_at"]
    list_select_related = ["user"]

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return request.user.is_superuser


@admin.register(UserSession)
class UserSessionAdmin(FoundByAddress, ReadOnly):
    """A session of a lost device is ended: taking its row away signs that browser out."""

    list_display = fields = ["user", "created_at", "last_seen_at", "ip", "user_agent"]
    list_select_related = ["user"]

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return request.user.is_superuser

    def delete_model(self, request: HttpRequest, obj: UserSession) -> None:
        obj.end()

    def delete_queryset(self, request: HttpRequest, queryset) -> None:
        for session in queryset:
            session.end()


@admin.register(EmailAddress)
class AddressAdmin(FoundByAddress, EmailAddressAdmin):
    """A sign-in whose address has to be corrected."""

    address = "email"
    actions = None


@admin.register(SocialAccount)
class LinkAdmin(FoundByAddress, SocialAccountAdmin):
    """A link to a lost Google or Microsoft account is taken away."""

    actions = None
    exclude = ["extra_data"]


@admin.register(Failure)
class FailureAdmin(ReadOnly):
    """Jobs that were given up after their last attempt, and running one again. Neither arguments nor messages."""

    list_display = ["name", "func", "started", "stopped", "attempt_count"]
    list_filter = ["func"]
    search_fields = ["name", "func"]
    ordering = ["-stopped"]
    fields = ["name", "func", "started", "stopped", "attempt_count", "went_wrong", "unit"]
    readonly_fields = ["went_wrong", "unit"]
    change_form_template = "admin/django_q/failure/change_form.html"

    @admin.display(description="what went wrong")
    def went_wrong(self, failure: Failure) -> str:
        return failed_jobs.what_went_wrong(failure)

    @admin.display(description="unit")
    def unit(self, failure: Failure) -> str:
        return str(failed_jobs.unit_of(failure) or "–")

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.run_again)
        return [
            path("<path:object_id>/run-again/", view, name="django_q_failure_run_again"),
            *super().get_urls(),
        ]

    def run_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Into the queue once more, with a reason that the unit reads."""
        failure = self.get_object(request, object_id)
        if failure is None:
            raise Http404
        form = ReasonForm(request.POST or None)
        if form.is_valid():
            why = form.cleaned_data["why"]
            try:
                failed_jobs.run_again(failure, by=request.user, why=why, now=timezone.now())
                messages.success(request, _("It is in the queue again."))
            except failed_jobs.Gone:
                messages.warning(request, _("Somebody else has just run it again."))
            return redirect("admin:django_q_failure_changelist")
        frame = {**self.admin_site.each_context(request), "title": _("Run again"), "form": form}
        context = {**frame, "failure": failure, "unit": failed_jobs.unit_of(failure)}
        page = "admin/django_q/failure/run_again.html"
        return render(request, page, context, status=422 if form.errors else 200)


def sign_in(request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
    """In place of the admin's own form, which asks for a password alone: staff sign in like everybody.

    Visitors come here never: LoginRequiredMiddleware has sent them to the sign-in page of all.
    """
    if not request.user.is_staff:
        raise PermissionDenied(_("The support tools are for the staff of this installation."))
    return redirect("admin:index")
