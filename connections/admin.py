"""Support's window on connections and mailboxes: states, causes and times; no secret, no busy time."""

from django.contrib import admin
from django.db.models import Count, Max, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils.html import format_html

from orgunits.models import OrganizationalUnit
from orgunits.support_admin import Sealed, moment

from .models import CalendarConnection, HandOff, HealthCheck, Mailbox, PendingAuthorization, ScopeCheck
from .views import support


class ChecksInline(admin.TabularInline):
    """The last answers to a connection's checks, to look at."""

    fields = readonly_fields = ["name", "result", "code", "since", "checked_at"]
    extra = 0
    can_delete = False

    def has_view_permission(self, request, obj=None) -> bool:
        return True  # whoever was let in to the connection

    def has_add_permission(self, request, obj=None) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False


class ScopeCheckInline(ChecksInline):
    model = ScopeCheck


class HealthCheckInline(ChecksInline):
    model = HealthCheck


@admin.register(CalendarConnection)
class CalendarConnectionAdmin(Sealed):
    """State, cause, last good sync and failing mailboxes by class; and trying again now."""

    what = "connection"
    list_display = ["public_id", "provider", "mode", "state", "state_since", "state_reason", "tenant"]
    list_filter = ["provider", "mode", "state"]
    search_fields = ["public_id", "tenant"]
    ordering = ["-pk"]
    inlines = [ScopeCheckInline, HealthCheckInline]
    change_form_template = "admin/connections/calendarconnection/change_form.html"
    fields = [
        "public_id",
        "unit",
        "provider",
        "mode",
        "tenant",
        "state",
        "state_since",
        "state_reason",
        "last_good_sync",
        "mailboxes_by_state",
        "failing_by_class",
        "waiting_since",
        "next_check_at",
        "last_checked_at",
        "slowed_until",
        "connected_at",
    ]

    def get_urls(self) -> list:
        try_again = self.admin_site.admin_view(self.try_again)
        health = self.admin_site.admin_view(self.health)
        return [
            path("<path:object_id>/try-again/", try_again, name="connections_calendarconnection_try_again"),
            path("health/<str:unit_id>/", health, name="connections_health"),
            *super().get_urls(),
        ]

    def links(self, unit: OrganizationalUnit) -> list[str]:
        url = reverse("admin:connections_health", args=[unit.public_id])
        return [*super().links(unit), format_html('<a href="{}">{}</a>', url, "Health of its connections")]

    def health(self, request: HttpRequest, unit_id: str) -> HttpResponse:
        """What the unit's own people see of its health, in numbers."""
        if answer := self.enter_unit(request, unit_id, "health"):
            return answer
        frame = {**self.admin_site.each_context(request), "opts": self.opts}
        return support.health(request, request.support_visit.unit, frame)

    def try_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The one act of support on connections: try again now, with a reason."""
        if answer := self.enter(request, object_id):
            return answer
        frame = {**self.admin_site.each_context(request), "opts": self.opts}
        return support.try_again(request, self.get_object(request, object_id), frame)

    @admin.display(description="last good sync of a mailbox")
    def last_good_sync(self, connection: CalendarConnection) -> str:
        return moment(connection.mailboxes.aggregate(last=Max("last_synced_at"))["last"])

    @admin.display(description="mailboxes")
    def mailboxes_by_state(self, connection: CalendarConnection) -> str:
        return _numbers(connection.mailboxes.all(), "state", dict(Mailbox.State.choices))

    @admin.display(description="failing mailboxes")
    def failing_by_class(self, connection: CalendarConnection) -> str:
        failing = connection.mailboxes.filter(state=Mailbox.State.FAILING)
        return _numbers(failing, "failure", dict(Mailbox.Failure.choices))


def _numbers(rows: QuerySet[Mailbox], column: str, words: dict[str, str]) -> str:
    counted = rows.values_list(column).annotate(number=Count("pk")).order_by(column)
    return ", ".join(f"{words.get(code, code)}: {number}" for code, number in counted) or "–"


@admin.register(Mailbox)
class MailboxAdmin(Sealed):
    what, plural = "mailbox", "mailboxes"
    list_display = [
        "member",
        "connection",
        "state",
        "failure",
        "failure_code",
        "last_synced_at",
        "next_sync_at",
    ]
    list_select_related = ["member", "connection"]
    list_filter = ["state", "failure"]
    search_fields = ["member__email", "member__public_id"]
    ordering = ["member__sort_key", "pk"]
    fields = [
        *list_display,
        "decided_by",
        "state_since",
        "attempts",
        "last_attempt_at",
        "calendars_listed_at",
    ]

    def subject_of(self, row: Mailbox) -> Model:
        return row.member


@admin.register(PendingAuthorization)
class PendingAuthorizationAdmin(Sealed):
    what = "attempt"
    list_display = ["created_at", "connection", "purpose", "user", "hand_off", "used_at", "outcome"]
    list_select_related = ["connection", "user", "hand_off"]
    ordering = ["-pk"]
    fields = [
        "unit",
        "connection",
        "purpose",
        "provider",
        "scopes",
        "user",
        "hand_off",
        "created_at",
        "outcome",
    ]

    def subject_of(self, row: PendingAuthorization) -> Model:
        return row.connection


@admin.register(HandOff)
class HandOffAdmin(Sealed):
    what = "hand_off"
    list_display = [
        "public_id",
        "connection",
        "created_by",
        "expires_at",
        "started_at",
        "finished_at",
        "revoked_at",
    ]
    list_select_related = ["connection", "created_by"]
    ordering = ["-pk"]
    fields = [
        "public_id",
        "unit",
        "connection",
        "created_by",
        "created_at",
        "expires_at",
        "started_at",
        "finished_at",
    ]
