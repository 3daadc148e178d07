"""Runs as people read them: the list of all directories, one run with the guard's answer, what became of each."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, OuterRef, QuerySet
from django.db.models.functions import JSONObject
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from connections.models import Connection
from orgunits.models import OrganizationalUnit
from orgunits.paging import Page, page_of

from . import guard_words, plan_digest, plan_list, plan_words, run_words
from .guard import Outcome
from .guard_words import Block, Cause, Pause
from .models import Plan, PlanItem, ProvisioningRun

PAGE_SIZE = 50
NAMES_SHOWN = 50
Action, Result, State = PlanItem.Action, PlanItem.Result, ProvisioningRun.State
OPEN = (State.RUNNING, State.PAUSED)

RESULT_TONES = {
    Result.TODO: "info",
    Result.HELD: "warning",
    Result.DONE: "success",
    Result.FAILED: "danger",
    Result.NONE: "neutral",
}
FIXES = {
    "unit_at_rest": _("An Ops Admin of this unit can resume it. The next reading begins a new run."),
    "connection_at_rest": _("Whoever looks after the directory; its page says what is wrong."),
    "right_lost": _("Anybody who may change members can make a new plan."),
    "stale": _("Make a new plan and apply that."),
    "stale_since": _("The next reading of the directory asks again. An Ops Admin can make a new plan now."),
}


# --- the list -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Chosen:
    """What the list of runs is narrowed to; empty values do not narrow. `directory`: a connection's public id."""

    state: str = ""
    directory: str = ""

    def __bool__(self) -> bool:
        return any((self.state, self.directory))


def runs(unit: OrganizationalUnit, chosen: Chosen) -> QuerySet[ProvisioningRun]:
    """The unit's runs that fit."""
    rows = unit.provisioningruns.all()
    if chosen.state:
        rows = rows.filter(state=chosen.state)
    if chosen.directory:
        rows = rows.filter(connection__public_id=chosen.directory)
    return rows


def page(rows: QuerySet[ProvisioningRun], *, after: str) -> Page:
    """One page of them, the newest first, each with what its plan counted."""
    shown = rows.select_related("connection", "plan", "started_by")
    return page_of(
        shown, ("started_at", "pk"), after=after, size=PAGE_SIZE, descending=True, moments=("started_at",)
    )


def directories_of(unit: OrganizationalUnit) -> list[Connection]:
    """For the filter."""
    return list(unit.connections.directories().order_by("pk")[:200])


def planned_counts(run: ProvisioningRun) -> list[tuple[str, int]]:
    """What the plan was going to do, in words with numbers; what is nothing is left out."""
    counts = run.plan.counts
    return [
        (str(Action(action).label), counts[action])
        for action in (Action.ADD, Action.CHANGE, Action.SUSPEND, Action.CONFLICT)
        if counts.get(action)
    ]


# --- one run ------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Progress:
    """How far a run is: items by result."""

    counts: dict[str, int]

    @property
    def total(self) -> int:
        return sum(number for result, number in self.counts.items() if result != Result.NONE)

    @property
    def done(self) -> int:
        return self.counts[Result.DONE] + self.counts[Result.FAILED]

    @property
    def failed(self) -> int:
        return self.counts[Result.FAILED]

    @property
    def held(self) -> int:
        return self.counts[Result.HELD]

    @property
    def groups(self) -> list[dict]:
        """One for each result that occurs."""
        return [
            {
                "result": result,
                "label": Result(result).label,
                "tone": RESULT_TONES[result],
                "number": self.counts[result],
            }
            for result in (Result.DONE, Result.FAILED, Result.HELD, Result.TODO)
            if self.counts[result]
        ]


def run_of(unit: OrganizationalUnit, prn_id: str) -> ProvisioningRun | None:
    """The unit's run with this public id, its plan, and how many of its people came to which result (`told`)."""
    counted = PlanItem.objects.filter(plan=OuterRef("plan")).order_by().values("result")
    counted = counted.annotate(number=Count("pk")).values(told=JSONObject(result="result", number="number"))
    rows = unit.provisioningruns.filter(public_id=prn_id).annotate(told=ArraySubquery(counted))
    return rows.select_related(
        "unit",
        "connection__policy",
        "connection__unit",
        "plan__rule",
        "started_by",
        "approved_by",
        "first_yes_by",
    ).first()


def progress(run: ProvisioningRun) -> Progress:
    """How far the run, read by `run_of`, is."""
    found = dict.fromkeys(Result.values, 0)
    return Progress(found | {one["result"]: one["number"] for one in run.told})


def why(run: ProvisioningRun) -> str:
    """The cause of the run's state, as a sentence; empty where the state says enough."""
    if words := run_words.RUN_REASONS.get(run.reason):
        return " ".join(map(str, (words, *_of_the_rule(run))))
    if run.state == State.PAUSED:
        return " ".join(guard_sentences(run)) or str(_("Somebody has to look first."))
    if run.state == State.PARTIAL:
        return str(_("With some of them it failed; the others are done."))
    return ""


def _of_the_rule(run: ProvisioningRun) -> list[str]:
    """Of a run that ended early: whether the rule that its plan was for is changed."""
    plan = run.plan
    if plan.draft is None or run.state not in (State.CANCELLED, State.FAILED):
        return []
    untouched = plan.state == Plan.State.STALE
    return [str(run_words.RULE_AS_BEFORE if untouched else run_words.RULE_CHANGED)]


