"""Icons: Tabler's outline set as inline SVG, read once from the installed package."""

from functools import cache

from django.conf import settings
from django.template import TemplateSyntaxError
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from .library import component

FOLDER = settings.BASE_DIR / "node_modules" / "@tabler" / "icons" / "icons" / "outline"


@cache
def _shapes(name: str) -> SafeString:
    """The inner markup of the icon's file: shapes only, no attribute of ours or of the person looking."""
    file = FOLDER / f"{name}.svg"
    if not name.replace("-", "").isalnum() or not file.is_file():
        raise TemplateSyntaxError(f"There is no icon “{name}” in @tabler/icons (outline).")
    inner = file.read_text().partition("<svg")[2].partition(">")[2].rpartition("</svg>")[0]
    return mark_safe("".join(line.strip() for line in inner.splitlines()))  # noqa: S308 the package's own file


@component
def icon(name: str, *, label: str = "", size: str = "") -> str:
    """The icon `name`. Without `label` it is hidden from screen readers: the word stands beside it.

    `size`: "" (1.25 rem), "small" (1 rem), "large" (2 rem).
    """
    spoken = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html(
        '<svg class="icon{}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" '
        'stroke-linecap="round" stroke-linejoin="round" focusable="false" {}>{}</svg>',
        f" icon-{size}" if size else "",
        spoken,
        _shapes(name),
    )
