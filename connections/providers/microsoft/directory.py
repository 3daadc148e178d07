"""Microsoft Entra's directory and places through Graph, with application permissions.

https://learn.microsoft.com/graph/delta-query-users , https://learn.microsoft.com/graph/api/place-list
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from connections.providers.base import (
    AuthorizationLost,
    FeedExpired,
    Key,
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
    Removed,
    RoomSeen,
    address_of,
    text_of,
)
from connections.providers.http import ProviderSession

from .graph import BASE, Graph, segment

USERS, ORGANIZATION, PLACES = "User.Read.All", "Organization.Read.All", "Place.Read.All"
GROUPS = "GroupMember.Read.All"
# A round of changes answers with the properties its first call named, changed or not; those never set are left out.
USER_FIELDS = (
    "id,accountEnabled,userType,displayName,givenName,surname,mail,proxyAddresses,department,jobTitle,"
    "officeLocation,employeeId"
)
ROUNDS = f"{BASE}/users/delta"
USER, GROUP = "#microsoft.graph.user", "#microsoft.graph.group"


class EntraDirectory:
    """One tenant's directory through one app registration."""

    def __init__(
        self,
        key: Key,
        *,
        tenant: str,
        scopes: tuple[str, ...],
        administrator: str,
        session: ProviderSession,
        spend: Spend,
    ):
        self.tenant, self.scopes, self.administrator, self.session = tenant, scopes, administrator, session
        self.graph = Graph(key, tenant=tenant, scopes=scopes, session=session, spend=spend)

    @property
    def clock_skew(self) -> float | None:
        return self.session.clock_skew

    def probe_scopes(self) -> list[ScopeAnswer]:
        return self.graph.probe_scopes()

    def probe_directory(self) -> None:
        _rows(self._call("users", {"$select": "id", "$top": "1"}, scope=USERS))

    @readable()
    def domains(self) -> list[str]:
        """https://learn.microsoft.com/graph/api/organization-list : `/domains` would need a permission more."""
        answer = self._call("organization", {"$select": "id,verifiedDomains"}, scope=ORGANIZATION)
        (organization,) = _rows(answer)
        if organization["id"] != self.tenant:
            raise Unreadable("another tenant")
        return [text_of(one["name"]).lower() for one in organization["verifiedDomains"]]

    def people(self, place: str = "") -> Iterator[PeoplePage]:
        """A full round of users/delta, so that its end is where `changes` goes on. `place` is a nextLink."""
        if place:
            return self.changes(place)
        return self._round(self._pages("users/delta", {"$select": USER_FIELDS}, scope=USERS))

    def changes(self, cursor: str) -> Iterator[PeoplePage]:
        """https://learn.microsoft.com/graph/api/user-delta : tokens live seven days, 410 says that one is over."""
        if not cursor.startswith(ROUNDS):
            raise FeedExpired("link of another host")  # never send our token elsewhere
        return self._round(self._following(cursor))

    def _following(self, cursor: str) -> Iterator[dict]:
        try:
            yield from self._pages(cursor, {}, scope=USERS)
        except Unreadable as error:
            if error.status == 400:  # a token that is none
                raise FeedExpired(error.code, status=400) from None
            raise

    def _round(self, pages: Iterator[dict]) -> Iterator[PeoplePage]:
        places = frozenset(room.address for room in self.rooms())
        for page in pages:
            cursor = page.get("@odata.deltaLink", "")
            if cursor and not (isinstance(cursor, str) and cursor.startswith(ROUNDS)):
                raise Unreadable("link of another host")
            if not cursor and not page.get("@odata.nextLink"):
                raise Unreadable("no deltaLink")
            place = page.get("@odata.nextLink", "")  # `pages` follows it only to where it may lead
            yield replace(page_of(_rows(page), places, cursor), place=place)

    def groups(self, *, but: frozenset[str] = frozenset()) -> Iterator[GroupSeen]:
        """Groups whose members are hidden (`Member.Read.Hidden` would show them) are told as that."""
        query = {"$select": "id,displayName,mail,visibility", "$top": "999"}
        for page in self._pages("groups", query, scope=GROUPS):
            for row in _rows(page):
                if row.get("id") not in but:
                    yield self._group_of(row)

    @readable()
    def _group_of(self, row: dict) -> GroupSeen:
        facts = {
            "external_id": row["id"],
            "name": text_of(row.get("displayName")),
            "address": address_of(row.get("mail")),
        }
        if row.get("visibility") == "HiddenMembership":
            return GroupSeen(**facts, hidden=True)
        path, query = f"groups/{segment(row['id'])}/members", {"$select": "id", "$top": "999"}
        try:
            pages = self._pages(path, query, scope=GROUPS)
            members = [(one["@odata.type"], one["id"]) for page in pages for one in _rows(page)]
        except Unreadable as error:
            if error.status != 404:
                raise
            return GroupSeen(**facts, hidden=True)
        # Devices, contacts and service principals can be members too: nobody of ours.
        return GroupSeen(
            **facts,
            members=tuple(one for kind, one in members if kind == USER),
            children=tuple(one for kind, one in members if kind == GROUP),
        )

    def rooms(self) -> Iterator[RoomSeen]:
        for page in self._pages("places/microsoft.graph.room", {"$top": "100"}, scope=PLACES):
            yield from map(room_of, _rows(page))

    def _must_be_asked_for(self, scope: str) -> None:
        if scope not in self.scopes:
            raise AuthorizationLost("incomplete", f"not asked for: {scope}")

    def _call(self, path: str, query: dict, *, scope: str) -> dict:
        self._must_be_asked_for(scope)
        with _of_the_tenant():
            return self.graph.call("GET", path, query, scopes=(scope,))

    def _pages(self, first: str, query: dict, *, scope: str) -> Iterator[dict]:
        self._must_be_asked_for(scope)
        with _of_the_tenant():
            yield from self.graph.pages(first, query, scopes=(scope,), most=MOST_PAGES)


