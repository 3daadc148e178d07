"""What is known, in rows and numbers: tables, filters, pages, facts, scopes, the comparison of access modes."""

from __future__ import annotations

from collections.abc import Iterable

from django.template import TemplateSyntaxError
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from .library import component
from .numbers import grouped

SCOPE_STATES = {
    "granted": (_("Granted"), "success", "check"),
    "missing": (_("Missing"), "danger", "x"),
    "waiting": (_("Waiting"), "info", "clock"),
    "extra": (_("More than asked"), "warning", "alert-triangle"),
    "asked": (_("Will be asked"), "neutral", "point"),
}


@component
def stat(value, label: str, *, hint: str = "", url: str = "", tone: str = "") -> str:
    """A number people look for, what it counts, and a hint below. `tone` colours it when it asks for action."""
    return render_to_string(
        "components/stat.html",
        {"value": grouped(value), "label": label, "hint": hint, "url": url, "tone": tone},
    )


@component(block=True)
def stats(content: str) -> str:
    """A row of `{% stat %}`."""
    return format_html('<div class="stats">{}</div>', content)


@component(block=True)
def facts(content: str) -> str:
    """A list of `{% fact %}`: label left, value right; one below the other on a phone."""
    return format_html('<dl class="facts">{}</dl>', content)


@component(block=True)
def fact(content: str, label: str) -> str:
    """One label with its value (the content)."""
    return format_html("<div><dt>{}</dt><dd>{}</dd></div>", label, content)


@component(block=True)
def table(content: str, caption: str, *, show_caption: bool = False, anchor: str = "") -> str:
    """A table; its rows become cards on a phone: give every `<td>` its column's name in `data-label`.

    The caption is for screen readers unless `show_caption`. `anchor` is the id of the table.
    """
    return render_to_string(
        "components/table.html",
        {"content": content, "caption": caption, "show_caption": show_caption, "anchor": anchor},
    )


@component(takes_context=True)
def sort_header(context, label: str, key: str, *, default: bool = False) -> str:
    """A `<th>` that sorts by `key` (`?sort=key`, again: `?sort=-key`) and starts from the first page."""
    query = context["request"].GET.copy()
    current = query.get("sort") or (key if default else "")
    direction = {key: "ascending", f"-{key}": "descending"}.get(current, "")
    query["sort"] = f"-{key}" if direction == "ascending" else key
    for place in ("after", "before"):
        query.pop(place, None)
    return render_to_string(
        "components/sort_header.html", {"label": label, "direction": direction, "query": query.urlencode()}
    )


@component(block=True)
def filter_bar(content: str, *, label: str = "", clear_url: str = "", button: str = "") -> str:
    """A form that only asks (GET). `clear_url`: where no filter is set; give it only while one is."""
    return render_to_string(
        "components/filter_bar.html",
        {"content": content, "label": label or _("Filter"), "clear_url": clear_url, "button": button},
    )


@component
def pager(*, shown: int, total: int | None = None, first_url: str = "", next_url: str = "") -> str:
    """Where one is in a list paged by key. `total` where counting is cheap; the URLs where there is such a page."""
    return render_to_string(
        "components/pager.html",
        {"shown": grouped(shown), "total": grouped(total), "first_url": first_url, "next_url": next_url},
    )


@component
def scope_list(rows: Iterable[dict], *, label: str = "") -> str:
    """Scopes verbatim, one a row. `rows`: dicts with scope, state (see SCOPE_STATES) and optionally reason."""
    rows = list(rows)
    for row in rows:
        if row["state"] not in SCOPE_STATES:
            raise TemplateSyntaxError(
                f"There is no scope state “{row['state']}”. Known: {', '.join(SCOPE_STATES)}."
            )
    shown = [
        dict(zip(("word", "tone", "icon"), SCOPE_STATES[row["state"]], strict=True), **row) for row in rows
    ]
    return render_to_string("components/scope_list.html", {"rows": shown, "label": label or _("Scopes")})


@component
def mode_comparison(modes: Iterable[dict], rows: Iterable[dict], *, caption: str, current: str = "") -> str:
    """Access modes side by side: a table where there is room, a card per mode on a phone.

    `modes`: dicts with code, name, summary and optionally note, url, action. `rows`: dicts with label and
    `values`, a mapping of mode code to text, True or False. `current`: the code of the mode in use.
    """
    modes = list(modes)
    lines = [{"label": row["label"], "cells": [(m, row["values"][m["code"]]) for m in modes]} for row in rows]
    cards = [
        {"mode": mode, "lines": [(line["label"], line["cells"][place][1]) for line in lines]}
        for place, mode in enumerate(modes)
    ]
    return render_to_string(
        "components/mode_comparison.html",
        {"modes": modes, "lines": lines, "cards": cards, "caption": caption, "current": current},
    )
