"""Who left: the list, narrowed and paged, and one leaver in words."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from connections.models import Connection, Mailbox
from connections.modes import AccessMode
from orgunits.models import Application, Member, OrganizationalUnit
from orgunits.names import sort_key
from orgunits.paging import Page, page_of
from orgunits.roles import ROLES

from .clauses import WORDS
from .dossiers import digest_of
from .models import Offboarding
from .offboarding import OPEN

PAGE_SIZE = 50
GRACE, UNDONE, BACK, ENDED = "grace", "undone", "back", "ended"
STATES = {
    GRACE: _("In the days of grace"),
    UNDONE: _("Undone"),
    BACK: _("Came back"),
    ENDED: _("Forgotten"),
}
TONES = {GRACE: "warning", UNDONE: "success", BACK: "success", ENDED: "neutral"}
_FORGOTTEN = Q(member__erased_at__isnull=False)
_IN_STATE = {
    GRACE: OPEN,
    UNDONE: Q(undone_at__isnull=False) & ~_FORGOTTEN,
    BACK: Q(ended_at__isnull=False) & ~_FORGOTTEN,
    ENDED: Q(ended_at__isnull=False) & _FORGOTTEN | Q(undone_at__isnull=False) & _FORGOTTEN,
}


@dataclass(frozen=True)
class Chosen:
    """What the list is narrowed to; empty values do not narrow. `directory`: a connection's public id."""

    q: str = ""
    state: str = ""
    directory: str = ""

    def __bool__(self) -> bool:
        return any((self.q, self.state, self.directory))


def leavers(unit: OrganizationalUnit, chosen: Chosen) -> QuerySet[Offboarding]:
    """The unit's offboardings that fit."""
    rows = unit.offboardings.all()
    if chosen.state:
        rows = rows.filter(_IN_STATE[chosen.state])
    if chosen.directory:
        rows = rows.filter(connection__public_id=chosen.directory)
    if chosen.q:
        words = sort_key(chosen.q.strip())
        rows = rows.filter(
            Q(member__sort_key__contains=words) | Q(member__email__startswith=chosen.q.strip().lower()),
            member__erased_at__isnull=True,
        )
    return rows


def page(rows: QuerySet[Offboarding], *, after: str) -> Page:
    """One page of them, who left last first."""
    shown = rows.select_related("member", "connection", "signed_off_by").defer("dossier")
    return page_of(
        shown, ("begun_at", "pk"), after=after, size=PAGE_SIZE, descending=True, moments=("begun_at",)
    )


def directories_of(unit: OrganizationalUnit) -> list[Connection]:
    """The directories by which somebody may have left, for the filter."""
    return list(unit.connections.directories().order_by("pk")[:200])


@dataclass(frozen=True)
class Shown:
    """An offboarding as people read it."""

    row: Offboarding
    state: str
    name: str
    address: str
    days_left: int | None

    @property
    def label(self) -> str:
        return str(STATES[self.state])

    @property
    def tone(self) -> str:
        return TONES[self.state]

    @property
    def why(self) -> str:
        return str(WORDS.get(self.row.clause, "")) or str(_("Somebody began it by hand."))


def shown(row: Offboarding, *, now: datetime) -> Shown:
    """`row` with its member read along."""
    member, state = row.member, state_of(row)
    gone = member.erased_at is not None
    left = max(0, -(-int((row.grace_until - now).total_seconds()) // 86400)) if state == GRACE else None
    name = str(_("A person who is forgotten")) if gone else member.name
    return Shown(row, state, name, "" if gone else member.email, left)


def state_of(row: Offboarding) -> str:
    """Where the story is."""
    if row.undone_at is None and row.ended_at is None:
        return GRACE
    if row.member.erased_at is not None:
        return ENDED
    return UNDONE if row.undone_at else BACK


# --- the dossier --------------------------------------------------------------------------------------------------
def in_words(dossier: dict) -> dict:
    """A dossier with its codes in words and its times as times, for the page. Empty parts stay away."""
    if "member" not in dossier:
        roles = [_role(code) for code in dossier.get("roles", [])]
        return {"forgotten": True, "roles": roles, "numbers": dossier.get("numbers", {})}
    member = dict(dossier["member"])
    member["identity"] = _label(Member.Identity, member["identity"])
    member["came_by"] = _label(Member.CameBy, member["came_by"])
    member["identity_since"] = _moment(member["identity_since"])
    member["last_seen_on"] = _day(member["last_seen_on"])
    directory, calendar = dossier.get("directory"), dossier.get("calendar")
    if directory:
        directory = directory | {name: _moment(directory[name]) for name in ("absent_since", "deleted_at")}
    if calendar:
        calendar = calendar | {
            "state": _label(Mailbox.State, calendar["state"]),
            "mode": _label(AccessMode, calendar["mode"]),
            "last_read_at": _moment(calendar["last_read_at"]),
        }
    return {
        "forgotten": False,
        "member": member,
        "roles": [_grant(row) for row in dossier["roles"]],
        "applications": [_with_environment(row) for row in dossier["applications"]],
        "directory": directory,
        "calendar": calendar,
        "authorizations": [row | {"given_at": _moment(row["given_at"])} for row in dossier["authorizations"]],
    }


def record_of(row: Offboarding, *, now: datetime) -> dict:
    """The dossier with its story, to be kept as a file. Times in UTC."""

    def moment(value: datetime | None) -> str | None:
        return value.isoformat(timespec="seconds") if value else None

    return {
        "unit": {"slug": row.unit.slug, "name": row.unit.name},
        "offboarding": {
            "id": row.public_id,
            "member": row.member.public_id,
            "state": state_of(row),
            "clause": row.clause or None,
            "directory": row.connection.public_id if row.connection else None,
            "run": row.run.public_id if row.run else None,
            "begun_at": moment(row.begun_at),
            "begun_by": row.begun_by.public_id if row.begun_by else None,
            "grace_until": moment(row.grace_until),
            "undone_at": moment(row.undone_at),
            "undone_by": row.undone_by.public_id if row.undone_by else None,
            "ended_at": moment(row.ended_at),
        },
        "signed_off": {
            "at": moment(row.signed_off_at),
            "by": row.signed_off_by.public_id if row.signed_off_by else None,
            "by_name": str(row.signed_off_by) if row.signed_off_by else None,
            "note": row.note,
        }
        if row.signed_off_at
        else None,
        "dossier": row.dossier,
        "dossier_sha256": digest_of(row.dossier) if "member" in row.dossier else None,  # of what was signed
        "made_at": moment(now),
    }


def _grant(row: dict) -> dict:
    return _with_environment(row) | {
        "role": _role(row["role"]),
        "given_at": _moment(row["given_at"]),
        "until": _moment(row["until"]),
    }


def _with_environment(row: dict) -> dict:
    return row | {"environment": _label(Application.Environment, row.get("environment"))}


def _role(code: str) -> str:
    return str(ROLES[code].name) if code in ROLES else code


def _label(choices, code: str | None) -> str:
    return str(dict(choices.choices).get(code, code or ""))


def _moment(value: str | None) -> datetime | None:
    return parse_datetime(value) if value else None


def _day(value: str | None):
    return date.fromisoformat(value) if value else None
