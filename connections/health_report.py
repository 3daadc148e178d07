"""A connection's health as it is read: the lines of its page, and a plain text to paste into a ticket."""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import lru_cache

from django.conf import settings
from django.utils.translation import gettext as _

from . import health_checks, health_words
from .health import PROBE, CheckLine, check_lines, probed_mailbox
from .health_checks import Finding
from .health_runs import observe
from .health_words import Cause
from .models import Connection, HealthCheck, ScopeCheck
from .reasons import REASONS
from .states import Shown

Result = HealthCheck.Result
NOT_LOOKED = "not_looked"  # nobody has asked yet
TONES = {
    Result.WELL: "success",
    Result.WARNING: "warning",
    Result.FAILING: "danger",
    Result.UNKNOWN: "neutral",
    Result.NOT_SET_UP: "neutral",
    NOT_LOOKED: "neutral",
}
ICONS = {
    Result.WELL: "check",
    Result.WARNING: "alert-triangle",
    Result.FAILING: "x",
    Result.UNKNOWN: "question-mark",
    Result.NOT_SET_UP: "point",
    NOT_LOOKED: "point",
}
_OF_SCOPES = {
    ScopeCheck.Result.GRANTED: Result.WELL,
    ScopeCheck.Result.MISSING: Result.FAILING,
    ScopeCheck.Result.UNREQUESTED: Result.WARNING,
    ScopeCheck.Result.UNKNOWN: Result.UNKNOWN,
    "not_asked": NOT_LOOKED,
}


@dataclass(frozen=True)
class Fact:
    """A number or time beside a check; `kind` says how it is shown (`health_words.Kind`)."""

    name: str
    label: str
    value: object
    kind: str


@dataclass(frozen=True)
class Line:
    """One check as people read it. `subject`: the mailbox that was asked; not for the report."""

    name: str
    title: str
    word: str
    result: str
    cause: Cause
    about: str = ""
    subject: str = ""
    scope: bool = False
    code: str = ""  # ours, or the provider's own
    foreign: bool = False  # the code is the provider's own
    since: datetime | None = None
    checked_at: datetime | None = None  # empty where our own rows tell it at any moment
    facts: tuple[Fact, ...] = ()

    @property
    def of_self_test(self) -> bool:
        return self.scope or self.name == PROBE

    @property
    def tone(self) -> str:
        return TONES[self.result]

    @property
    def icon(self) -> str:
        return ICONS[self.result]


def lines(connection: Connection, *, now: datetime, scopes: list[CheckLine] | None = None) -> list[Line]:
    """Each scope, the mailbox that must work, then every other check: as our rows say it this moment.

    `scopes`: the lines of the self-test, where the caller has them already.
    """
    asked = [] if connection.personal else scopes or check_lines(connection)
    found = [_of_scope(connection, line) for line in asked]
    if connection.connected_at is None:
        return found
    stored = {row.name: row for row in connection.health_checks.all()}
    own = observe(connection, now=now)
    for name in health_words.TITLES:
        if name in own:
            row = stored.get(name)
            since = row.since if row and row.result == own[name].result else None
            found.append(_of_check(name, own[name], since=since))
        elif name in stored:
            row = stored[name]
            line = _of_check(name, Finding(row.result, row.code, row.facts), since=row.since)
            found.append(replace(line, checked_at=row.checked_at, subject=_subject(connection, name)))
        elif _is_for(connection, name):
            found.append(_not_looked(name))
    return found


def _is_for(connection: Connection, name: str) -> bool:
    if connection.personal:
        return False
    of_directories = {
        health_checks.SECOND,
        health_checks.CLOCK,
        health_checks.SECRET,
        health_checks.DIRECTORY,
    }
    if connection.capabilities.reads_directory and name not in of_directories:
        return False
    if name == health_checks.DIRECTORY and not connection.capabilities.reads_directory:
        return False
    providers = {health_checks.REFUSED: "microsoft", health_checks.SECOND: "google"}
    return providers.get(name, connection.provider) == connection.provider


def _subject(connection: Connection, name: str) -> str:
    if name == health_checks.REFUSED:
        return connection.must_be_refused
    return connection.second_administrator if name == health_checks.SECOND else ""


def _not_looked(name: str) -> Line:
    title, about = health_words.TITLES[name]
    return Line(name, str(title), _("Not checked yet"), NOT_LOOKED, Cause(""), about=str(about))


def _of_check(name: str, finding: Finding, *, since: datetime | None) -> Line:
    title, about = health_words.TITLES[name]
    cause = health_words.cause_of(name, finding.code)
    known = REASONS.get(finding.code)
    if cause is None and known is not None:
        cause = Cause(known.sentence, known.who, known.todo)
    return Line(
        name,
        str(title),
        str(Result(finding.result).label).capitalize(),
        finding.result,
        cause or Cause(""),
        about=str(about),
        code=finding.code,
        foreign=cause is None,
        since=since,
        facts=tuple(_facts(finding.facts)),
    )


