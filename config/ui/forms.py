"""Forms: the error summary, a field, and its widget with our classes."""

from __future__ import annotations

from django import forms
from django.forms.boundfield import BoundField
from django.template import TemplateSyntaxError
from django.template.loader import render_to_string

from .library import component

CLASSES = [
    (forms.CheckboxInput, "form-check-input"),
    (forms.RadioSelect, "form-check-input"),
    (forms.CheckboxSelectMultiple, "form-check-input"),
    (forms.Select, "form-select"),
]


def widget_class(widget: forms.Widget) -> str:
    """The CSS class of the kit for this kind of widget."""
    return next((name for kind, name in CLASSES if isinstance(widget, kind)), "form-control")


def _dress(bound: BoundField) -> None:
    """Give the widget its class, beside classes the form set itself. Fields are copied per form: no leak."""
    if not isinstance(bound, BoundField):
        raise TemplateSyntaxError(f"A form's field is expected here, not {bound!r}: is the name right?")
    attributes = bound.field.widget.attrs
    own = attributes.get("class", "").split()
    ours = [widget_class(bound.field.widget)] + (["is-invalid"] if bound.errors else [])
    attributes["class"] = " ".join(dict.fromkeys([*own, *ours]))


@component
def widget(bound: BoundField) -> str:
    """Only the control of a field, with our classes."""
    _dress(bound)
    return str(bound)


@component
def options(bound: BoundField) -> list[dict]:
    """The choices of a radio or checkbox group: `{% options field as rows %}` gives control, label, text.

    The text of a choice comes from `descriptions` on the field, a mapping of value to text; a field that has it
    shows its choices as cards.
    """
    _dress(bound)
    texts = getattr(bound.field, "descriptions", None) or {}
    return [
        {
            "control": option.tag(),
            "anchor": option.id_for_label,
            "label": option.choice_label,
            "text": texts.get(option.data["value"], texts.get(str(option.data["value"]), "")),
        }
        for option in bound.subwidgets
    ]


@component
def field(bound: BoundField, *, hide_label: bool = False, prefix: str = "", suffix: str = "") -> str:
    """One field: label, help, error, control. `prefix` and `suffix` stand inside the control: "https://"."""
    _dress(bound)
    values = {"field": bound, "hide_label": hide_label, "prefix": prefix, "suffix": suffix}
    return render_to_string(bound.form.renderer.field_template_name, values)


@component
def error_summary(form: forms.BaseForm) -> str:
    """What is wrong with the form, at its top: focused when the page opens, each line a link to its field."""
    return render_to_string("components/error_summary.html", {"form": form}) if form.errors else ""
