"""Our components as template tags; every template has them without `{% load %}` (settings: builtins).

`/gallery/` shows each of them in all its states. One noun a file; the markup stands in `templates/components/`.
"""

from . import acts, chart, data, forms, icons, layout, moments, people, states, week
from .library import register

__all__ = [
    "acts",
    "chart",
    "data",
    "forms",
    "icons",
    "layout",
    "moments",
    "people",
    "register",
    "states",
    "week",
]
