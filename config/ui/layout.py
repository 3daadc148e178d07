"""The frame of a page's content: headings, cards, alerts, empty states, breadcrumbs."""

from __future__ import annotations

from django.template import TemplateSyntaxError
from django.template.loader import render_to_string
from django.utils.html import format_html

from .library import component
from .states import TONES


def _check(tone: str) -> None:
    if tone not in TONES:
        raise TemplateSyntaxError(f"There is no tone “{tone}”. Known: {', '.join(TONES)}.")


@component
def page_heading(title: str, *, lead: str = "", eyebrow: str = "") -> str:
    """The page's one h1, a short line above it and one sentence below it."""
    return render_to_string(
        "components/page_heading.html", {"title": title, "lead": lead, "eyebrow": eyebrow}
    )


@component(block=True)
def breadcrumbs(content: str) -> str:
    """The way here: a row of `{% crumb %}`."""
    return render_to_string("components/breadcrumbs.html", {"content": content})


@component
def crumb(label: str, *, url: str = "") -> str:
    """One place on the way; the last one, without `url`, is this page."""
    if url:
        return format_html('<li><a href="{}">{}</a></li>', url, label)
    return format_html('<li aria-current="page">{}</li>', label)


@component(block=True)
def card(
    content: str,
    *,
    title: str = "",
    lead: str = "",
    icon: str = "",
    anchor: str = "",
    url: str = "",
    action: str = "",
    level: int = 2,
    flush: bool = False,
) -> str:
    """A surface for one thing. `url` with `action` is a link at its head; `flush` lets a table touch the edges."""
    values = {"content": content, "title": title, "lead": lead, "icon": icon, "anchor": anchor, "url": url}
    return render_to_string(
        "components/card.html", {**values, "action": action, "level": int(level), "flush": flush}
    )


@component(block=True)
def card_footer(content: str) -> str:
    """The last line of a card: its buttons or small print."""
    return format_html('<div class="card-foot">{}</div>', content)


@component(block=True)
def alert(content: str, tone: str = "info", *, title: str = "", icon: str = "") -> str:
    """Something to know before going on. `tone`: info, success, warning, danger, neutral."""
    _check(tone)
    return render_to_string(
        "components/alert.html",
        {"content": content, "tone": tone, "title": title, "icon": icon or TONES[tone]},
    )


@component(block=True)
def empty_state(content: str, title: str, *, text: str = "", icon: str = "inbox", level: int = 2) -> str:
    """Nothing here: what it is, why it is empty, and (the content) the one next action."""
    return render_to_string(
        "components/empty_state.html",
        {"content": content, "title": title, "text": text, "icon": icon, "level": int(level)},
    )


@component(block=True)
def actions(content: str) -> str:
    """A row of buttons: the main one first; they wrap and fill the width on a phone."""
    return format_html('<div class="actions">{}</div>', content)


@component(block=True)
def columns(content: str, *, narrow: bool = False) -> str:
    """Cards side by side where there is room; `narrow` fits three or four."""
    return format_html('<div class="columns{}">{}</div>', " columns-narrow" if narrow else "", content)


@component(block=True)
def polled(content: str, url: str, *, anchor: str, seconds: int = 3) -> str:
    """A part that fetches itself again until the server answers 286. Without scripts: a link to reload."""
    return render_to_string(
        "components/polled.html", {"content": content, "url": url, "anchor": anchor, "seconds": int(seconds)}
    )
