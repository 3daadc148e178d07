"""Support's window on units and people: reads much, changes little, shows no secret."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path

from .models import Application, AuditEvent, Member, OrganizationalUnit, User
from .views import approvals

admin.site.site_header = admin.site.site_title = "Convoke support"
admin.site.unregister(Application)  # the toolkit's own page changes secrets
admin.site.unregister(Group)  # role groups follow from grants; a hand in them would be undone


class ReadOnly(admin.ModelAdmin):
    """Looks, and changes nothing: what is done in a unit is done by its people, and audited."""

    list_per_page = 100
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return False


@admin.register(OrganizationalUnit)
class UnitAdmin(ReadOnly):
    list_display = ["name", "slug", "shape", "created_at"]
    search_fields = ["name", "slug", "public_id"]
    list_filter = ["shape"]


@admin.register(Member)
class MemberAdmin(ReadOnly):
    list_display = ["name", "email", "unit", "state", "state_since"]
    list_select_related = ["unit"]
    list_filter = ["state"]
    search_fields = ["email", "sort_key", "public_id"]
    ordering = ["sort_key", "pk"]


@admin.register(Application)
class ApplicationAdmin(ReadOnly):
    """Who stands behind an application, and whether it was approved; neither of its secrets."""

    list_display = ["name", "unit", "environment", "state", "approved_at"]
    list_select_related = ["unit"]
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
        application = self.get_object(request, object_id)
        if application is None or not self.has_view_permission(request, application):
            raise Http404
        frame = {**self.admin_site.each_context(request), "opts": self.opts, "original": application}
        return approvals.approval(request, application, frame)


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnly):
    list_display = ["at", "unit", "verb", "actor", "subject"]
    list_select_related = ["unit"]
    list_filter = ["verb"]
    search_fields = ["actor", "subject", "public_id"]


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    """Staff make staff here; what anybody may do in a unit is not to be found or changed here."""

    list_display = ["email", "first_name", "last_name", "is_staff", "is_active", "last_login"]
    list_filter = ["is_staff", "is_active"]
    search_fields = ["email", "first_name", "last_name", "public_id"]
    ordering = ["email"]
    filter_horizontal = []
    readonly_fields = ["public_id", "last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["public_id", "email", "password"]}),
        ("Person", {"fields": ["first_name", "last_name", "time_zone"]}),
        ("Installation", {"fields": ["is_active", "is_staff", "is_superuser", "last_login", "date_joined"]}),
    ]
    add_fieldsets = [(None, {"classes": ["wide"], "fields": ["email", "password1", "password2"]})]

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return False  # people are deactivated: what they did stays told