def _facts(facts: Mapping[str, object]):
    for name, (label, kind) in health_words.FACTS.items():
        if name not in facts:
            continue
        value = facts[name]
        if kind == health_words.Kind.TIME:
            value = datetime.fromisoformat(str(value))
        elif kind == health_words.Kind.DAY:
            value = date.fromisoformat(str(value))
        yield Fact(name, str(label), value, kind)


def _of_scope(connection: Connection, line: CheckLine) -> Line:
    words = {
        ScopeCheck.Result.GRANTED: _("Granted"),
        ScopeCheck.Result.MISSING: _("Missing"),
        ScopeCheck.Result.UNREQUESTED: _("Granted, though never asked for"),
        ScopeCheck.Result.UNKNOWN: _("No answer"),
        "not_asked": _("Not checked yet"),
    }
    causes = health_words.SCOPE_CAUSES
    common = {"since": line.since, "checked_at": line.checked_at, "result": _OF_SCOPES[line.result]}
    if line.name == PROBE:
        words |= {ScopeCheck.Result.GRANTED: _("Answered"), ScopeCheck.Result.MISSING: _("Refused")}
        code = line.code if line.result == ScopeCheck.Result.MISSING else line.result
        known = REASONS.get(code)
        of_this = f"{code}:directory" if connection.is_directory else code
        cause = (
            causes.get(of_this)
            or causes.get(code)
            or (Cause(known.sentence, known.who, known.todo) if known else Cause(""))
        )
        return Line(
            PROBE, probe_title(connection), words[line.result], cause=cause, code=line.code,
            subject=probed_mailbox(connection), **common,
        )  # fmt: skip
    key = f"{line.result}:{connection.provider}" if line.result == ScopeCheck.Result.MISSING else line.result
    return Line(
        line.name, line.name, words[line.result], cause=causes.get(key, Cause("")), code=line.code,
        scope=True, foreign=bool(line.code), **common,
    )  # fmt: skip


def probe_title(connection: Connection) -> str:
    """What the live probe of the self-test tries."""
    return _("Reading the directory") if connection.is_directory else _("A mailbox that must work")


# --- for a ticket -------------------------------------------------------------------------------------------------
def text(connection: Connection, state: Shown, shown: list[Line], *, now: datetime) -> str:
    """All that helps somebody else to help: states, codes and times in UTC.

    No secret, no address, no name and no domain: the tenant is a short hash, and a provider's own code that
    could hold a person's address is left out.
    """
    rows = [
        f"Convoke {portal_version()}",
        f"report made {_utc(now)}",
        f"connection {connection.public_id}",
        f"provider {connection.provider}, mode {connection.mode}{', personal' if connection.personal else ''}",
        f"tenant {tenant_hash(connection)}",
        f"key {'of the unit' if connection.credential_id else 'of the installation'}",
        f"state {connection.state} since {_utc(connection.state_since)}",
        f"shown as {state.code} since {_utc(state.since)}",
        f"reason {connection.state_reason or '-'}",
        f"connected {_utc(connection.connected_at)}",
        f"last self-test {_utc(connection.last_checked_at)}, next {_utc(connection.next_check_at)}",
        f"last checks {_utc(connection.health_checked_at)}",
        f"failures in a row {connection.failures_in_row}, no calls before {_utc(connection.slowed_until)}",
        "",
        "checks",
    ]
    for line in shown:
        rows.append(f"  {line.name}: {line.result}, code {_harmless(line.code)}, since {_utc(line.since)}")
        if line.checked_at:
            rows.append(f"    asked {_utc(line.checked_at)}")
        rows += [f"    {fact.name}: {_plain(fact)}" for fact in line.facts]
    return "\n".join(rows) + "\n"


@lru_cache(maxsize=1)
def portal_version() -> str:
    """The version of this portal."""
    return tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]["version"]


def tenant_hash(connection: Connection) -> str:
    """Ten signs by which two reports about one tenant can be recognized, and the tenant cannot."""
    if not connection.tenant:
        return "-"
    return "#" + hashlib.sha256(f"{connection.provider}:{connection.tenant}".encode()).hexdigest()[:10]


def _utc(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else "-"


def _harmless(code: str) -> str:
    """A provider's own word, unless it could be an address or a host."""
    if not code:
        return "-"
    return "(left out)" if "@" in code or "." in code else code


def _plain(fact: Fact) -> str:
    if isinstance(fact.value, datetime):
        return _utc(fact.value)
    return _harmless(str(fact.value)) if fact.kind == health_words.Kind.CODE else str(fact.value)
