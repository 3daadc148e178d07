"""What people press: buttons, copy buttons, and the page before a dangerous act."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from django.template import TemplateSyntaxError
from django.template.loader import render_to_string

from .library import component

VARIANTS = ("primary", "secondary", "quiet", "danger")


def _check(variant: str) -> None:
    if variant not in VARIANTS:
        raise TemplateSyntaxError(f"There is no button variant “{variant}”. Known: {', '.join(VARIANTS)}.")


@component
def button(
    label: str,
    *,
    url: str = "",
    variant: str = "primary",
    icon: str = "",
    name: str = "",
    value: str = "",
    small: bool = False,
    form: str = "",
) -> str:
    """A link that looks like a button (with `url`), else the submit button of its form (or of the form `form`)."""
    _check(variant)
    values = {"label": label, "url": url, "variant": variant, "icon": icon, "name": name, "value": value}
    return render_to_string("components/button.html", {**values, "small": small, "form": form})


@component(takes_context=True)
def post_button(
    context,
    label: str,
    url: str,
    *,
    variant: str = "secondary",
    icon: str = "",
    name: str = "",
    value: str = "",
    small: bool = False,
) -> str:
    """A small form of its own with one button: for acts that change something and need no question."""
    _check(variant)
    values = {"label": label, "url": url, "variant": variant, "icon": icon, "name": name, "value": value}
    token = context.get("csrf_token", "")
    return render_to_string("components/post_button.html", {**values, "small": small, "csrf_token": token})


@component
def copy_button(value: str, *, label: str, long: bool = False) -> str:
    """A value to paste elsewhere: a field one can select from, and a Copy button where scripts run."""
    anchor = "copy-" + hashlib.sha256(f"{label}\0{value}".encode()).hexdigest()[:10]
    return render_to_string(
        "components/copy_button.html", {"value": value, "label": label, "long": long, "anchor": anchor}
    )


@component(block=True, takes_context=True)
def confirm(
    context,
    content: str,
    title: str,
    *,
    button: str,
    cancel_url: str,
    stops: Iterable[str] = (),
    keeps: Iterable[str] = (),
    undo: str = "",
    action: str = "",
) -> str:
    """The form before a dangerous act: what stops, what is kept, whether and until when it can be undone.

    The content is what the form asks beside it (hidden values, a name to type). It posts to `action`, by
    default to the page itself.
    """
    values = {"content": content, "title": title, "button": button, "cancel_url": cancel_url, "undo": undo}
    lists = {"stops": list(stops), "keeps": list(keeps)}
    token = context.get("csrf_token", "")
    return render_to_string(
        "components/confirm.html", {**values, **lists, "action": action, "csrf_token": token}
    )
