"""A file as a directory: it is read by the same walk as one that is asked over the network."""

from collections import defaultdict
from collections.abc import Iterator

from .directory_sheet_plans import Outcome, group_id, lines_of, person_of
from .models import Connection, DirectoryGroup, DirectoryPerson, DirectorySheet
from .providers.base import AuthorizationLost, FeedExpired, LeftOut, ScopeAnswer
from .providers.directory import GroupSeen, PeoplePage, RoomSeen

AT_A_TIME = 1000  # lines of one page


class FileDirectory:
    """The directory that one uploaded file tells of (`providers.directory.DirectoryService`)."""

    clock_skew = None

    def __init__(self, sheet: DirectorySheet):
        self.sheet = sheet

    def probe_scopes(self) -> list[ScopeAnswer]:
        """Nothing is asked for."""
        return []

    def probe_directory(self) -> None:
        """The file is here."""

    def domains(self) -> list[str]:
        """A file proves no domain."""
        return []

    def people(self, place: str = "") -> Iterator[PeoplePage]:
        """Everybody of a good line. `place`: the number of the last line of a page."""
        after = int(place or 0)
        while True:
            self._written(after)
            rows = list(lines_of(self.sheet, after=after)[: AT_A_TIME + 1])
            more, rows = len(rows) > AT_A_TIME, rows[:AT_A_TIME]
            after = rows[-1].number if rows else after
            yield PeoplePage(tuple(map(person_of, rows)), place=str(after) if more else "")
            if not more:
                self._written(after)
                return

    def _written(self, number: int) -> None:
        """Up to this line everything was handed out and written: for who watches."""
        DirectorySheet.objects.filter(pk=self.sheet.pk).update(done=number)

    def changes(self, cursor: str) -> Iterator[PeoplePage]:
        raise FeedExpired("a file tells everything, not what changed")

    def groups(self, *, but: frozenset[str] = frozenset()) -> Iterator[GroupSeen]:
        """The groups that lines name. Of a file without that column all groups are as they were.

        Raises LeftOut at the end of a file with bad lines: it says nothing about who, or what, is gone.
        """
        whole = not self.sheet.counts.get(Outcome.ERROR)
        told = self._named() if "groups" in self.sheet.columns else self._as_they_were()
        for group in told:
            if group.external_id not in but:
                yield group if whole else self._with_those_not_told(group)
        if not whole:
            raise LeftOut("lines_left_out")

    def rooms(self) -> Iterator[RoomSeen]:
        """A file tells of none."""
        return iter(())

    def _named(self) -> Iterator[GroupSeen]:
        names: dict[str, str] = {}
        members: dict[str, list[str]] = defaultdict(list)
        rows = lines_of(self.sheet).exclude(groups=[]).values_list("external_id", "groups")
        for external_id, groups in rows.iterator(chunk_size=AT_A_TIME):
            for name in groups:
                members[names.setdefault(group_id(name), name)].append(external_id)
        for key, name in sorted(names.items()):
            yield GroupSeen(key, name, "", tuple(members[name]))

    def _as_they_were(self) -> Iterator[GroupSeen]:
        for row in DirectoryGroup.objects.filter(connection=self.sheet.connection_id, absent_since=None):
            yield GroupSeen(row.external_id, row.name, row.address, hidden=True)

    def _with_those_not_told(self, group: GroupSeen) -> GroupSeen:
        """Nobody leaves a group by a line that was left out."""
        if group.hidden:
            return group
        told = lines_of(self.sheet).order_by().values("external_id")
        people = DirectoryPerson.objects.filter(
            groups__connection=self.sheet.connection_id, groups__external_id=group.external_id
        )
        others = people.exclude(external_id__in=told).values_list("external_id", flat=True)
        return GroupSeen(group.external_id, group.name, group.address, (*group.members, *others))


def of_connection(connection: Connection) -> FileDirectory:
    """The file that is being taken over. Raises AuthorizationLost where there is none."""
    sheet = connection.directory_sheets.filter(state=DirectorySheet.State.TAKING).first()
    if sheet is None:
        raise AuthorizationLost("no_file_yet")
    return FileDirectory(sheet)
