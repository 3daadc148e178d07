"""Looking what the new mode was granted, before it is the connection's: granted against asked."""

from datetime import datetime

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from orgunits import audit
from orgunits.models import OrganizationalUnit, User

from . import health
from .health import PROBE, Result, Verdict
from .mode_changes import CAN_COMPLETE, instead, needs_approval
from .models import HandOff, ModeChange
from .modes import scopes_for
from .providers.base import AuthorizationLost, ProviderError, ScopeAnswer
from .reasons import code_of, reason
from .services import calendar_service
from .states import NotPossibleNow, Shown

# What may still come by itself: the grant spreads, or the provider has a bad moment.
WAITS = {
    "not_delegated", "consent_spreading", "incomplete", "probe_refused",
    "provider_down", "provider_busy", "failed_at_provider",
}  # fmt: skip


def check_change(change: ModeChange, *, by: User | HandOff | None, now: datetime) -> Verdict:
    """Ask with the new mode's key, each scope alone and one mailbox, and write down what came of it.

    Nothing of the connection is touched. Never raises for what a provider answers; raises NotPossibleNow when the
    change is over, or another key was chosen meanwhile. While the unit is paused nobody is asked.
    """
    if not change.connection.unit.works:
        return Verdict(False, "unit_at_rest")
    verdict, answers, probe = _look(change)
    if verdict.works and needs_approval(change):
        verdict = Verdict(False, "not_approved")
    rows = ModeChange.objects.filter(
        pk=change.pk, state=ModeChange.State.OPEN, credential=change.credential_id
    )
    if by is not None and _overdue(change, now=now):
        rows.update(consented_at=now)  # a person says that it is granted now: the 24 hours begin anew
    if not rows.update(answers=_lines(answers, probe), problem=verdict.reason, checked_at=now):
        raise NotPossibleNow
    if by is not None:
        audit.record(
            change.connection.unit, "connection.mode_checked", change.connection, by=by, now=now,
            change=change.public_id, mode=change.to_mode, works=verdict.works, reason=verdict.reason,
        )  # fmt: skip
    change.refresh_from_db(fields=["answers", "problem", "checked_at", "consented_at"])
    return verdict


def _look(change: ModeChange) -> tuple[Verdict, list[ScopeAnswer], str | None]:
    try:
        service = calendar_service(change.connection, instead=instead(change))
        verdict, answers, probe = health.ask(change.connection, service)
    except AuthorizationLost as error:
        return _refused(change, error.reason), [], None
    except ProviderError as error:
        return Verdict(False, code_of(error), waits=True), [], None
    if verdict.works and _grants_something_else(answers):
        verdict = Verdict(False, "incomplete", waits=True)
    elif not verdict.works and verdict.reason == "consent_spreading":
        verdict = _refused(change, "revoked")
    return verdict, answers, probe


def _refused(change: ModeChange, reason: str) -> Verdict:
    """Microsoft does not know the new registration: nobody consented yet, or the consent is still spreading."""
    if reason != "revoked":
        return Verdict(False, reason)
    if change.consented_at:
        return Verdict(False, "consent_spreading", waits=True)
    return Verdict(False, "not_consented")


def _grants_something_else(answers: list[ScopeAnswer]) -> bool:
    """The mailbox answered, but by a permission of another mode. No permission listed at all is no such sign:
    Exchange can grant without Entra's knowing."""
    return any(a.granted for a in answers) and not all(a.granted for a in answers if a.requested)


def _lines(answers: list[ScopeAnswer], probe: str | None) -> list[list[str]]:
    """[name, result, code] of each line, as the self-test keeps them."""
    lines = [[answer.name, _result(answer), answer.code] for answer in answers]
    if probe is not None:
        lines.append([PROBE, Result.GRANTED if probe == "" else Result.MISSING, probe])
    return lines


def _result(answer: ScopeAnswer) -> str:
    if answer.granted is None:
        return Result.UNKNOWN
    if not answer.requested:
        return Result.UNREQUESTED
    return Result.GRANTED if answer.granted else Result.MISSING


# --- waiting ------------------------------------------------------------------------------------------------------
def next_look(change: ModeChange) -> datetime | None:
    """When we look again by ourselves; None when there is nothing to wait for, or 24 hours are over."""
    if change.checked_at is None or change.problem not in WAITS:
        return None
    return health.next_try(_waiting_since(change), now=change.checked_at)


def _waiting_since(change: ModeChange) -> datetime:
    return change.consented_at or change.created_at


def _overdue(change: ModeChange, *, now: datetime) -> bool:
    google = change.connection.provider == "google"
    return bool(google or change.consented_at) and now - _waiting_since(change) >= health.PATIENCE


def waiting_changes() -> QuerySet[ModeChange]:
    """Changes whose grant may still come, of connections and units that make calls."""
    return ModeChange.objects.filter(
        state=ModeChange.State.OPEN,
        problem__in=WAITS,
        connection__state__in=CAN_COMPLETE,
        unit__state=OrganizationalUnit.State.ACTIVE,
    ).select_related("connection__unit", "connection__credential", "credential")


def is_due(change: ModeChange, *, now: datetime) -> bool:
    """Whether it is time to look again."""
    again = next_look(change)
    return again is not None and again <= now


def is_ready(change: ModeChange) -> bool:
    """Whether the last look found everything; before the change is made it is looked at once more."""
    return change.state == ModeChange.State.OPEN and change.checked_at is not None and not change.problem


def shown(change: ModeChange) -> Shown:
    """Where the change stands, as people read it."""
    again = next_look(change)
    if is_ready(change):
        code, label, tone, why = "done", _("Everything is granted"), "success", ""
    elif again is not None:
        code, label, tone, why = "waiting", _("Waiting for provider"), "info", change.problem
    elif change.problem:
        code, label, tone, why = "needs_attention", _("Needs attention"), "warning", change.problem
    else:
        code, label, tone, why = "not_started", _("Not granted yet"), "neutral", "not_consented"
    since = change.checked_at or change.created_at
    return Shown(code, label, tone, since=since, reason=reason(why), next_try=again)


def lines_of(change: ModeChange) -> list[health.CheckLine]:
    """The last look as it is shown: asked scopes in their order, then what was granted beyond, then the mailbox."""
    found = {name: (result, code) for name, result, code in change.answers}
    asked = scopes_for(change.connection.provider, change.to_mode).organization
    names = [*asked, *(name for name in found if name not in asked and name != PROBE), PROBE]
    return [
        health.CheckLine(name, *found[name], change.checked_at, change.checked_at)
        if name in found
        else health.CheckLine(name, "not_asked")
        for name in names
        if name in found or name in asked
    ]
