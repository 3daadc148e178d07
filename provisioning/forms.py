"""What people enter about rules: a rule itself, how carefully a directory is followed, and the filter of a plan."""

from datetime import date, time
from zoneinfo import available_timezones

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as now_
from django.utils.translation import gettext_lazy as _

from connections.forms import WorkingHoursForm
from connections.models import Connection, DirectoryGroup
from orgunits.members import WEEKDAYS
from orgunits.roles import Role

from . import rule_list
from .models import DirectoryPolicy, Plan, PlanItem, ProvisioningRule
from .plan_list import ROWLESS
from .plan_values import Kind
from .plan_words import clause

MOST_VALUES = 200
LONGEST_VALUE = 254
OnLeaving, Welcome = ProvisioningRule.OnLeaving, ProvisioningRule.Welcome
SOURCES = {
    Kind.EVERYBODY: _(
        "Every account of a person that is not suspended there. Rooms and guests are not people."
    ),
    Kind.PATH: _("An organizational unit at the provider, and everything below it."),
    Kind.DEPARTMENT: _("What the directory calls the department of a person."),
    Kind.ATTRIBUTE: _("Another value the directory tells, such as the job title."),
    Kind.GROUP: _("Who is in one of some groups."),
}
LEAVING = {
    OnLeaving.NOTHING: _("Membership and role stay until somebody ends them by hand."),
    OnLeaving.LOSE_ROLE: _("They stay members, without the role, unless something else gives it too."),
    OnLeaving.SUSPEND: _(
        "Access ends at once; for 30 days it can be undone. Only who this directory brought is suspended."
    ),
}
_ONE_DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class RuleForm(WorkingHoursForm):
    """Whom a rule is for, as what, and what happens when they leave it."""

    name = forms.CharField(label=_("Name of the rule"), max_length=120)
    order = forms.IntegerField(
        label=_("Order"),
        min_value=1,
        max_value=1000,
        help_text=_("The rule with the lowest number decides zone, hours and leaving where several match."),
    )
    kind = forms.ChoiceField(
        label=_("Whom is it for?"), widget=forms.RadioSelect, choices=ProvisioningRule.Kind.choices
    )
    known_paths = forms.MultipleChoiceField(
        label=_("Paths the directory told"), required=False, widget=forms.CheckboxSelectMultiple
    )
    known_departments = forms.MultipleChoiceField(
        label=_("Departments the directory told"), required=False, widget=forms.CheckboxSelectMultiple
    )
    attribute = forms.CharField(label=_("Name of the attribute"), required=False, max_length=100)
    typed = forms.CharField(
        label=_("Values"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=_("One a line. One of them is enough; capitals do not matter."),
    )
    groups = forms.MultipleChoiceField(label=_("Groups"), required=False, widget=forms.CheckboxSelectMultiple)
    nested = forms.BooleanField(label=_("Members of nested groups too"), required=False)
    role = forms.ChoiceField(label=_("Which role do they get?"), widget=forms.RadioSelect)
    time_zone = forms.ChoiceField(label=_("Time zone"), required=False)
    sets_hours = forms.BooleanField(
        label=_("Set working hours"),
        required=False,
        help_text=_("What somebody set by hand, or in their calendar, is never overwritten."),
    )
    welcome = forms.ChoiceField(
        label=_("Mail to who is added"), widget=forms.RadioSelect, choices=Welcome.choices
    )
    welcome_on = forms.DateField(label=_("On which day?"), required=False, widget=_ONE_DAY)
    on_leaving = forms.ChoiceField(
        label=_("What happens to who leaves the rule?"),
        widget=forms.RadioSelect,
        choices=OnLeaving.choices,
        help_text=_(
            "They leave when the directory has them no more, suspends them, or the rule fits no more."
        ),
    )
    words = forms.CharField(label=_("Name or beginning of the address"), required=False, max_length=100)
    field_order = ["name", "order"]
    OF_HOURS = ("starts", "ends", "days")

    def __init__(
        self,
        *args,
        connection: Connection,
        roles: list[Role],
        known: rule_list.Suggestions,
        groups: list[DirectoryGroup],
        welcomed: bool = False,
        **kwargs,
    ):
        super().__init__(*args, **kwargs)
        self.connection, self.known, self.welcomed = connection, known, welcomed
        fields = self.fields
        fields["kind"].descriptions = SOURCES
        fields["on_leaving"].descriptions = LEAVING
        fields["role"].choices = [(role.code, role.name) for role in roles]
        fields["role"].descriptions = {role.code: role.sentence for role in roles}
        fields["known_paths"].choices = [(path, path) for path in known.paths]
        fields["known_departments"].choices = [(name, name) for name in known.departments]
        fields["groups"].choices = [(group.external_id, _called(group)) for group in groups]
        fields["attribute"].widget.attrs["list"] = "known-attributes"
        zones = [(zone, zone) for zone in sorted(available_timezones())]
        fields["time_zone"].choices = [("", _("As the directory tells")), *zones]
        for name in self.OF_HOURS:
            fields[name].required = False

    def clean(self) -> dict:
        data = super().clean()
        kind = data.get("kind")
        if kind == Kind.GROUP:
            if not rule_list.reads_groups(self.connection):
                self.add_error("kind", _("The groups of this directory are not read."))
            elif not data.get("groups") and "groups" not in self.errors:
                self.add_error("groups", _("Choose at least one group."))
        elif kind in _TYPED and not self._values(kind):
            self.add_error("typed", _("Choose or type at least one value."))
        if kind == Kind.ATTRIBUTE and not data.get("attribute", "").strip():
            self.add_error("attribute", _("Name the attribute."))
        if data.get("sets_hours"):
            for name in self.OF_HOURS:
                if not data.get(name) and name not in self.errors:
                    self.add_error(name, _("This is needed to set working hours."))
        else:
            for name in self.OF_HOURS:
                self.errors.pop(name, None)
        if (
            data.get("welcome") == Welcome.ON_DATE
            and not data.get("welcome_on")
            and "welcome_on" not in self.errors
        ):
            self.add_error("welcome_on", _("Name the day."))
        return data

    def clean_typed(self) -> str:
        """Every line is one value."""
        lines = self.cleaned_data["typed"].splitlines()
        if len(lines) > MOST_VALUES:
            raise forms.ValidationError(_("At most %d values.") % MOST_VALUES)
        if any(len(line) > LONGEST_VALUE for line in lines):
            raise forms.ValidationError(_("One of these lines is too long to be a value."))
        return self.cleaned_data["typed"]

    def _values(self, kind: str) -> list[str]:
        """What was ticked and what was typed, each once."""
        data = self.cleaned_data
        if kind == Kind.GROUP:
            return data["groups"]
        ticked = data.get(_TYPED.get(kind, ""), [])
        typed = (line.strip() for line in data.get("typed", "").splitlines())
        return list(dict.fromkeys([*ticked, *filter(None, typed)]))

    @property
    def draft(self) -> dict:
        """The rule as entered: fields of `rules.RULE_FIELDS`."""
        data = self.cleaned_data
        kind, on_date = data["kind"], data["welcome"] == Welcome.ON_DATE
        return {
            "order": data["order"],
            "name": data["name"],
            "kind": kind,
            "values": [] if kind == Kind.EVERYBODY else self._values(kind),
            "attribute": data["attribute"].strip() if kind == Kind.ATTRIBUTE else "",
            "nested": data["nested"] if kind == Kind.GROUP else True,
            "role": data["role"],
            "time_zone": data["time_zone"],
            "working_hours": self.hours if data["sets_hours"] else None,
            "welcome": data["welcome"],
            "welcome_on": data["welcome_on"].isoformat() if on_date else None,
            "on_leaving": data["on_leaving"],
        }


# Kinds whose values are texts, and the field of those the directory told.
_TYPED = {Kind.PATH: "known_paths", Kind.DEPARTMENT: "known_departments", Kind.ATTRIBUTE: ""}


def _called(group: DirectoryGroup) -> str:
    """The group's name, and what is odd about it."""
    remark = ""
    if group.absent_since:
        remark = now_("not told any more")
    elif group.everybody:
        remark = now_("the whole organization")
    elif group.hidden:
        remark = now_("the directory does not tell who is in it")
    return f"{group} ({remark})" if remark else str(group)


NEW_RULE = {
    "order": 1,
    "kind": Kind.EVERYBODY,
    "nested": True,
    "role": "employee",
    "welcome": Welcome.OFF,
    "on_leaving": OnLeaving.SUSPEND,
    "starts": time(9),
    "ends": time(17),
    "days": ["mon", "tue", "wed", "thu", "fri"],
}


def initial_of(draft: dict, known: rule_list.Suggestions) -> dict:
    """What the form shows of a rule."""
    values, kind = draft["values"], draft["kind"]
    offered = {Kind.PATH: known.paths, Kind.DEPARTMENT: known.departments}.get(kind, [])
    ticked = [value for value in values if value in offered]
    initial = NEW_RULE | {
        name: draft[name]
        for name in (
            "name",
            "order",
            "kind",
            "attribute",
            "nested",
            "role",
            "time_zone",
            "welcome",
            "on_leaving",
        )
    }
    initial["welcome_on"] = date.fromisoformat(draft["welcome_on"]) if draft["welcome_on"] else None
    if kind == Kind.GROUP:
        initial["groups"] = values
    elif kind in _TYPED:
        initial |= {_TYPED[kind]: ticked} if _TYPED[kind] else {}
        initial["typed"] = "\n".join(value for value in values if value not in ticked)
    if hours := draft["working_hours"]:
        days = [day for day in WEEKDAYS if day in hours]
        starts, ends = hours[days[0]][0]
        initial |= {"sets_hours": True, "days": days}
        initial |= {"starts": time.fromisoformat(starts), "ends": time.fromisoformat(ends)}
    return initial


def entered(data: QueryDict) -> dict:
    """What stands in a form that is not sent off yet, to show it again unjudged."""
    several = {"known_paths", "known_departments", "groups", "days"}
    single = set(RuleForm.base_fields) - several
    shown = {name: data.get(name, "") for name in single} | {name: data.getlist(name) for name in several}
    return shown | {name: name in data for name in ("nested", "sets_hours")}


class PolicyForm(forms.ModelForm):
    """How a unit follows a directory: by itself or after a look, and how many may go without one."""

    class Meta:
        model = DirectoryPolicy
        fields = ["ask_first", "share", "floor", "most", "second_person"]
        labels = {
            "ask_first": _("Show a plan before every scheduled run"),
            "share": _("Share of the members"),
            "floor": _("Always allowed"),
            "most": _("Never more than"),
            "second_person": _("Two people approve what the guard holds"),
        }
        help_texts = {
            "ask_first": _(
                "Then nothing happens by itself: after a reading that changes something a plan waits until "
                "somebody applies it."
            ),
            "share": _("Of all active members that this directory brought, in percent."),
            "floor": _("People. Where the share is less than this, so many may go all the same."),
            "most": _("People in one run, however large the unit is."),
            "second_person": _("Nobody goes before two different Ops Admins said yes to the same people."),
        }


class PlanFilterForm(forms.Form):
    """Which of a plan's people to show; lives in the URL."""

    q = forms.CharField(label=_("Name or address"), required=False, max_length=100)
    action = forms.ChoiceField(
        label=_("What is done"), required=False, choices=[("", _("Any")), *PlanItem.Action.choices]
    )
    clause = forms.ChoiceField(label=_("Why"), required=False)
    rule = forms.ChoiceField(label=_("Rule that decided"), required=False)
    candidates = forms.BooleanField(label=_("Only who would lose access or a role"), required=False)

    def __init__(self, *args, plan: Plan, **kwargs):
        """`plan` as `plan_list.plan_of` reads it."""
        super().__init__(*args, **kwargs)
        rules = [(rule["public_id"], rule["name"]) for rule in plan.rules_told]
        found = [code for code in plan.clauses if code not in ROWLESS]
        self.fields["clause"].choices = [("", _("Any")), *((code, clause(code)) for code in found)]
        self.fields["rule"].choices = [("", _("Any")), *rules]
