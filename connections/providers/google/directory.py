"""Google Workspace's directory (Admin SDK, Directory API v1), read as one of its administrators.

https://developers.google.com/workspace/admin/directory/reference/rest/v1
Google tells no changes: whoever left is missing in the next whole listing. Suspended and archived people stay in it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from connections.providers.base import (
    AuthorizationLost,
    FeedExpired,
    MailboxError,
    ScopeAnswer,
    Spend,
    Unreadable,
    readable,
)
from connections.providers.directory import (
    MOST_PAGES,
    GroupSeen,
    Kind,
    PeoplePage,
    PersonSeen,
    RoomSeen,
    address_of,
    text_of,
)
from connections.providers.http import ProviderSession

from .api import GoogleApi
from .oauth import DIRECTORY, SCOPE, ServiceAccount

USERS = f"{SCOPE}admin.directory.user.readonly"
DOMAINS = f"{SCOPE}admin.directory.domain.readonly"
GROUPS = f"{SCOPE}admin.directory.group.readonly"
MEMBERS = f"{SCOPE}admin.directory.group.member.readonly"
ROOMS = f"{SCOPE}admin.directory.resource.calendar.readonly"

# Only what is kept crosses the wire. `kind` shows that an answer without a list is an empty one and not another.
USER_FIELDS = (
    "kind,nextPageToken,users(id,primaryEmail,aliases,nonEditableAliases,name(givenName,familyName,displayName),"
    "suspended,archived,orgUnitPath,isGuestUser,externalIds(type,value),"
    "organizations(primary,department,title,location))"
)
GROUP_FIELDS = "kind,nextPageToken,groups(id,email,name)"
MEMBER_FIELDS = "kind,nextPageToken,members(id,type)"
ROOM = "resourceId,resourceEmail,resourceName,capacity,buildingId,floorName,resourceCategory"
ROOM_FIELDS = f"kind,nextPageToken,items({ROOM})"


class GoogleDirectory:
    """One Workspace's directory; each call holds a token of the one scope it needs."""

    def __init__(
        self,
        account: ServiceAccount,
        *,
        scopes: tuple[str, ...],
        administrator: str,
        only_domains: frozenset[str] | None,
        session: ProviderSession,
        spend: Spend,
    ):
        self.scopes, self.administrator, self.session, self.account = scopes, administrator, session, account
        self.api = GoogleApi(account, DIRECTORY, only_domains=only_domains, session=session, spend=spend)

    @property
    def clock_skew(self) -> float | None:
        return self.session.clock_skew

    def probe_scopes(self) -> list[ScopeAnswer]:
        with _of_the_administrator():
            return [
                self.account.probe(self.administrator, scope, with_address=False) for scope in self.scopes
            ]

    def probe_directory(self) -> None:
        query = {"customer": "my_customer", "maxResults": 1, "fields": "kind,users(id)"}
        _rows(self._call("users", query, scope=USERS), "users", "users")

    @readable()
    def domains(self) -> list[str]:
        """With the domain aliases, whose addresses everybody has too."""
        answer = self._call("customer/my_customer/domains", {}, scope=DOMAINS)
        found = []
        for row in _rows(answer, "domains", "domains"):
            names = [(row["domainName"], row.get("verified"))]
            names += [(one["domainAliasName"], one.get("verified")) for one in row.get("domainAliases", ())]
            found += [text_of(name).lower() for name, verified in names if verified is True]
        return found

    def people(self, place: str = "") -> Iterator[PeoplePage]:
        """https://developers.google.com/workspace/admin/directory/reference/rest/v1/users/list

        `place` is a page token, which lives three days.
        """
        query = {
            "customer": "my_customer",
            "maxResults": 500,
            "orderBy": "email",
            "projection": "full",
            "fields": USER_FIELDS,
            **({"pageToken": place} if place else {}),
        }
        for page in self._whole_pages("users", query, scope=USERS):
            rows = _rows(page, "users", "users")
            yield PeoplePage(tuple(map(person_of, rows)), place=text_of_token(page.get("nextPageToken")))

    def changes(self, cursor: str) -> Iterator[PeoplePage]:
        raise FeedExpired("Google tells no changes")

    def groups(self, *, but: frozenset[str] = frozenset()) -> Iterator[GroupSeen]:
        """A group whose members Google does not find is told as hidden."""
        self._must_be_asked_for(MEMBERS)
        query = {"customer": "my_customer", "maxResults": 200, "fields": GROUP_FIELDS}
        for rows in self._pages("groups", query, scope=GROUPS, kind="groups", name="groups"):
            for row in rows:
                if row.get("id") not in but:
                    yield self._group_of(row)

    @readable()
    def _group_of(self, row: dict) -> GroupSeen:
        facts = {
            "external_id": row["id"],
            "name": text_of(row.get("name")),
            "address": address_of(row["email"]),
        }
        path = f"groups/{quote(row['id'], safe='')}/members"
        query = {"maxResults": 200, "fields": MEMBER_FIELDS}
        try:
            pages = self._pages(path, query, scope=MEMBERS, kind="members", name="members")
            members = [member for rows in pages for member in rows]
        except Unreadable as error:
            if error.status != 404:
                raise
            return GroupSeen(**facts, hidden=True)
        # Of the types, EXTERNAL is somebody of another organization: nobody of this directory.
        return GroupSeen(
            **facts,
            members=tuple(one["id"] for one in members if one["type"] == "USER"),
            children=tuple(one["id"] for one in members if one["type"] == "GROUP"),
            everybody=any(one["type"] == "CUSTOMER" for one in members),
        )

    def rooms(self) -> Iterator[RoomSeen]:
        """https://developers.google.com/workspace/admin/directory/reference/rest/v1/resources.calendars/list

        Cars, projectors and other things that are booked by a calendar are left out.
        """
        path, kind = "customer/my_customer/resources/calendars", "resources#calendars#calendarResourcesList"
        query = {"maxResults": 500, "fields": ROOM_FIELDS}
        for rows in self._pages(path, query, scope=ROOMS, kind=kind, name="items"):
            yield from (room_of(row) for row in rows if row.get("resourceCategory") != "OTHER")

    def _must_be_asked_for(self, scope: str) -> None:
        if scope not in self.scopes:
            raise AuthorizationLost("incomplete", f"not asked for: {scope.removeprefix(SCOPE)}")

    def _call(self, path: str, query: dict, *, scope: str) -> dict:
        self._must_be_asked_for(scope)
        with _of_the_administrator():
            return self.api.call(self.administrator, "GET", path, query, scope=scope)

    def _pages(self, path: str, query: dict, *, scope: str, kind: str, name: str) -> Iterator[list[dict]]:
        for page in self._whole_pages(path, query, scope=scope):
            yield _rows(page, kind, name)

    def _whole_pages(self, path: str, query: dict, *, scope: str) -> Iterator[dict]:
        self._must_be_asked_for(scope)
        with _of_the_administrator():
            yield from self.api.pages(self.administrator, path, query, scope=scope, most=MOST_PAGES)


