"""Support's window on units and people: reads much, changes little, shows no secret."""

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.html import format_html_join
from django.utils.translation import gettext as _

from .forms.sign_ins import SignInForm
from .models import Application, AuditEvent, Invitation, Member, OrganizationalUnit, User
from .roles import ROLES
from .support_admin import FoundByAddress, ReadOnly, Sealed
from .views import approvals

__all__ = ["ReadOnly"]

admin.site.site_header = admin.site.site_title = "Convoke support"
admin.site.unregister(Application)  # the toolkit's own page changes secrets
admin.site.unregister(Group)  # role groups follow from grants; a hand in them would be undone


@admin.register(OrganizationalUnit)
class UnitAdmin(Sealed):
    """All units by name and numbers; one of them opens for a reason, and leads to its rows."""

    what = "unit"
    list_display = ["name", "slug", "shape", "state", "member_count", "created_at"]
    search_fields = ["name", "slug", "public_id"]
    list_filter = ["shape", "state"]
    fields = ["public_id", "name", "slug", "shape", "state", "state_since", "created_at", "rows"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[OrganizationalUnit]:
        active = Member.objects.filter(unit=OuterRef("pk"), state=Member.State.ACTIVE).order_by()
        number = Subquery(active.values("unit").annotate(number=Count("pk")).values("number"))
        return admin.ModelAdmin.get_queryset(self, request).annotate(active=number)

    def changelist_view(self, request: HttpRequest, extra_context=None) -> HttpResponse:
        return admin.ModelAdmin.changelist_view(self, request, extra_context)

    @admin.display(description="active members")
    def member_count(self, unit: OrganizationalUnit) -> int:
        return unit.active or 0

    @admin.display(description="look at")
    def rows(self, unit: OrganizationalUnit) -> str:
        links = [
            (link,)
            for model, site in self.admin_site._registry.items()
            if isinstance(site, Sealed) and model is not OrganizationalUnit
            for link in site.links(unit)
        ]
        return format_html_join(" · ", "{}", links)


@admin.register(Member)
class MemberAdmin(Sealed):
    what = "member"
    list_display = ["name", "email", "state", "state_since"]
    list_filter = ["state"]
    search_fields = ["email", "sort_key", "public_id"]
    ordering = ["sort_key", "pk"]
    fields = [
        "public_id",
        "unit",
        "given_name",
        "family_name",
        "email",
        "department",
        "state",
        "state_since",
        "came_by",
        "last_seen_on",
        "identity",
        "identity_since",
        "time_zone",
        "roles",
    ]

    @admin.display(description="roles")
    def roles(self, member: Member) -> str:
        grants = member.role_grants.select_related("application").order_by("pk")
        return ", ".join(
            f"{ROLES[grant.role].name}{f' ({grant.application})' if grant.application else ''}"
            for grant in grants
        )


@admin.register(Invitation)
class InvitationAdmin(Sealed):
    what = "invitation"
    list_display = ["public_id", "email", "state", "state_since", "sends_done", "refusal", "next_try_at"]
    list_filter = ["state"]
    search_fields = ["email", "public_id"]
    ordering = ["-pk"]
    fields = [*list_display, "created_at", "expires_at", "attempts", "sent_at"]


@admin.register(Application)
class ApplicationAdmin(Sealed):
    """Who stands behind an application, and whether it was approved; neither of its secrets."""

    what = "application"
    list_display = ["name", "environment", "state", "approved_at"]
    list_filter = ["environment", "state"]
    search_fields = ["name", "public_id", "client_id"]
    change_form_template = "admin/orgunits/application/change_form.html"
    fields = [
        "public_id",
        "unit",
        "name",
        "environment",
        "publisher",
        "client_id",
        "redirect_uris",
        "state",
        "state_since",
        "approved_at",
        "approved_by",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Application]:
        return super().get_queryset(request).defer("logo", "client_secret", "second_secret")

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.approval)
        return [
            path("<path:object_id>/approval/", view, name="orgunits_application_approval"),
            *super().get_urls(),
        ]

    def approval(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The one act of support on applications: approve, or withdraw the approval, with a reason."""
        if answer := self.enter(request, object_id):
            return answer
        application = self.get_object(request, object_id)
        frame = {**self.admin_site.each_context(request), "opts": self.opts, "original": application}
        return approvals.approval(request, application, frame)


@admin.register(AuditEvent)
class AuditEventAdmin(Sealed):
    what = "event"
    list_display = ["at", "verb", "actor", "subject", "origin", "request_id"]
    list_filter = ["origin"]
    search_fields = ["actor", "subject", "public_id", "request_id"]
    ordering = ["-at", "-pk"]

    def subject_of(self, row: AuditEvent) -> OrganizationalUnit:
        return row.unit


@admin.register(User)
class UserAdmin(FoundByAddress, DjangoUserAdmin):
    """Staff make staff here; what anybody may do in a unit is not to be found or changed here."""

    form = SignInForm
    list_display = ["email", "first_name", "last_name", "is_staff", "is_active", "last_login"]
    list_filter = ["is_staff", "is_active"]
    address = "email"
    ordering = ["email"]
    filter_horizontal = []
    readonly_fields = ["public_id", "last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["public_id", "email", "password"]}),
        ("Person", {"fields": ["first_name", "last_name", "time_zone"]}),
        ("Installation", {"fields": ["is_active", "is_staff", "is_superuser", "last_login", "date_joined"]}),
    ]
    add_fieldsets = [(None, {"classes": ["wide"], "fields": ["email", "password1", "password2"]})]

    def without_search(self, rows: QuerySet[User]) -> QuerySet[User]:
        return rows.filter(is_staff=True)

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> list:
        """Who is no staff has their password from nobody else: a page without it."""
        found = super().get_fieldsets(request, obj)
        if obj is None or obj.is_staff:
            return found
        return [(None, {"fields": ["public_id", "email"]}), *found[1:]]

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002
        user = self.get_object(request, unquote(id))
        if user is not None and not user.is_staff:
            raise PermissionDenied(_("Nobody acts as somebody else. They reset their password by mail."))
        return super().user_change_password(request, id, form_url)

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return False  # people are deactivated: what they did stays told
