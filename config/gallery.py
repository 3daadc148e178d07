"""The gallery: every template component in all its states, for whoever builds or checks pages."""

from datetime import UTC, date, datetime, timedelta

from django import forms
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from config.ui.data import SCOPE_STATES
from config.ui.states import STATES, TONES
from orgunits.access import open_to

HOSTILE = '<img src=x onerror="alert(1)"> O’Reilly \u202egnp.exe'  # a name must never do more than be read


class ExampleForm(forms.Form):
    """One field of each kind."""

    name = forms.CharField(label=_("Name"), help_text=_("As people in your company call it."), max_length=40)
    address = forms.EmailField(label=_("Sender address"))
    note = forms.CharField(label=_("Note"), widget=forms.Textarea(attrs={"rows": 3}), required=False)
    zone = forms.ChoiceField(
        label=_("Time zone"), choices=[("", _("Choose…")), ("Europe/Berlin", "Europe/Berlin"), ("UTC", "UTC")]
    )
    day = forms.DateField(
        label=_("First day"), widget=forms.DateInput(attrs={"type": "date"}), required=False
    )
    mode = forms.ChoiceField(
        label=_("Access mode"),
        widget=forms.RadioSelect,
        choices=[
            ("read_write", _("Read Write")),
            ("free_busy", _("Free/Busy")),
            ("no_access", _("No Access")),
        ],
    )
    days = forms.MultipleChoiceField(
        label=_("Working days"),
        widget=forms.CheckboxSelectMultiple,
        choices=[("mon", _("Monday")), ("tue", _("Tuesday")), ("wed", _("Wednesday"))],
        required=False,
    )
    agree = forms.BooleanField(
        label=_("I may decide this for the whole unit"), help_text=_("It is recorded.")
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["mode"].descriptions = {
            "read_write": _("Calendars are read and events are written into them."),
            "free_busy": _("Only start, end, busy or free."),
            "no_access": _("Nothing is read. Members keep their own availability."),
        }


def _days() -> list[dict]:
    values = [
        (2890, 12, 40),
        (2904, 0, 41),
        (0, 0, 0),
        (1310, 640, 20),
        (2850, 1, 44),
        (2911, 0, 40),
        (980, 0, 14),
    ]
    first = date(2026, 11, 23)
    return [{"date": first + timedelta(days=n), "values": numbers} for n, numbers in enumerate(values)]


def _week() -> list[dict]:
    monday = date(2026, 11, 23)
    busy = {
        0: [(540, 600), (660, 720), (840, 930)],
        1: [(600, 690)],
        2: [(540, 720), (780, 1020)],
        4: [(630, 645)],
    }
    days = []
    for number in range(7):
        blocks = [
            {"start_minute": start, "end_minute": end, "kind": "busy", "label": ""}
            for start, end in busy.get(number, [])
        ]
        if number == 3:
            blocks = [
                {"start_minute": 540, "end_minute": 1020, "kind": "unknown", "label": _("not read yet")}
            ]
        if number == 1:
            blocks.append({"start_minute": 780, "end_minute": 840, "kind": "free", "label": _("offered")})
        day = monday + timedelta(days=number)
        hours = [(540, 1020)] if number < 5 else []
        days.append({"date": day, "label": day.strftime("%a %d"), "blocks": blocks, "hours": hours})
    return days


def _modes() -> dict:
    modes = [
        {
            "code": "read_write",
            "name": _("Read Write"),
            "summary": _("Events stand in people’s own calendars."),
            "url": "#modes",
            "action": _("Choose"),
        },
        {
            "code": "free_busy",
            "name": _("Free/Busy"),
            "summary": _("Only busy times are seen. Invitations go by mail."),
        },
        {
            "code": "no_access",
            "name": _("No Access"),
            "summary": _("Nothing is seen."),
            "url": "#modes",
            "action": _("Choose"),
        },
    ]
    rows = [
        {
            "label": _("What is read"),
            "values": {
                "read_write": _("Calendars"),
                "free_busy": _("Start, end, busy or free"),
                "no_access": _("Nothing"),
            },
        },
        {
            "label": _("Writes events"),
            "values": {"read_write": True, "free_busy": False, "no_access": False},
        },
        {
            "label": _("Invites rooms"),
            "values": {"read_write": True, "free_busy": False, "no_access": False},
        },
    ]
    return {"modes": modes, "mode_rows": rows}


@open_to("signed_in")
def gallery(request: HttpRequest) -> HttpResponse:
    """Staff see it everywhere; on the sample installation everybody who is signed in."""
    if not (request.user.is_staff or settings.SAMPLE_INSTALLATION):
        raise PermissionDenied(_("The gallery is for the staff of this installation."))
    now = timezone.now()
    wrong = ExampleForm({"name": "", "address": "ops.example.com", "mode": "", "zone": ""})
    wrong.add_error(None, _("The two addresses belong to different companies."))
    reasons = {"missing": _("Your admin left it out. Ask for it again."), "waiting": _("Takes up to a day.")}
    scope = "https://www.googleapis.com/auth/calendar.events.freebusy"
    return render(
        request,
        "gallery.html",
        {
            "tones": list(TONES),
            "states": list(STATES),
            "now": now,
            "minutes_ago": now - timedelta(minutes=3),
            "days_ago": now - timedelta(days=9),
            "soon": now + timedelta(minutes=14),
            "fixed": datetime(2026, 11, 21, 13, 5, tzinfo=UTC),
            "form": ExampleForm(auto_id="blank_%s"),
            "wrong": wrong,
            "hostile": HOSTILE,
            "counts": [
                {"label": _("read"), "number": 1180, "tone": "success"},
                {"label": _("waiting"), "number": 297, "tone": "info"},
                {"label": _("failed"), "number": 12, "tone": "danger"},
            ],
            "wizard": [
                {"label": _("Provider"), "state": "done", "url": "#wizard"},
                {"label": _("Access"), "state": "done", "url": "#wizard"},
                {"label": _("Consent"), "state": "current"},
                {"label": _("Check"), "state": "next"},
            ],
            "scopes": [
                {"scope": scope, "state": state, "reason": reasons.get(state, "")} for state in SCOPE_STATES
            ],
            "stops": [
                _("1,489 members’ busy times are no longer read."),
                _("12 waiting invitations are not sent."),
            ],
            "keeps": [_("All bookings and the audit log."), _("Members and their roles.")],
            "days": _days(),
            "series": [
                {"label": _("read"), "look": "plain"},
                {"label": _("failed"), "look": "bad"},
                {"label": _("failed for one person"), "look": "quiet"},
            ],
            "week": _week(),
            "quiet_week": [{**day, "blocks": [], "hours": []} for day in _week()[:5]],
            **_modes(),
        },
    )
