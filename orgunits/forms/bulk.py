"""What people enter about one act on many members."""

from django import forms
from django.utils.translation import gettext_lazy as _

from orgunits.access import Access
from orgunits.models import BulkRun
from orgunits.roles import ROLES, may_grant

MOST_TICKED = 200  # a page of the list has fewer


class BulkForm(forms.Form):
    """The act, for whom, and why. An act on a role names it behind a colon: `grant_role:coordinator`.

    Offered are the roles of the unit's shape; others are given one by one.
    """

    act = forms.ChoiceField(label=_("What to do"))
    whom = forms.ChoiceField(
        label=_("With whom"), choices=[("ticked", _("The ticked ones")), ("all", _("All that match"))]
    )
    why = forms.CharField(label=_("Reason (optional)"), max_length=300, required=False)

    def __init__(self, *args, access: Access, **kwargs):
        super().__init__(*args, **kwargs)
        shape = access.member.unit.shape  # no query: the form stands on the list of members
        given = [r for r in ROLES.values() if shape in r.where and may_grant(r, access.rights)]
        Act = BulkRun.Act
        self.fields["act"].choices = [
            ("", _("Choose…")),
            (Act.GRANT_ROLE.label, [(f"{Act.GRANT_ROLE}:{role.code}", role.name) for role in given]),
            (Act.REVOKE_ROLE.label, [(f"{Act.REVOKE_ROLE}:{role.code}", role.name) for role in given]),
            (_("Membership"), [(act.value, act.label) for act in (Act.SUSPEND, Act.REINSTATE, Act.RESEND)]),
        ]

    def clean(self) -> dict:
        data = super().clean()
        data["act"], _colon, data["role"] = data.get("act", "").partition(":")
        return data
