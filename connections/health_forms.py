"""What an Ops Admin enters so that a connection's health can be looked after."""

from datetime import date

from django import forms
from django.utils.translation import gettext_lazy as _

from .health_runs import may_ask_as
from .health_settings import PROBES
from .models import Connection


class ProbesForm(forms.Form):
    """The mailboxes that checks try, as far as the provider has such a check."""

    test_mailbox = forms.EmailField(
        label=_("A mailbox that must work"),
        help_text=_("Empty: the mailbox of the administrator who signed in."),
        max_length=254,
        required=False,
    )
    must_be_refused = forms.EmailField(
        label=_("A mailbox that must be refused"),
        help_text=_(
            "One that your application access policy keeps from this application. A new or changed policy takes more "
            "than an hour to apply. Empty: not checked."
        ),
        max_length=254,
        required=False,
    )
    second_administrator = forms.EmailField(
        label=_("A second administrator"),
        help_text=_("Tried once a day, so that you learn early if nobody would be left. Empty: not checked."),
        max_length=254,
        required=False,
    )

    def __init__(self, *args, connection: Connection, **kwargs):
        self.connection = connection
        initial = {name: getattr(connection, name) for name in PROBES}
        super().__init__(*args, initial=initial, **kwargs)
        google = connection.provider == Connection.Provider.GOOGLE
        del self.fields["must_be_refused" if google else "second_administrator"]

    def clean(self) -> dict:
        entered = super().clean()
        data = {name: (address or "").lower() for name, address in entered.items()}
        for name, address in data.items():
            if address and not may_ask_as(self.connection, address):
                self.add_error(name, _("Nothing proves that this mail domain belongs to this tenant."))
        administrator = self.connection.administrator.lower()
        works = data.get("test_mailbox") or administrator
        if data.get("must_be_refused") and data["must_be_refused"] in {works, administrator}:
            self.add_error("must_be_refused", _("This mailbox must work: it cannot be refused as well."))
        if data.get("second_administrator") and data["second_administrator"] == administrator:
            self.add_error("second_administrator", _("This is the first administrator. Name another one."))
        return data


class SecretEndForm(forms.Form):
    """The last day of the unit's own key."""

    ends_on = forms.DateField(
        label=_("Last day on which it works"),
        help_text=_("As the provider’s console shows it. Empty: not known."),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        required=False,
    )

    def __init__(self, *args, today: date, **kwargs):
        self.today = today
        super().__init__(*args, **kwargs)

    def clean_ends_on(self) -> date | None:
        ends_on = self.cleaned_data["ends_on"]
        if ends_on is not None and ends_on < self.today:
            raise forms.ValidationError(_("This day is over."))
        if ends_on is not None and ends_on.year > self.today.year + 100:
            raise forms.ValidationError(_("No secret lasts that long."))
        return ends_on
