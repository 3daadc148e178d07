"""Reading the audit log: events as lines that people understand, and the events of one object."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from .audit import SYSTEM
from .audit_facts import label_of, words_of
from .audit_verbs import CATEGORIES, VERBS, verbs_of
from .models import AuditEvent, AuditName, AuditReason, OrganizationalUnit
from .paging import Page, page_of

PUBLIC_ID = re.compile(r"([a-z]{3,4})_[0-9a-f]{24}\Z")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")

# The page of an object, by the first letters of its public id: the address's name and what stands in it.
PAGES: dict[str, tuple[str, str]] = {
    "app": ("application", "application_id"),
    "con": ("connection", "connection_id"),
    "mem": ("member", "member_id"),
}


@dataclass(frozen=True)
class Value:
    """One thing said in a line: words, and where they lead; or a moment, shown in the viewer's zone."""

    words: str
    url: str = ""
    moment: datetime | None = None


@dataclass(frozen=True)
class Change:
    """What of the object changed, in words. Empty: there was nothing, or there is nothing now."""

    label: str
    before: Value | None
    after: Value | None


@dataclass(frozen=True)
class Line:
    """One event, as people read it."""

    event: AuditEvent
    verb: str
    actor: Value
    subject: Value
    reason: str
    changes: list[Change] = field(default_factory=list)
    facts: list[tuple[str, list[Value]]] = field(default_factory=list)

    @property
    def by_itself(self) -> bool:
        """Whether the portal did it, and no person."""
        return self.event.actor == SYSTEM


@dataclass(frozen=True)
class Chosen:
    """What the log is narrowed to; empty values do not narrow. `actor` and `object` are names or public ids,
    `action` a verb or a category of verbs; `since` is the first instant, `until` the first one after."""

    actor: str = ""
    action: str = ""
    object: str = ""
    since: datetime | None = None
    until: datetime | None = None
    origin: str = ""


def events_of(unit: OrganizationalUnit, chosen: Chosen) -> QuerySet[AuditEvent]:
    """The unit's events that fit."""
    rows = unit.audit_events.all()
    if chosen.actor:
        rows = rows.filter(_called("actor", chosen.actor))
    if chosen.object:
        rows = rows.filter(_called("subject", chosen.object))
    if chosen.action:
        verbs = list(verbs_of(chosen.action)) if chosen.action in CATEGORIES else [chosen.action]
        rows = rows.filter(verb__in=verbs)
    if chosen.since:
        rows = rows.filter(at__gte=chosen.since)
    if chosen.until:
        rows = rows.filter(at__lt=chosen.until)
    return rows.filter(origin=chosen.origin) if chosen.origin else rows


def _called(column: str, words: str) -> Q:
    """`column` is this id, or an id whose name holds these words; an erased one is found by its id alone."""
    words = words.strip()
    if PUBLIC_ID.match(words) or words == SYSTEM:
        return Q(**{column: words})
    named = AuditName.objects.filter(name__icontains=words)
    return Q(**{f"{column}__in": named.values("subject")})


def page_of_events(rows: QuerySet[AuditEvent], *, after: str, size: int) -> Page:
    """One page of `rows`, the newest first."""
    return page_of(rows, ("at", "pk"), after=after, size=size, descending=True, moments=("at",))


def events_about(unit: OrganizationalUnit, public_id: str, limit: int = 20) -> list[Line]:
    """What happened to one object of `unit`, the newest first. Three queries; for `orgunits/_events.html`."""
    events = unit.audit_events.filter(subject=public_id).order_by("-pk")[:limit]
    return lines_of(unit, list(events))


def lines_of(unit: OrganizationalUnit, events: list[AuditEvent]) -> list[Line]:
    """`events` of `unit` with their names and reasons; two queries whatever their number."""
    ids = {event.actor for event in events} | {event.subject for event in events}
    for event in events:
        ids.update(_ids_in(event))
    names = dict(AuditName.objects.filter(subject__in=ids).values_list("subject", "name"))
    about = AuditReason.objects.filter(event__in=[event.public_id for event in events])
    reasons = dict(about.values_list("event", "text"))
    reader = _Reader(unit.slug, names)
    return [reader.line(event, reasons.get(event.public_id, "")) for event in events]


def _ids_in(event: AuditEvent) -> Iterable[str]:
    """The public ids in what the event says."""
    for said in (event.before, event.after, event.facts):
        for value in (said or {}).values():
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, str) and PUBLIC_ID.match(one):
                    yield one


@dataclass(frozen=True)
class _Reader:
    slug: str
    names: dict[str, str]

    def line(self, event: AuditEvent, reason: str) -> Line:
        return Line(
            event,
            str(VERBS.get(event.verb, event.verb)),
            self.thing(event.actor),
            self.thing(event.subject),
            reason,
            self._changes(event.before or {}, event.after or {}),
            [(label_of(name), self._values(name, value)) for name, value in event.facts.items()],
        )

    def thing(self, public_id: str) -> Value:
        """An object by its name, with its page; an erased one by its id alone."""
        match = PUBLIC_ID.match(public_id)
        page = PAGES.get(match.group(1)) if match else None
        url = reverse(page[0], kwargs={"slug": self.slug, page[1]: public_id}) if page else ""
        return Value(self.names.get(public_id, public_id), url)

    def _changes(self, before: dict, after: dict) -> list[Change]:
        names = [*before, *(name for name in after if name not in before)]
        return [
            Change(label_of(name), self._one(name, before.get(name)), self._one(name, after.get(name)))
            for name in names
        ]

    def _values(self, name: str, value: object) -> list[Value]:
        return [
            self._one(name, one) or Value(_("none"))
            for one in (value if isinstance(value, list) else [value])
        ]

    def _one(self, name: str, value: object) -> Value | None:
        if value is None or value in ("", [], {}):
            return None
        if isinstance(value, bool):
            return Value(_("yes") if value else _("no"))
        if isinstance(value, list):
            said = [self._one(name, one) for one in value]
            return Value(", ".join(one.words for one in said if one))
        if not isinstance(value, str):
            return Value(str(value))
        if PUBLIC_ID.match(value):
            return self.thing(value)
        if MOMENT.match(value) and (moment := _moment(value)):
            return Value(value, moment=moment)
        return Value(words_of(name, value))


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
