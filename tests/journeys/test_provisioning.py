"""A whole organization comes and goes by rule, over four dates: Google, Microsoft and a file, in the browser.

Who should be a member at each date is computed from the files alone (tests/provisioning/organization.py).
"""

import csv
import io
import re

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from connections.models import Connection
from orgunits.models import Member
from orgunits.units import create_unit
from provisioning import jobs
from provisioning.models import ProvisioningRun
from tests import connecting
from tests.journeys import steps
from tests.journeys.scenes import make_person
from tests.provisioning.night import night, read
from tests.provisioning.organization import DATES, DOMAINS, Expected, Somebody, people
from tests.worker import run_waiting_jobs

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("journeys: provisioning")]
GROUP, GROUP_ADDRESS = "kubernetes/sig-release", "kubernetes-sig-release"
ADMINISTRATOR_OF_THEN = "benedikt.petrov63@kube.example"
SIGN_IN = {"Google": "pia.bauer11@kube.example", "Microsoft": "paulo.dubois73@sigs.example"}


class Story:
    """The unit, its three directories, and who should be what."""

    def __init__(self, page: Page, providers, monkeypatch):
        from django.utils import timezone

        self.page, self.providers = page, providers
        self.olga = make_person("Olga", "olga@portal.example")
        self.unit = create_unit("Kube", by=self.olga, now=timezone.now())
        self.expected, self.date = Expected(), ""
        self.directories: dict[str, Connection] = {}

    def path(self, name: str, *args: str) -> str:
        return reverse(name, args=[self.unit.slug, *args])

    def turn_to(self, date: str) -> None:
        self.date = date
        self.providers.control("POST", "directory", snapshot=date)

    # --- by hand, in the browser ----------------------------------------------------------------------------------
    def upload(self) -> None:
        """The people of etcd.example as they are at this date."""
        directory = self.directories["csv"]
        self.page.goto(self.path("directory_upload", directory.public_id))
        file = {"name": "etcd.csv", "mimeType": "text/csv", "buffer": file_of(self.date)}
        self.page.locator("input[type=file]").set_input_files([file])
        steps.press(self.page, "Check")
        steps.press(self.page, re.compile(r"^Take over \d+ lines$"))
        run_waiting_jobs()
        self.page.reload()
        expect(self.page.get_by_text("Taken over", exact=True).first).to_be_visible()

    def add_rule(self, directory: Connection, name: str, *, group: str = "") -> None:
        """The form of a new rule, the plan it shows, and applying that."""
        page = self.page
        page.goto(self.path("rule_new", directory.public_id))
        page.get_by_label("Name of the rule").fill(name)
        if group:
            page.get_by_role("radio", name="A directory group").check()
            page.get_by_label("Search groups").fill(group)
            steps.press(page, "Search")
            page.get_by_role("checkbox", name="sig-release", exact=True).check()
            page.get_by_role("radio", name="Scheduling Coordinator").check()
            page.get_by_role("radio", name="They lose the role").check()
            page.get_by_label("Order").fill("2")
        else:
            page.get_by_role("radio", name="Everybody in the directory").check()
            page.get_by_role("radio", name="Employee").check()
            page.get_by_role("radio", name="They are suspended").check()
        steps.press(page, "Save and see the plan")
        run_waiting_jobs()
        page.reload()

    def apply(self) -> ProvisioningRun:
        """The plan that is shown is read and applied."""
        steps.follow(self.page, "Apply this plan")
        steps.press(self.page, "Apply the plan")
        run_waiting_jobs()
        self.page.reload()
        expect(self.page.locator(".state-line-head")).to_contain_text("Succeeded")
        return ProvisioningRun.objects.order_by("pk").last()

    def approve(self, run: ProvisioningRun) -> None:
        """The page explains; the name is typed; the people go."""
        page = self.page
        page.goto(self.path("run", run.public_id))
        expect(page.locator(".state-line-head")).to_contain_text("Paused by guard")
        expect(page.get_by_role("heading", name="Why somebody has to look")).to_be_visible()
        expect(page.get_by_text("More members would go than the share").first).to_be_visible()
        page.get_by_label(re.compile("type the unit’s name")).fill("Kube")
        steps.press(page, re.compile(r"^Approve for \d+ people$"))
        run_waiting_jobs()
        page.reload()
        expect(page.locator(".state-line-head")).to_contain_text("Succeeded")

    def undo(self, one: Somebody) -> None:
        """One of those who went is had back by one click."""
        page = self.page
        page.goto(self.path("leavers") + f"?q={one.address}")
        steps.follow(page, f"{one.given_name} {one.family_name}")
        steps.press(page, "Undo: bring them back")
        expect(page.locator(".state-line-head")).to_contain_text("Undone")

    # --- by itself ------------------------------------------------------------------------------------------------
    def nights(self) -> list[ProvisioningRun]:
        """Two nights at this date, as the timetable and a worker make them; answers the runs that the guard holds."""
        paused = []
        for _night in range(2):
            night(self.directories["google"], self.directories["microsoft"])
            self.upload()
            jobs.follow_directories()
            run_waiting_jobs()
            paused = list(ProvisioningRun.objects.filter(state="paused_by_guard").order_by("pk"))
        return paused

    def check(self) -> None:
        """Members equal what the files say: who, in which state, under which name, in which role."""
        rows = self.unit.members.filter(came_by=Member.CameBy.DIRECTORY)
        found = {row.email: row.state for row in rows}
        assert found == self.expected.addresses
        names = {one.address: (one.given_name, one.family_name) for one in self.expected.active.values()}
        active = rows.filter(state="active")
        assert {row.email: (row.given_name, row.family_name) for row in active} == names
        led = active.filter(role_grants__role="coordinator").values_list("email", flat=True)
        assert set(led) == {people(self.date)[who].address for who in self.expected.coordinators}


