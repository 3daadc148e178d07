"""What people enter about applications."""

from django import forms
from django.utils.translation import gettext_lazy as _

from orgunits import logos
from orgunits.models import Application
from orgunits.redirect_uris import lines_of, problems

Environment = Application.Environment


class SeenField(forms.DateTimeField):
    """The `updated` time of the row that a form was made from, to the microsecond."""

    widget = forms.HiddenInput

    def prepare_value(self, value):
        return value.isoformat() if hasattr(value, "isoformat") else value


class RedirectUrisField(forms.CharField):
    """Addresses, one a line; the form says whether plain http is allowed, so it cleans them."""

    def __init__(self):
        super().__init__(
            label=_("Redirect URIs"),
            widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "class": "mono"}),
            max_length=20_000,
            help_text=_(
                "Where an administrator is sent back to after authorizing the application: one address a line, "
                "compared letter by letter."
            ),
        )

    def parsed(self, form: forms.Form, environment: str) -> list[str]:
        """The addresses, or an error at the field for each line that is wrong."""
        text = form.cleaned_data.get("redirect_uris", "")
        if wrong := problems(text, plain_http=environment == Environment.DEVELOPMENT):
            form.add_error("redirect_uris", wrong)
        return lines_of(text)


def _words() -> dict[str, forms.Field]:
    return {
        "name": forms.CharField(
            label=_("Name"), max_length=100, help_text=_("What customers read when they are asked to agree.")
        ),
        "publisher": forms.CharField(
            label=_("Publisher"),
            max_length=300,
            help_text=_("Who stands behind it, in a line: the company, and what the application is for."),
        ),
    }


class NewApplicationForm(forms.Form):
    """A new application. `reserved` makes sending it twice harmless."""

    name, publisher = _words().values()
    environment = forms.ChoiceField(
        label=_("Environment"), choices=Environment.choices, widget=forms.RadioSelect, initial="development"
    )
    redirect_uris = RedirectUrisField()
    reserved = forms.CharField(widget=forms.HiddenInput, max_length=500)
    field_order = ["name", "publisher", "environment", "redirect_uris"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["environment"].descriptions = {
            "production": _("Customers use it."),
            "staging": _("Tried out before it goes to customers."),
            "development": _("On developers’ machines: http://localhost is allowed as a redirect URI."),
        }

    def clean(self) -> dict:
        uris = self.fields["redirect_uris"].parsed(self, self.cleaned_data.get("environment", ""))
        return {**self.cleaned_data, "redirect_uris": uris}


class ApplicationForm(forms.Form):
    """The settings of an application; its environment stays what it is."""

    name, publisher = _words().values()
    redirect_uris = RedirectUrisField()
    seen = SeenField()

    def __init__(self, *args, application: Application, **kwargs):
        initial = {
            "name": application.name,
            "publisher": application.publisher,
            "redirect_uris": "\n".join(application.redirect_uris.split()),
            "seen": application.updated,
        }
        super().__init__(*args, initial=initial, **kwargs)
        self.environment = application.environment

    def clean(self) -> dict:
        return {
            **self.cleaned_data,
            "redirect_uris": self.fields["redirect_uris"].parsed(self, self.environment),
        }


class LogoForm(forms.Form):
    """A logo to upload; cleaned into the PNG that is kept."""

    logo = forms.FileField(
        label=_("Logo"),
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp"}),
        help_text=_("PNG, JPEG or WebP, at most 1 MB. It is shown at most 256 pixels wide and high."),
    )
    seen = SeenField()

    def clean_logo(self) -> bytes:
        uploaded = self.cleaned_data["logo"]
        if uploaded.size > logos.MOST_BYTES:
            raise forms.ValidationError(_("This file is larger than 1 MB."))
        try:
            return logos.as_png(uploaded.read())
        except logos.TooLarge:
            raise forms.ValidationError(_("This image has more pixels than a logo needs.")) from None
        except logos.NotALogo:
            raise forms.ValidationError(_("This is not a PNG, JPEG or WebP image.")) from None


class SeenForm(forms.Form):
    """An act on the application as it was seen."""

    seen = SeenField()


class SecretForm(SeenForm):
    """A step of the change from one secret to another."""

    act = forms.ChoiceField(choices=[("make", "make"), ("retire", "retire"), ("discard", "discard")])


class ApprovalForm(SeenForm):
    """Staff approve an application, or take the approval back."""

    why = forms.CharField(
        label=_("Reason"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("It stands in the audit log of the unit, where its Ops Admins read it."),
    )


class ApplicationFilterForm(forms.Form):
    """Which applications to show; lives in the URL."""

    q = forms.CharField(label=_("Name"), required=False, max_length=100)
    environment = forms.ChoiceField(
        label=_("Environment"), required=False, choices=[("", _("Any")), *Environment.choices]
    )
    state = forms.ChoiceField(
        label=_("State"), required=False, choices=[("", _("Active")), ("archived", _("Archived"))]
    )
