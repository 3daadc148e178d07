"""What the pages of Django admin have in common here: staff look, and say why before they look into a unit."""

from datetime import datetime
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _

from . import support
from .models import OrganizationalUnit, User

UNIT = "unit__public_id__exact"  # which unit's rows a list shows


class OwnFilters(admin.ModelAdmin):
    """Lists are narrowed by the filters they show, and by nothing else that somebody writes into the address: a
    column that no page shows, such as the hash of a secret, could be read letter by letter."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        name, _sign, how = lookup.partition("__")
        return name in self.list_filter and how in {"", "exact", "isnull"} and "\0" not in value


class ReadOnly(OwnFilters):
    """Looks, and changes nothing: what is done in a unit is done by its people, and audited."""

    list_per_page = 100
    show_full_result_count = False
    actions = None

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_active and request.user.is_staff

    def has_view_permission(self, request: HttpRequest, obj=None) -> bool:
        return request.user.is_active and request.user.is_staff

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Model | None:
        return None if "\0" in object_id else super().get_object(request, object_id, from_field)


class Sealed(ReadOnly):
    """Rows of units: none is read before a reason was given for its unit, and every look is told there.

    Lists show one unit's rows, chosen on the unit's own page. Whatever else asks for rows (a search of the
    library's, a new page) gets none.
    """

    change_form_template = "admin/support/change_form.html"  # without a history of changes
    what = ""  # the code of one object in the audit log
    plural = ""  # of its list; empty: with an s

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        visit = getattr(request, "support_visit", None)
        rows = super().get_queryset(request)
        return self.rows_of(rows, visit.unit) if visit else rows.none()

    def rows_of(self, rows: QuerySet, unit: OrganizationalUnit) -> QuerySet:
        return rows.filter(unit=unit)

    def subject_of(self, row: Model) -> Model:
        """The thing with a public id that looking at `row` is told about."""
        return row

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return (lookup == UNIT and value.isprintable()) or super().lookup_allowed(lookup, value, request)

    def words(self) -> str:
        """What the rows are called, on the unit's page."""
        return str(self.opts.verbose_name_plural).capitalize()

    def links(self, unit: OrganizationalUnit) -> list[str]:
        """What the unit's page leads to here: the list of its rows."""
        return [link_to_rows(unit, f"{self.opts.app_label}_{self.opts.model_name}", self.words())]

    def enter_unit(self, request: HttpRequest, public_id: str, what: str) -> HttpResponse | None:
        """As `enter`, for a page about a whole unit. `what`: its code in the audit log."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        unit = get_object_or_404(OrganizationalUnit, public_id=public_id.replace("\0", ""))
        return self._enter(request, unit, unit, what)

    def enter(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        """Let staff in to one object and tell its unit; or the way to the page that asks for the reason."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self._row(object_id)
        unit = row if isinstance(row, OrganizationalUnit) else row.unit
        return self._enter(request, unit, self.subject_of(row), self.what)

    def _row(self, object_id: str) -> Model:
        rows = self.model._default_manager.filter(pk=_number(object_id))
        row = rows.first() if self.model is OrganizationalUnit else rows.select_related("unit").first()
        if row is None or (self.model is not OrganizationalUnit and row.unit is None):
            raise Http404
        return row

    def _enter(
        self, request: HttpRequest, unit: OrganizationalUnit, subject: Model, what: str
    ) -> HttpResponse | None:
        now = timezone.now()
        visit = support.visit_of(request.session, unit, now=now)
        if visit is None:
            return redirect(_reason_url(unit, request.get_full_path()))
        request.support_visit = visit
        support.viewed(visit, subject, what=what, by=request.user, now=now)
        return None

    def change_view(self, request, object_id, form_url="", extra_context=None) -> HttpResponse:
        if request.method not in {"GET", "HEAD"}:
            raise PermissionDenied
        return self.enter(request, object_id) or super().change_view(
            request, object_id, form_url, extra_context
        )

    def history_view(self, request, object_id, extra_context=None) -> HttpResponse:
        raise Http404  # nothing is changed here; what happened stands in the unit's audit log

    def delete_view(self, request, object_id, extra_context=None) -> HttpResponse:
        raise PermissionDenied

    def changelist_view(self, request, extra_context=None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked = request.GET.get(UNIT, "")
        unit = OrganizationalUnit.objects.filter(public_id=asked.replace("\0", "")).first()
        if unit is None:
            messages.info(request, _("Choose a unit first: its page leads to its rows."))
        elif answer := self._enter(request, unit, unit, self.plural or f"{self.what}s"):
            return answer
        return super().changelist_view(request, extra_context)


class FoundByAddress(OwnFilters):
    """For rows of sign-ins: superusers see them, and only those whose whole address was searched for. What they
    change is told to the units that the sign-in opens."""

    address = "user__email"
    search_fields = ("pk",)  # so that there is a field to search in; what it finds is decided below
    search_help_text = "A whole e-mail address"

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_active and request.user.is_superuser

    def has_view_permission(self, request: HttpRequest, obj=None) -> bool:
        return request.user.is_active and request.user.is_superuser

    def get_search_results(self, request, queryset, search_term) -> tuple[QuerySet, bool]:
        if not search_term.strip():
            return self.without_search(queryset), False
        return queryset.filter(**{f"{self.address}__iexact": search_term.strip()}), False

    def without_search(self, rows: QuerySet) -> QuerySet:
        return rows.none()

    def log_addition(self, request: HttpRequest, obj: Model, message) -> object:
        self._tell(request, obj)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Model, message) -> object:
        self._tell(request, obj)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset) -> object:
        for row in queryset:
            self._tell(request, row)
        return super().log_deletions(request, queryset)

    def _tell(self, request: HttpRequest, row: Model) -> None:
        user = row if isinstance(row, User) else row.user
        support.changed_sign_in(user, what=self.opts.model_name, by=request.user, now=timezone.now())


def link_to_rows(unit: OrganizationalUnit, name: str, words: str) -> str:
    """A link from a unit's page to its rows in the list `name`."""
    url = reverse(f"admin:{name}_changelist")
    return format_html('<a href="{}?{}">{}</a>', url, urlencode({UNIT: unit.public_id}), words)


def moment(value: datetime | None) -> str:
    """A time with its zone, as the admin's own lists do not name it."""
    return f"{timezone.localtime(value):%Y-%m-%d %H:%M %Z}" if value else "–"


def _reason_url(unit: OrganizationalUnit, path: str) -> str:
    return f"{reverse('support_reason', args=[unit.public_id])}?{urlencode({'next': path})}"


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
