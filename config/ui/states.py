"""States in words, with an icon and a colour: one vocabulary for the whole portal (design, "States")."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.template import TemplateSyntaxError
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from .icons import icon as draw_icon
from .library import component
from .numbers import grouped

TONES = {
    "neutral": "circle-dot",
    "info": "info-circle",
    "success": "circle-check",
    "warning": "alert-triangle",
    "danger": "alert-circle",
}


class State(NamedTuple):
    label: str
    tone: str
    icon: str


STATES = {
    # connections: stored, then computed
    "pending": State(_("Pending"), "info", "clock"),
    "active": State(_("Active"), "success", "circle-check"),
    "paused": State(_("Paused"), "neutral", "player-pause"),
    "needs_reauthorization": State(_("Needs reauthorization"), "danger", "key"),
    "disconnected": State(_("Disconnected"), "neutral", "plug-off"),
    "waiting_for_provider": State(_("Waiting for provider"), "info", "hourglass"),
    "incomplete": State(_("Incomplete"), "warning", "alert-triangle"),
    "healthy": State(_("Healthy"), "success", "circle-check"),
    "degraded": State(_("Degraded"), "warning", "alert-triangle"),
    # invitations, members, identity
    "refused": State(_("Refused by the mail server"), "danger", "mail-x"),
    "expired": State(_("Expired"), "neutral", "clock-x"),
    "accepted": State(_("Accepted"), "success", "check"),
    "revoked": State(_("Revoked"), "neutral", "ban"),
    "invited": State(_("Invited"), "info", "mail-forward"),
    "suspended": State(_("Suspended"), "warning", "player-pause"),
    "removed": State(_("Removed"), "neutral", "user-minus"),
    "unverified": State(_("Unverified"), "neutral", "user-question"),
    "verified": State(_("Verified"), "success", "user-check"),
    # runs and jobs
    "running": State(_("Running"), "info", "refresh"),
    "paused_by_guard": State(_("Paused by guard"), "warning", "shield-pause"),
    "partial": State(_("Partial"), "warning", "progress-alert"),
    "succeeded": State(_("Succeeded"), "success", "circle-check"),
    "failed": State(_("Failed"), "danger", "circle-x"),
    "cancelled": State(_("Cancelled"), "neutral", "ban"),
    # bookings, delivery
    "booked": State(_("Booked"), "success", "calendar-check"),
    "waiting": State(_("Waiting"), "info", "hourglass"),
    "sent": State(_("Sent"), "success", "send"),
    "retrying": State(_("Retrying"), "warning", "refresh"),
    # set-up steps
    "not_started": State(_("Not started"), "neutral", "circle-dashed"),
    "in_progress": State(_("In progress"), "info", "progress"),
    "needs_attention": State(_("Needs attention"), "warning", "alert-triangle"),
    "done": State(_("Done"), "success", "circle-check"),
}


def state_of(code: str, *, label: str = "", tone: str = "", icon: str = "") -> State:
    """How the state `code` looks. Words, tone and icon given here win; an unknown code must bring its words."""
    known = STATES.get(code)
    if known is None and not label:
        raise TemplateSyntaxError(f"The state “{code}” is not in the vocabulary and came without a label.")
    tone = tone or (known.tone if known else "neutral")
    if tone not in TONES:
        raise TemplateSyntaxError(f"There is no tone “{tone}”. Known: {', '.join(TONES)}.")
    return State(label or known.label, tone, icon or (known.icon if known else TONES[tone]))


@component
def state_badge(code: str, *, label: str = "", tone: str = "", icon: str = "", url: str = "") -> str:
    """Icon, word and colour of a state. With `url` it leads to the cause."""
    state = state_of(str(code), label=label, tone=tone, icon=icon)
    inner = format_html("{}<span>{}</span>", draw_icon(state.icon, size="small"), state.label)
    if url:
        return format_html(
            '<a class="state state-{}" data-state="{}" href="{}">{}</a>', state.tone, code, url, inner
        )
    return format_html('<span class="state state-{}" data-state="{}">{}</span>', state.tone, code, inner)


@component(block=True)
def state_line(
    content: str,
    code: str,
    *,
    label: str = "",
    tone: str = "",
    icon: str = "",
    since: datetime | None = None,
    why: str = "",
    fix: str = "",
    next_try: datetime | None = None,
) -> str:
    """A state in full: since when, why, who can fix it, when it is tried again. The content is the action."""
    state = state_of(str(code), label=label, tone=tone, icon=icon)
    values = {"code": code, "state": state, "since": since, "why": why, "fix": fix, "next_try": next_try}
    return render_to_string("components/state_line.html", {**values, "action": content})


@component
def progress(done: int, total: int | None, *, label: str, counts: Iterable[dict] = ()) -> str:
    """How far long work is: a bar, "120 of 400", and a count per state.

    `counts`: dicts with label, number and optionally tone. `total` None: not known yet.
    """
    shown = [{**count, "number": grouped(count["number"])} for count in counts]
    words = {"done": grouped(done), "total": grouped(total)}
    return render_to_string(
        "components/progress.html",
        {"value": done, "most": total, "words": words, "label": label, "counts": shown},
    )


@component(block=True)
def checklist(content: str, *, done: int | None = None, total: int | None = None) -> str:
    """An ordered list of `{% step %}`; `done` and `total` say how many are finished."""
    return render_to_string("components/checklist.html", {"content": content, "done": done, "total": total})


@component
def step(title: str, *, state: str = "not_started", text: str = "", url: str = "", action: str = "") -> str:
    """One step of a checklist. `state`: not_started, in_progress, needs_attention, done."""
    values = {"title": title, "code": state, "state": state_of(state), "text": text, "url": url}
    return render_to_string("components/step.html", {**values, "action": action})


@component
def steps(items: Iterable[dict]) -> str:
    """Where a person is in a wizard. `items`: dicts with label, state (done, current, next) and a url if done."""
    items = list(items)
    at = next((number for number, item in enumerate(items, 1) if item["state"] == "current"), len(items))
    return render_to_string("components/steps.html", {"items": items, "at": at})