def fix(run: ProvisioningRun) -> str:
    """Who can do something about it, as a sentence."""
    if run.state == State.PAUSED:
        if run.plan.outcome == Outcome.BLOCKED:
            return str(_("The next good reading of the directory. Nobody can approve this one."))
        return str(_("An Ops Admin of this unit: approve below, or keep everybody."))
    if run.state == State.PARTIAL:
        return str(_("An Ops Admin of this unit: see below why it failed, then run it again for those."))
    return str(FIXES.get(run.reason, ""))


def guard_sentences(run: ProvisioningRun) -> list[str]:
    """Why the guard holds people back."""
    known = {code.value: words for code, words in guard_words.WORDS.items()}
    return [str(known.get(code, code)) for code in run.plan.guard_codes]


@dataclass(frozen=True)
class Hint:
    """A likely cause, and where to look for it."""

    words: str
    url: str
    link: str


def hints(run: ProvisioningRun) -> list[Hint]:
    """What may be behind it, for whoever decides."""
    known = {code.value: words for code, words in guard_words.WORDS.items()}
    slug, directory = run.unit.slug, run.connection.get_absolute_url()
    log = f"{reverse('audit_log', args=[slug])}?object={run.connection.public_id}"
    where = {
        Cause.FILTER_EDITED: (log, _("What was changed on this directory")),
        Cause.RULE_EDITED: (
            f"{reverse('audit_log', args=[slug])}?action=rule.changed",
            _("Changes of rules"),
        ),
        Cause.PERMISSION_LOST: (directory, _("The directory’s permissions")),
        Cause.PROVIDER_INCIDENT: (f"{directory}#readings", _("The last readings")),
        Cause.KEY_REPLACED: (log, _("What was changed on this directory")),
        Cause.MUCH_SMALLER: (f"{directory}#readings", _("How many people each reading told of")),
        Cause.MANY_MISSING: (f"{directory}#readings", _("The last readings")),
    }
    return [
        Hint(str(known.get(code, code)), *(where[code] if code in where else (directory, _("The directory"))))
        for code in run.plan.causes
    ]


def because_stale(run: ProvisioningRun) -> list[str]:
    """What had changed since the plan was made."""
    known = {code.value: words for code, words in plan_digest.WORDS.items()}
    return [str(known.get(code, code)) for code in run.plan.stale_because]


def may_be_approved(run: ProvisioningRun) -> bool:
    """Paused, and by a guard that a person may overrule: what is blocked waits for a good reading."""
    return run.state == State.PAUSED and run.plan.outcome == Outcome.PAUSED


# --- the people of a run ------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class ChosenItems:
    """What the people of a run are narrowed to."""

    q: str = ""
    result: str = ""
    action: str = ""

    def __bool__(self) -> bool:
        return any((self.q, self.result, self.action))


def items(run: ProvisioningRun, chosen: ChosenItems) -> QuerySet[PlanItem]:
    """The people with whom something was to be done, and who fit. With whom nothing happens they are not."""
    rows = run.plan.items.exclude(result=Result.NONE)
    if chosen.result:
        rows = rows.filter(result=chosen.result)
    if chosen.action:
        rows = rows.filter(action=chosen.action)
    return plan_list.named(rows, chosen.q)


def page_of_items(rows: QuerySet[PlanItem], *, after: str) -> Page:
    """One page in the order in which the run does them."""
    found = page_of(rows.select_related("member", "person"), ("position",), after=after, size=PAGE_SIZE)
    dress(found.rows)
    return found


def held_items(run: ProvisioningRun) -> list[PlanItem]:
    """The first of those whom the guard holds back."""
    rows = run.plan.items.filter(result=Result.HELD).select_related("member", "person").order_by("position")
    found = list(rows[:NAMES_SHOWN])
    dress(found)
    return found


def dress(rows: Iterable[PlanItem]) -> None:
    """Give each its words: who it is, why, and what came of it."""
    for row in rows:
        member, person = row.member, row.person
        gone = member is not None and member.erased_at is not None
        row.shows_member = member is not None and not gone and member.state != "removed"
        if gone:
            row.label, row.address = str(_("A person who is forgotten")), ""
        elif member is not None:
            row.label, row.address = member.name, member.email
        elif person is not None:
            row.label, row.address = str(person), person.address
        else:
            row.label, row.address = str(_("A person who is forgotten")), ""
        row.why = plan_words.clause(row.clause)
        row.result_tone, row.action_tone = RESULT_TONES[row.result], plan_words.TONES[row.action]
        row.trouble = str(run_words.ITEM_REASONS.get(row.reason, row.reason))


def explains(code: str) -> str:
    """What a block or a pause of the guard means for whoever stands before it."""
    return str(_EXPLAINED.get(code, ""))


_EXPLAINED = {
    Block.ERROR: _("Look at the last reading: it names the provider’s answer."),
    Block.INCOMPLETE: _(
        "Some pages of the answer did not come. Whoever stood on them would look as if gone."
    ),
    Block.EMPTY: _(
        "An organization without people is a mistake nearly always: a lost permission, a filter, an incident."
    ),
    Block.SCOPES_CHANGED: _(
        "Another permission may show other people. The reading after this one is compared with this one."
    ),
    Block.FILTER_CHANGED: _("The reading after this one is compared with this one."),
    Block.DOMAIN_CHANGED: _("The reading after this one is compared with this one."),
    Block.CREDENTIAL_CHANGED: _("The reading after this one is compared with this one."),
    Pause.SHARE: _("The share stands under “Limits” of the directory. Two or three are never too many."),
    Pause.MOST: _("However large the unit is, so many never go without somebody looking."),
    Pause.OPS_ADMIN: _("Even a single one: a unit without the right Ops Admins cannot mend a mistake."),
}