@contextmanager
def _of_the_tenant() -> Iterator[None]:
    """No call is about one mailbox: what is refused here is refused to the whole connection."""
    try:
        yield
    except MailboxError as error:
        if error.status == 403:
            raise AuthorizationLost("incomplete", error.code, status=403) from None
        raise Unreadable(error.code, status=error.status) from None


@readable()
def _rows(page: dict) -> list[dict]:
    """The list in an answer: there is one even when nobody is in it."""
    rows = page["value"]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Unreadable("value")
    return rows


@readable()
def page_of(rows: list[dict], places: frozenset[str], cursor: str) -> PeoplePage:
    """A page of a round: who is there, and who is gone. Somebody may come twice; what is told later counts."""
    last = {row["id"]: row for row in rows}.values()
    return PeoplePage(
        people=tuple(person_of(row, places) for row in last if "@removed" not in row),
        removed=tuple(removed_of(row) for row in last if "@removed" in row),
        cursor=cursor,
    )


def removed_of(row: dict) -> Removed:
    """Whom Entra says is gone: with a reason, as an object."""
    if not isinstance(row["@removed"], dict):
        raise Unreadable("@removed")
    return Removed(row["id"])


@readable()
def person_of(row: dict, places: frozenset[str]) -> PersonSeen:
    """What we keep of an Entra user. The user principal name is a name to sign in with and no address.

    Rooms, shared mailboxes and guests are users too. `places` are the addresses of rooms. Behind a shared mailbox
    stands a disabled account, and so it does behind somebody who left: the rule is that a disabled account with a
    given and a family name is a person, any other a shared mailbox. So somebody without these names who is disabled
    turns from a person into a shared mailbox; that they are disabled is told in any case.
    """
    addresses = addresses_of(row)
    given, family = text_of(row.get("givenName")), text_of(row.get("surname"))
    enabled = row.get("accountEnabled") is not False
    if places.intersection(addresses):
        kind = Kind.ROOM
    elif row.get("userType") == "Guest":
        kind = Kind.GUEST
    elif not enabled and not (given and family):
        kind = Kind.SHARED
    else:
        kind = Kind.PERSON
    return PersonSeen(
        external_id=row["id"],
        address=addresses[0] if addresses else "",
        aliases=tuple(addresses[1:]),
        given_name=given,
        family_name=family,
        department=text_of(row.get("department")),
        path="",
        employee_id=text_of(row.get("employeeId")),
        time_zone="",
        enabled=enabled,
        kind=kind,
        attributes=(
            ("display_name", text_of(row.get("displayName"))),
            ("job_title", text_of(row.get("jobTitle"))),
            ("office", text_of(row.get("officeLocation"))),
        ),
    )


def addresses_of(row: dict) -> list[str]:
    """The addresses of an account, the first one first: `mail`, else the proxy address in capitals (`SMTP:`).

    https://learn.microsoft.com/troubleshoot/entra/entra-id/user-prov-sync/proxyaddresses-attribute-populate
    """
    proxies = [proxy.partition(":") for proxy in row.get("proxyAddresses") or ()]
    mail = [address for scheme, _, address in proxies if scheme.lower() == "smtp"]
    first = [address for scheme, _, address in proxies if scheme == "SMTP"]
    return list(dict.fromkeys(filter(None, map(address_of, [row.get("mail"), *first, *mail]))))


@readable()
def room_of(row: dict) -> RoomSeen:
    """What we keep of a place. Its id is not its address."""
    number = row.get("floorNumber")
    return RoomSeen(
        external_id=row["id"],
        address=address_of(row.get("emailAddress")),
        name=text_of(row.get("displayName")),
        capacity=row.get("capacity") or 0,
        building=text_of(row.get("building")),
        floor=text_of(row.get("floorLabel")) or ("" if number is None else str(number)),
    )
