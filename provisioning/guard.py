"""The brake: when a run may suspend members or take roles away by itself, and when a person has to look. Pure.

Three answers. *Allowed*. *Blocked*: the reading of the directory is not to be believed about who is missing; no
approval changes that, the next good reading does. *Paused by guard*: more would go than usual, or an Ops Admin; a
person approves exactly this set of candidates, or nobody goes.

That a person is missing counts only when two complete snapshots say so, at least one interval apart
(`connections.snapshots`). What the provider says outright, deleted or suspended, counts at once and comes here too.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from .clauses import Clause
from .guard_words import Block, Cause, Pause
from .plan_values import Action, Known, Plan, State


@dataclass(frozen=True, slots=True)
class Scope:
    """Fingerprints of what decides whom a directory shows us. Texts to compare, nothing more."""

    scopes: str = ""
    filter: str = ""
    domain: str = ""
    credential: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """The facts of one reading of a directory."""

    complete: bool  # every page was read to its end
    rows: int  # how many people it showed
    error: str = ""  # code of what went wrong
    scope: Scope = Scope()
    scope_before: Scope | None = None  # of the run before; None: this is the first
    rows_before: int | None = None  # of the last complete reading


@dataclass(frozen=True, slots=True)
class Limits:
    """How many may go without anybody looking: the larger of `floor` and `share`, but never above `most`."""

    share: int = 20  # percent of the active members this connection provides
    floor: int = 3  # people
    most: int = 500  # people

    def usual(self, base: int) -> int:
        """The share of `base` members in whole people, or the floor where that is more."""
        return max(self.floor, base * self.share // 100)

    def allowed(self, base: int) -> int:
        """The largest number of candidates that is not too many."""
        return min(self.usual(base), self.most)


USUAL = Limits()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A member who would be suspended, or would really lose roles."""

    member: int
    suspended: bool
    roles: tuple[str, ...]  # that would be lost
    ops_admin: bool
    clause: Clause


@dataclass(frozen=True, slots=True)
class Approval:
    """Somebody looked at one set of candidates and said yes, until `expires_at` (UTC)."""

    digest: str
    expires_at: datetime

    def is_good(self, digest: str, *, now: datetime) -> bool:
        """Whether it is for this very set, and has not expired."""
        return self.digest == digest and now < self.expires_at


class Outcome(StrEnum):
    ALLOWED = "allowed"
    BLOCKED = "blocked"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the guard says, and what the page tells about it."""

    outcome: Outcome
    digest: str  # of the candidates
    candidates: int
    base: int
    limit: int  # so many would have been allowed
    codes: tuple[Block | Pause, ...] = ()
    causes: tuple[Cause, ...] = ()  # likely ones, for whoever decides
    approved: bool = False  # allowed only because of the approval

    @property
    def may_remove(self) -> bool:
        return self.outcome == Outcome.ALLOWED


def why_blocked(reading: Reading) -> tuple[Block, ...]:
    """Why nobody may be removed after this reading. Asked before the plan is made, which takes it as `incomplete`."""
    before, now = reading.scope_before, reading.scope
    changed = before is not None
    found = (
        (bool(reading.error), Block.ERROR),
        (not reading.complete, Block.INCOMPLETE),
        (reading.rows == 0, Block.EMPTY),
        (changed and now.scopes != before.scopes, Block.SCOPES_CHANGED),
        (changed and now.filter != before.filter, Block.FILTER_CHANGED),
        (changed and now.domain != before.domain, Block.DOMAIN_CHANGED),
        (changed and now.credential != before.credential, Block.CREDENTIAL_CHANGED),
    )
    return tuple(code for holds, code in found if holds)


def candidates_of(plan: Plan) -> tuple[Candidate, ...]:
    """Whom the plan suspends or strips of a role that nothing else gives them."""
    return tuple(
        Candidate(item.member, item.action == Action.SUSPEND, item.stripped, item.ops_admin, item.clause)
        for item in plan.to_do()
        if item.takes_something
    )


def base_of(members: Iterable[Known]) -> int:
    """How many active members this connection provides: what the share is a share of."""
    return sum(member.provided and member.state == State.ACTIVE for member in members)


def digest_of(candidates: Iterable[Candidate]) -> str:
    """SHA-256, in hex, over who would lose what, in any order. Reasons do not count."""
    lines = sorted((c.member, c.suspended, sorted(c.roles), c.ops_admin) for c in candidates)
    return sha256(json.dumps(lines).encode()).hexdigest()


def judge(
    reading: Reading,
    candidates: Iterable[Candidate],
    base: int,
    *,
    now: datetime,
    limits: Limits = USUAL,
    approval: Approval | None = None,
) -> Verdict:
    """Whether these candidates may go. `base` as `base_of` counts it before the run.

    An approval ends a pause, never a block.
    """
    candidates = tuple(candidates)
    digest = digest_of(candidates)
    number, limit = len(candidates), limits.allowed(base)
    blocks = why_blocked(reading)
    if blocks:
        causes = likely_causes(reading, candidates, limits)
        return Verdict(Outcome.BLOCKED, digest, number, base, limit, blocks, causes)
    found = (
        (number > limits.usual(base), Pause.SHARE),
        (number > limits.most, Pause.MOST),
        (any(candidate.ops_admin for candidate in candidates), Pause.OPS_ADMIN),
    )
    pauses = tuple(code for holds, code in found if holds)
    if not pauses:
        return Verdict(Outcome.ALLOWED, digest, number, base, limit)
    approved = approval is not None and approval.is_good(digest, now=now)
    outcome = Outcome.ALLOWED if approved else Outcome.PAUSED
    causes = likely_causes(reading, candidates, limits)
    return Verdict(outcome, digest, number, base, limit, pauses, causes, approved)


def likely_causes(reading: Reading, candidates: Iterable[Candidate], limits: Limits) -> tuple[Cause, ...]:
    """What may be behind it, for whoever has to decide. Hints: none of them is certain."""
    blocks = set(why_blocked(reading))
    why = [candidate.clause for candidate in candidates]
    missing = sum(clause == Clause.ABSENT_TWICE for clause in why)
    unmatched = sum(clause in (Clause.NO_RULE, Clause.LEFT_ONE_RULE, Clause.CHANGED) for clause in why)
    before = reading.rows_before
    smaller = before is not None and (before - reading.rows) * 100 > before * limits.share
    found = (
        (bool(blocks & {Block.FILTER_CHANGED, Block.DOMAIN_CHANGED}), Cause.FILTER_EDITED),
        (unmatched * 2 > len(why), Cause.RULE_EDITED),
        (bool(blocks & {Block.SCOPES_CHANGED, Block.EMPTY}) or smaller, Cause.PERMISSION_LOST),
        (bool(blocks & {Block.ERROR, Block.INCOMPLETE, Block.EMPTY}), Cause.PROVIDER_INCIDENT),
        (Block.CREDENTIAL_CHANGED in blocks, Cause.KEY_REPLACED),
        (smaller, Cause.MUCH_SMALLER),
        (missing * 2 > len(why), Cause.MANY_MISSING),
    )
    return tuple(cause for holds, cause in found if holds)
