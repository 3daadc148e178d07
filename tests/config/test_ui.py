"""The template components: what they refuse, what they escape, and that a state is never only a colour."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django import forms
from django.template import Context, Template, TemplateSyntaxError
from django.test import RequestFactory
from django.utils import timezone

from config.gallery import HOSTILE
from config.settings import BASE_DIR
from config.ui import register
from config.ui.data import SCOPE_STATES
from config.ui.icons import icon
from config.ui.moments import relative
from config.ui.people import initials
from config.ui.states import STATES, TONES, state_badge

NOW = datetime(2026, 11, 21, 13, 5, tzinfo=UTC)


def rendered(source: str, **values) -> str:
    return Template(source).render(Context(values))


def words_of(html: str) -> str:
    """What is left for somebody who sees neither icons nor colours."""
    return " ".join(re.sub(r"<svg.*?</svg>|<[^>]+>", " ", html, flags=re.S).split())


# --- what they refuse


@pytest.mark.parametrize("name", sorted(register.tags))
def test_every_component_names_its_attributes_when_it_meets_an_unknown_one(name):
    with pytest.raises(TemplateSyntaxError, match=rf"no_such_thing.*{{% {name} %}} knows: "):
        Template(f"{{% {name} no_such_thing=1 %}}{{% end{name} %}}")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ('{% state_badge "helthy" %}', "not in the vocabulary"),
        ('{% state_badge "x" label="X" tone="purple" %}', "no tone"),
        ('{% alert "purple" %}x{% endalert %}', "no tone"),
        ('{% button "Go" variant="huge" %}', "no button variant"),
        ('{% icon "no-such-icon" %}', "no icon"),
        ('{% icon "../../../../package" %}', "no icon"),
        ("{% field form.no_such_field %}", "form's field is expected"),
        ("{% scope_list rows %}", "no scope state"),
    ],
)
def test_a_wrong_value_stops_the_page_with_its_name(source, reason):
    with pytest.raises(TemplateSyntaxError, match=reason):
        rendered(source, form=forms.Form(), rows=[{"scope": "email", "state": "grant"}])


# --- what they escape


@pytest.mark.parametrize(
    "source",
    [
        "{% page_heading hostile lead=hostile eyebrow=hostile %}",
        "{% crumb hostile url=hostile %}{% crumb hostile %}",
        "{% card title=hostile lead=hostile %}{{ hostile }}{% endcard %}",
        "{% alert title=hostile %}{{ hostile }}{% endalert %}",
        "{% empty_state hostile text=hostile %}{% endempty_state %}",
        "{% person hostile address=hostile url=hostile note=hostile %}",
        "{% stat hostile hostile hint=hostile %}",
        "{% fact hostile %}{{ hostile }}{% endfact %}",
        "{% table hostile %}{% endtable %}",
        "{% state_badge 'healthy' label=hostile %}",
        "{% state_badge hostile label='x' url=hostile %}",
        "{% state_line 'healthy' why=hostile fix=hostile %}{% endstate_line %}",
        "{% step hostile text=hostile url=hostile action=hostile %}",
        "{% progress 1 2 label=hostile counts=counts %}",
        "{% copy_button hostile label=hostile %}{% copy_button hostile label=hostile long=True %}",
        "{% button hostile url=hostile %}{% button hostile name=hostile value=hostile form=hostile %}",
        "{% post_button hostile hostile name=hostile value=hostile %}",
        "{% confirm hostile button=hostile cancel_url=hostile stops=list keeps=list undo=hostile %}{% endconfirm %}",
        "{% scope_list scopes label=hostile %}",
        "{% icon 'check' label=hostile %}",
        "{% polled hostile anchor=hostile %}{% endpolled %}",
        "{% pager shown=1 first_url=hostile next_url=hostile %}",
        "{% when None never=hostile %}{% ago None never=hostile %}",
        "{% week_grid week caption=hostile zone=hostile %}",
        "{% mode_comparison modes rows caption=hostile %}",
    ],
)
def test_a_hostile_name_is_only_read(source):
    block = {"start_minute": 540, "end_minute": 600, "kind": "busy", "label": HOSTILE}
    html = rendered(
        source,
        hostile=HOSTILE,
        list=[HOSTILE],
        counts=[{"label": HOSTILE, "number": 1}],
        scopes=[{"scope": HOSTILE, "state": "missing", "reason": HOSTILE}],
        week=[{"date": date(2026, 11, 23), "label": HOSTILE, "blocks": [block], "hours": []}],
        modes=[{"code": "a", "name": HOSTILE, "summary": HOSTILE}],
        rows=[{"label": HOSTILE, "values": {"a": HOSTILE}}],
    )

    assert "<img" not in html
    assert "&lt;img src=x onerror=&quot;" in html


def test_the_error_of_a_form_repeats_hostile_input_as_text():
    class Pick(forms.Form):
        mode = forms.ChoiceField(choices=[("a", "A")])

    html = rendered("{{ form }}", form=Pick({"mode": HOSTILE}))

    assert "<img" not in html


# --- what they say


@pytest.mark.parametrize("code", STATES)
def test_a_state_is_said_in_words_beside_its_icon_and_colour(code):
    html = state_badge(code)

    assert words_of(html) == STATES[code].label
    assert html.count("<svg") == 1
    assert 'aria-hidden="true"' in html
    assert STATES[code].tone in TONES


@pytest.mark.parametrize("state", SCOPE_STATES)
def test_a_scope_is_said_verbatim_with_its_state_in_words(state):
    scope = "https://www.googleapis.com/auth/calendar.events.freebusy"

    html = rendered("{% scope_list rows %}", rows=[{"scope": scope, "state": state}])

    assert words_of(html) == f"{scope} {SCOPE_STATES[state][0]}"


def test_a_state_line_tells_since_when_why_who_and_the_next_try():
    with timezone.override(ZoneInfo("Europe/Berlin")):
        html = rendered(
            "{% state_line 'degraded' since=at why='503 from Microsoft.' fix='Nobody needs to.' next_try=at %}"
            "{% endstate_line %}",
            at=NOW,
        )

    said = words_of(html)
    for part in (
        "Degraded since 21 Nov 2026, 14:05 CET",
        "503 from Microsoft.",
        "Nobody needs to.",
        "Next try:",
    ):
        assert part in said


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("UTC", "21 Nov 2026, 13:05 UTC"),
        ("Europe/Berlin", "21 Nov 2026, 14:05 CET"),
        ("America/Sao_Paulo", "21 Nov 2026, 10:05 UTC-3"),
        ("Asia/Kathmandu", "21 Nov 2026, 18:50 UTC+5:45"),
    ],
)
def test_a_time_is_in_the_viewers_zone_and_names_it(zone, shown):
    with timezone.override(ZoneInfo(zone)):
        assert rendered("{% when at %}", at=NOW) == f'<time datetime="2026-11-21T13:05:00Z">{shown}</time>'


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("America/New_York", "20 Nov 2026"),  # whose day is over then
        ("UTC", "21 Nov 2026, 05:00 UTC"),
        ("Asia/Kathmandu", "21 Nov 2026, 10:45 UTC+5:45"),
    ],
)
def test_what_ends_with_a_day_shows_that_day_and_not_the_midnight_after_it(zone, shown):
    over = datetime(2026, 11, 21, 5, tzinfo=UTC)

    with timezone.override(ZoneInfo(zone)):
        said = rendered('{% when over show="last_day" %}', over=over)

    assert said == f'<time datetime="2026-11-21T05:00:00Z">{shown}</time>'


@pytest.mark.parametrize(
    ("apart", "said"),
    [
        (timedelta(seconds=-30), "just now"),
        (timedelta(minutes=-3), "3\xa0minutes ago"),
        (timedelta(days=-9), "1\xa0week ago"),
        (timedelta(seconds=30), "in less than a minute"),
        (timedelta(hours=2, minutes=5), "in 2\xa0hours"),
    ],
)
def test_how_long_ago_is_said_in_the_largest_unit(apart, said):
    assert relative(NOW + apart, NOW) == said


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Ada Lovelace", "AL"),
        ("Ada King of Lovelace", "AL"),
        ("bo@example.com", "BE"),
        ("", ""),
        ("<b> x", "X"),
    ],
)
def test_initials_are_letters_or_nothing(name, letters):
    assert initials(name) == letters


# --- forms


class Place(forms.Form):
    name = forms.CharField(help_text="As people call it.")
    mode = forms.ChoiceField(choices=[("a", "A"), ("b", "B")], widget=forms.RadioSelect)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["mode"].descriptions = {"a": "Reads all."}


def test_a_refused_form_links_each_error_to_its_field():
    html = rendered("{{ form }}", form=Place({}))

    assert "data-focus" in html
    for target in re.findall(r'href="#([^"]+)"', html):
        assert f'id="{target}"' in html
    assert 'aria-describedby="id_name_helptext id_name_error"' in html
    assert 'id="id_name_helptext"' in html
    assert 'id="id_name_error"' in html


def test_a_form_without_errors_has_no_summary():
    assert "error-summary" not in rendered("{{ form }}", form=Place())


def test_a_choice_shows_its_description():
    assert "A Reads all. B" in words_of(rendered("{% field form.mode %}", form=Place()))


# --- lists


def test_a_sort_header_turns_the_order_and_returns_to_the_first_page():
    request = RequestFactory().get("/", {"sort": "name", "after": "x", "q": "a"})

    html = rendered("{% sort_header 'Name' 'name' %}", request=request)

    assert 'aria-sort="ascending"' in html
    assert 'href="?sort=-name&amp;q=a"' in html


def test_numbers_are_grouped():
    assert "1,489" in rendered("{% stat 1489 'Members' %}")
    assert "1,192 of 1,489" in words_of(rendered("{% progress 1192 1489 label='Reading' %}"))


def test_a_week_is_drawn_and_told():
    blocks = [{"start_minute": 6 * 60, "end_minute": 21 * 60, "kind": "unknown", "label": ""}]
    days = [{"date": date(2026, 11, 23), "label": "Mon", "blocks": blocks, "hours": [(540, 1020)]}]

    html = rendered("{% week_grid days caption='Week' %}", days=days)

    assert 'viewBox="0 0 100 900"' in html  # 06:00 to 21:00, although the usual day is shorter
    assert "06:00–21:00 Not known" in words_of(html)


# --- the house


def test_every_icon_named_in_a_template_exists():
    for template in (BASE_DIR / "templates").rglob("*.html"):
        for name in re.findall(r'{% icon "([^"]+)"|icon="([^"]+)"', template.read_text()):
            assert icon("".join(name))


def test_no_template_holds_inline_style_script_or_handler():
    """The content security policy blocks them; a block of JSON is data, not script."""
    forbidden = re.compile(
        r'<[^>]*\s(style|on[a-z]+|hx-on[^=]*)=|<style|<script(?![^>]*(src=|type="application/json"))'
    )
    for template in (BASE_DIR / "templates").rglob("*.html"):
        if "emails" not in template.parts:
            assert not forbidden.search(template.read_text()), template
