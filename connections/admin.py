"""Support's window on connections and mailboxes: states, causes and times; no secret, no busy time."""

from django.contrib import admin

from orgunits.admin import ReadOnly

from .models import CalendarConnection, HandOff, Mailbox, PendingAuthorization, ScopeCheck


class ScopeCheckInline(admin.TabularInline):
    model = ScopeCheck
    fields = readonly_fields = ["name", "result", "code", "since", "checked_at"]
    extra = 0
    can_delete = False

    def has_add_permission(self, request, obj=None) -> bool:
        return False


@admin.register(CalendarConnection)
class CalendarConnectionAdmin(ReadOnly):
    list_display = ["public_id", "unit", "provider", "mode", "state", "state_since", "state_reason", "tenant"]
    list_select_related = ["unit"]
    list_filter = ["provider", "mode", "state"]
    search_fields = ["public_id", "tenant", "unit__name"]
    inlines = [ScopeCheckInline]


@admin.register(Mailbox)
class MailboxAdmin(ReadOnly):
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


@admin.register(PendingAuthorization)
class PendingAuthorizationAdmin(ReadOnly):
    list_display = ["created_at", "connection", "purpose", "user", "hand_off", "used_at", "outcome"]
    list_select_related = ["connection", "user", "hand_off"]
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


@admin.register(HandOff)
class HandOffAdmin(ReadOnly):
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
