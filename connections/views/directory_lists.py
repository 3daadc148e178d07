"""Lists of what a directory told: its people, groups and rooms."""

from collections.abc import Callable

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from connections import directory_list
from connections.directory_forms import NameFilterForm, PeopleFilterForm
from connections.directory_list import PRESENCES, Chosen, presence_of
from connections.models import Connection, DirectoryGroup, DirectoryPerson
from orgunits import limits
from orgunits.access import unit_view
from orgunits.exports import as_csv
from orgunits.models import OrganizationalUnit
from orgunits.paging import Page

from .common import directory_of

COLUMNS = [
    "id",
    "name",
    "address",
    "department",
    "organizational unit path",
    "employee id",
    "kind",
    "in the directory",
    "not told since (UTC)",
    "deleted (UTC)",
    "member",
]


def _directory(unit: OrganizationalUnit, connection_id: str) -> Connection:
    """The directory, and when it was last read whole."""
    return directory_of(unit, connection_id, last_complete_at=directory_list.last_complete_at())


def _chosen_people(
    request: HttpRequest, unit: OrganizationalUnit, connection_id: str
) -> tuple[Connection, PeopleFilterForm, QuerySet[DirectoryPerson], DirectoryGroup | None]:
    """The directory, the filter in the address, who fits, and the group they are of. 404 for a group of elsewhere."""
    form = PeopleFilterForm(request.GET)
    form.is_valid()
    data, group = form.cleaned_data, None
    if wanted := data.get("group", ""):
        if "\0" in connection_id or (group := directory_list.group_of(unit, connection_id, wanted)) is None:
            raise Http404
        connection = group.connection
    else:
        connection = _directory(unit, connection_id)
    chosen = Chosen(**{name: data.get(name, "") for name in Chosen.__dataclass_fields__})
    return connection, form, directory_list.people(connection, chosen, group), group


def _list(
    request: HttpRequest, connection: Connection, rows: QuerySet, page: Callable[..., Page], **context
) -> dict:
    """What a list's page shows: its rows, how many there are, and the addresses of its pages."""
    found = page(rows, after=request.GET.get("after", ""))
    query = request.GET.copy()
    query.pop("after", None)
    first_url = f"?{query.urlencode()}"
    query["after"] = found.next_key
    return {
        "connection": connection,
        "rows": found.rows,
        "total": rows.count(),
        "filtered": any(request.GET.get(name) for name in context["form"].fields),
        "first_url": first_url if request.GET.get("after") else "",
        "next_url": f"?{query.urlencode()}" if found.next_key else "",
        **context,
    }


@unit_view("see_connections")
@require_GET
def directory_people(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    """Who the directory told of, the members they belong to, and who is not told any more."""
    row, form, people, group = _chosen_people(request, unit, connection_id)
    export_url = reverse("directory_people_export", args=[unit.slug, row.public_id])
    context = _list(
        request,
        row,
        people,
        directory_list.page_of_people,
        form=form,
        group=group,
        export_url=f"{export_url}?{request.GET.urlencode()}",
    )
    return render(request, "connections/directory_people.html", context)


@unit_view("see_connections")
@require_GET
def directory_people_export(
    request: HttpRequest, unit: OrganizationalUnit, connection_id: str
) -> HttpResponse | StreamingHttpResponse:
    """The same filter as CSV; cells that a spreadsheet would run are made harmless."""
    row, _form, people, _group = _chosen_people(request, unit, connection_id)
    if not limits.within(request, "exports"):
        return limits.refuse(request)
    rows = people.select_related("member").order_by("sort_key", "pk").iterator(chunk_size=500)
    return as_csv(f"directory-{row.public_id}.csv", COLUMNS, map(_cells, rows))


def _cells(person: DirectoryPerson) -> list[str]:
    """One person; the order is that of COLUMNS."""
    moments = (
        moment.isoformat(timespec="seconds") if moment else ""
        for moment in (person.absent_since, person.deleted_at)
    )
    return [
        person.public_id,
        str(person),
        person.address,
        person.department,
        person.path,
        person.employee_id,
        person.get_kind_display(),
        str(PRESENCES[presence_of(person)]),
        *moments,
        person.member.public_id if person.member else "",
    ]


@unit_view("see_connections")
@require_GET
def directory_groups(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    """The directory's groups, with how many people and groups are directly in each."""
    row = _directory(unit, connection_id)
    form = NameFilterForm(request.GET)
    form.is_valid()
    groups = directory_list.groups(row, form.cleaned_data.get("q", ""))
    context = _list(request, row, groups, directory_list.page_of_groups, form=form)
    return render(request, "connections/directory_groups.html", context)


@unit_view("see_connections")
@require_GET
def directory_rooms(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    """The rooms and equipment that the directory told of."""
    row = _directory(unit, connection_id)
    form = NameFilterForm(request.GET)
    form.is_valid()
    rooms = directory_list.rooms(row, form.cleaned_data.get("q", ""))
    context = _list(request, row, rooms, directory_list.page_of_rooms, form=form)
    return render(request, "connections/directory_rooms.html", context)
