"""What the guard says of a stored plan, in words. Pure."""

from dataclasses import dataclass

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .guard import Outcome
from .guard_words import WORDS
from .models import Plan


@dataclass(frozen=True)
class Words:
    """The verdict as the page shows it; `codes` say why, `causes` what may be behind it."""

    tone: str
    title: str
    text: str
    codes: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()


def in_words(plan: Plan) -> Words | None:
    """None while the guard has not looked."""
    codes, causes = _known(plan.guard_codes), _known(plan.causes)
    numbers = {
        "candidates": number_format(plan.candidates, force_grouping=True),
        "base": number_format(plan.base, force_grouping=True),
        "limit": number_format(plan.limit, force_grouping=True),
    }
    match plan.outcome:
        case Outcome.BLOCKED:
            text = _("Adding and changing goes on. No approval ends this; the next good reading does.")
            return Words("warning", _("Nobody is suspended and nobody loses a role"), text, codes, causes)
        case Outcome.PAUSED:
            title = ngettext(
                "The run will wait for an approval before %(candidates)s member loses access or a role",
                "The run will wait for an approval before %(candidates)s members lose access or a role",
                plan.candidates,
            )
            text = _(
                "This directory brought %(base)s active members; up to %(limit)s may go without anybody looking. "
                "All others of this plan are added and changed at once."
            )
            return Words("warning", title % numbers, text % numbers, codes, causes)
        case Outcome.ALLOWED if plan.candidates:
            title = ngettext(
                "%(candidates)s member would lose access or a role",
                "%(candidates)s members would lose access or a role",
                plan.candidates,
            )
            text = _("That is within the limit: up to %(limit)s of the %(base)s this directory brought.")
            return Words("info", title % numbers, text % numbers)
        case Outcome.ALLOWED:
            return Words("success", _("Nobody loses access or a role"), "")
        case _:
            return None


def _known(codes: list[str]) -> tuple[str, ...]:
    return tuple(str(WORDS[code]) for code in codes if code in WORDS)