@contextmanager
def _of_the_administrator() -> Iterator[None]:
    """Every call is the administrator's: what is wrong with that account is wrong with the whole connection.

    Delegation alone is not enough; Google answers 403 `forbidden` for whom the directory is closed.
    """
    try:
        yield
    except MailboxError as error:
        if error.status == 404:
            raise Unreadable(error.code, status=404) from None
        reason = "not_bound" if error.code == "domain not proven" else "not_an_administrator"
        raise AuthorizationLost(reason, error.code, status=error.status) from None


@readable()
def _rows(answer: dict, kind: str, name: str) -> list[dict]:
    """The list in an answer; Google leaves an empty one out."""
    rows = answer.get(name, [])
    if answer.get("kind") != f"admin#directory#{kind}" or not isinstance(rows, list):
        raise Unreadable("another answer")
    if not all(isinstance(row, dict) for row in rows):
        raise Unreadable(name)
    return rows


def text_of_token(token: object) -> str:
    """A page token; its listing judges what is none."""
    return token if isinstance(token, str) else ""


@readable()
def person_of(row: dict) -> PersonSeen:
    """What we keep of a Google user. The employee id is the external id of type `organization`, as Google's own
    console shows it.
    """
    name, employers = row.get("name") or {}, row.get("organizations") or []
    employer = next((one for one in employers if one.get("primary")), employers[0] if employers else {})
    ids = [one.get("value") for one in row.get("externalIds") or [] if one.get("type") == "organization"]
    aliases = [*row.get("aliases", ()), *row.get("nonEditableAliases", ())]
    return PersonSeen(
        external_id=row["id"],
        address=address_of(row.get("primaryEmail")),
        aliases=tuple(map(address_of, aliases)),
        given_name=text_of(name.get("givenName")),
        family_name=text_of(name.get("familyName")),
        department=text_of(employer.get("department")),
        path=text_of(row.get("orgUnitPath")),
        employee_id=text_of(ids[0]) if ids else "",
        time_zone="",
        enabled=not (row.get("suspended") or row.get("archived")),
        kind=Kind.GUEST if row.get("isGuestUser") else Kind.PERSON,
        attributes=(
            ("display_name", text_of(name.get("displayName"))),
            ("job_title", text_of(employer.get("title"))),
            ("office", text_of(employer.get("location"))),
        ),
    )


@readable()
def room_of(row: dict) -> RoomSeen:
    """What we keep of a Google calendar resource."""
    return RoomSeen(
        external_id=row["resourceId"],
        address=address_of(row.get("resourceEmail")),
        name=text_of(row.get("resourceName")),
        capacity=row.get("capacity", 0),
        building=text_of(row.get("buildingId")),
        floor=text_of(row.get("floorName")),
    )