def file_of(date: str) -> bytes:
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(["id", "employee_id", "email", "given_name", "family_name", "department"])
    for one in people(date).values():
        if one.domain == DOMAINS["csv"]:
            rows.writerow([one.id, one.id, one.address, one.given_name, one.family_name, one.department])
    return out.getvalue().encode()


@pytest.fixture
def story(open_as, providers, monkeypatch, settings) -> Story:
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 3600  # asking again who one is has tests of its own
    monkeypatch.setitem(connecting.ADMINISTRATORS, "google", ADMINISTRATOR_OF_THEN)
    story = Story(None, providers, monkeypatch)
    story.page = open_as(story.olga)
    return story


def test_a_real_organization_comes_and_goes_by_rule_over_four_dates(story: Story, open_browser, providers):
    from django.utils import timezone

    from connections import directories as verbs

    # All three come on board by presence, and a group's people coordinate.
    story.turn_to(DATES[0])
    for provider, extras in (("google", ("groups",)), ("microsoft", ())):
        story.directories[provider] = connecting.connect_directory(
            story.unit, provider, providers, by=story.olga, extras=extras
        )
    story.directories["csv"] = verbs.create_file_directory(
        story.unit, "etcd.example", by=story.olga, now=timezone.now()
    )
    story.upload()
    read(story.directories["google"], story.directories["microsoft"])
    for directory in story.directories.values():
        story.add_rule(directory, "Everybody")
        story.apply()
    story.add_rule(story.directories["google"], "Release", group=GROUP_ADDRESS)
    story.apply()
    story.expected.turn_to(DATES[0], group=GROUP)
    story.check()

    # They sign in with the very accounts the directories told of.
    for service, address in SIGN_IN.items():
        page = open_browser()
        steps.sign_in_with(page, service, address)
        expect(page).to_have_url(re.compile(f"/ou/{story.unit.slug}/"))
        assert Member.objects.get(email=address).user is not None

    # A quarter is gone a month later: each directory is held by the guard, looked at and approved.
    story.turn_to(DATES[1])
    paused = story.nights()
    assert sorted(run.connection.provider for run in paused) == ["csv", "google", "microsoft"]
    numbers = {run.connection.provider: (run.plan.candidates, run.plan.base) for run in paused}
    assert numbers["google"][0] >= 305
    assert not story.unit.members.filter(state="suspended").exists()
    for run in paused:
        story.approve(run)
    story.expected.turn_to(DATES[1], group=GROUP)
    story.check()
    kept = next(who for who, one in story.expected.suspended.items() if one.domain == DOMAINS["google"])
    story.undo(story.expected.suspended[kept])
    story.expected.active[kept] = story.expected.suspended.pop(kept)

    # Half a year and a year later all goes by itself, but for what the guard's rule says.
    for date in DATES[2:]:
        story.turn_to(date)
        for run in story.nights():
            story.approve(run)
        story.expected.turn_to(date, kept=frozenset({kept}), group=GROUP)
        story.check()
