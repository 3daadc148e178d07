"""What taking over a file would do, line by line: compared once with what is kept, when the file was uploaded."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from orgunits.names import sort_key

from .directory_files import File, Line
from .directory_store import AT_A_TIME, batched
from .models import Connection, DirectoryGroup, DirectoryPerson, DirectorySheet, DirectorySheetLine
from .providers.directory import PersonSeen

Outcome = DirectorySheetLine.Outcome
COMPARED = (
    "address", "given_name", "family_name", "department", "path", "employee_id", "time_zone", "enabled", "kind",
    "attributes",
)  # fmt: skip


@dataclass(frozen=True)
class Kept:
    """Somebody of this directory, as short as it takes to tell whether they are told differently now."""

    pk: int
    digest: str
    absences: int
    away: bool


def outcome_of(digest: str, groups: set[str] | None, kept: Kept | None, kept_groups: set[str]) -> str:
    """What taking over one line would do. `groups`: None where the file does not tell of them. Pure."""
    if kept is None:
        return Outcome.NEW
    if kept.away:
        return Outcome.BACK
    same = digest == kept.digest and groups in (None, kept_groups)
    return Outcome.SAME if same else Outcome.CHANGED


def write_lines(sheet: DirectorySheet, file: File) -> Counter[str]:
    """Write what each line would do, and who would be missing. Answers how many there are of each outcome."""
    connection, counts, number = sheet.connection, Counter(), 0
    kept = _kept(connection)
    tells_groups = "groups" in file.columns
    memberships = _memberships(connection) if tells_groups else {}
    told: set[str] = set()
    for some in batched(file.lines, AT_A_TIME):
        ids = [line.person.external_id for line in some if line.person]
        told.update(ids)
        planned = []
        for line in some:
            number += 1
            planned.append(_planned(sheet, number, line, kept, memberships, tells_groups=tells_groups))
        _say_what_differs(connection, planned, kept, memberships, tells_groups=tells_groups)
        counts.update(one.outcome for one in planned)
        DirectorySheetLine.objects.bulk_create(planned)
    missing = sorted(one.pk for external_id, one in kept.items() if external_id not in told)
    for some in batched(missing, AT_A_TIME):
        people = DirectoryPerson.objects.filter(pk__in=some).order_by("sort_key", "pk")
        planned = [_missing(sheet, number + n, person) for n, person in enumerate(people, 1)]
        number += len(planned)
        counts[Outcome.MISSING] += len(planned)
        DirectorySheetLine.objects.bulk_create(planned)
    return counts


def _kept(connection: Connection) -> dict[str, Kept]:
    rows = DirectoryPerson.objects.filter(connection=connection).values_list(
        "external_id", "pk", "digest", "absences", "deleted_at"
    )
    return {
        external_id: Kept(pk, digest, absences, bool(absences or deleted_at))
        for external_id, pk, digest, absences, deleted_at in rows.iterator(chunk_size=AT_A_TIME)
    }


def _memberships(connection: Connection) -> dict[int, set[str]]:
    """In which groups people are, by their key."""
    through = DirectoryGroup.members.through.objects.filter(
        directorygroup__connection=connection, directorygroup__absent_since=None
    )
    found: dict[int, set[str]] = defaultdict(set)
    rows = through.values_list("directoryperson_id", "directorygroup__external_id")
    for pk, group in rows.iterator(chunk_size=AT_A_TIME):
        found[pk].add(group)
    return found


def _planned(
    sheet: DirectorySheet,
    number: int,
    line: Line,
    kept: dict[str, Kept],
    memberships: dict[int, set[str]],
    *,
    tells_groups: bool,
) -> DirectorySheetLine:
    if line.person is None:
        return _left_out(sheet, number, line)
    person = line.person
    before = kept.get(person.external_id)
    groups = {group_id(name) for name in line.groups} if tells_groups else None
    row = _row(sheet, number, person.external_id, person.address, person.name)
    row.line, row.groups, row.told = line.line, list(line.groups), as_told(person)
    row.outcome = outcome_of(
        person.digest, groups, before, memberships.get(before.pk, set()) if before else set()
    )
    return row


def _row(sheet: DirectorySheet, number: int, external_id: str, address: str, name: str) -> DirectorySheetLine:
    sought = f"{sort_key(name)} {address} {external_id.casefold()}"
    return DirectorySheetLine(
        sheet=sheet, number=number, external_id=external_id, address=address, name=name[:254], sought=sought[:500]
    )  # fmt: skip


def _left_out(sheet: DirectorySheet, number: int, line: Line) -> DirectorySheetLine:
    cells = {column: text[:1000] for column, text in line.cells.items()}
    name = f"{cells.get('given_name', '')} {cells.get('family_name', '')}".strip()
    row = _row(sheet, number, cells.get("id", "")[:255], cells.get("email", "")[:254], name)
    row.line, row.outcome, row.told, row.groups = line.line, Outcome.ERROR, cells, list(line.groups)
    row.problem = line.problem
    row.detail = {word: text[:200] if isinstance(text, str) else text for word, text in line.detail.items()}
    return row


def _missing(sheet: DirectorySheet, number: int, person: DirectoryPerson) -> DirectorySheetLine:
    row = _row(sheet, number, person.external_id, person.address, str(person))
    row.outcome, row.detail = Outcome.MISSING, {"times": person.absences + 1}
    return row


def _say_what_differs(
    connection: Connection,
    planned: list[DirectorySheetLine],
    kept: dict[str, Kept],
    memberships: dict[int, set[str]],
    *,
    tells_groups: bool,
) -> None:
    changed = {row.external_id: row for row in planned if row.outcome in {Outcome.CHANGED, Outcome.BACK}}
    people = DirectoryPerson.objects.filter(connection=connection, external_id__in=list(changed))
    for before in people.values("external_id", *COMPARED):
        row = changed[before["external_id"]]
        row.differs = [name for name in COMPARED if before[name] != row.told[name]]
        groups = {group_id(name) for name in row.groups}
        if tells_groups and groups != memberships.get(kept[row.external_id].pk, set()):
            row.differs.append("groups")


def group_id(name: str) -> str:
    """What a group of a file is known by: its name, whatever its case."""
    return name.casefold()[:255]


def as_told(person: PersonSeen) -> dict:
    """A person as a line keeps them."""
    return {name: getattr(person, name) for name in COMPARED} | {"attributes": dict(person.attributes)}


def person_of(row: DirectorySheetLine) -> PersonSeen:
    """The person a line tells of."""
    told = {**row.told, "attributes": tuple(row.told["attributes"].items())}
    return PersonSeen(external_id=row.external_id, aliases=(), **told)


def lines_of(sheet: DirectorySheet, *, after: int = 0) -> Iterator[DirectorySheetLine]:
    """The lines that are taken over, behind number `after`, in their order."""
    rows = sheet.lines.filter(number__gt=after).exclude(outcome__in=(Outcome.ERROR, Outcome.MISSING))
    return rows.order_by("number")
