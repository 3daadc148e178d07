"""Units: making one, its address, who may; and its life from pause to restore."""

from datetime import timedelta

import pytest
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone

from orgunits import roles
from orgunits.access import rights_of
from orgunits.members import NotAZone, add_member
from orgunits.models import AuditEvent, AuditName, AuditReason, OrganizationalUnit
from orgunits.roles import OPS_ADMIN
from orgunits.units import (
    NotPossibleNow,
    TooLateToRestore,
    archive_unit,
    create_unit,
    free_slug,
    may_create_units,
    pause_unit,
    rename_unit,
    restore_unit,
    resume_unit,
    set_default_zone,
)
from tests.people import make_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Kube Community", "kube-community"),
        ("Évora & Söhne", "evora-sohne"),
        ("東京", "unit"),
        ("!!!", "unit"),
        ("x" * 200, "x" * 50),
    ],
)
def test_the_address_of_a_unit_comes_from_its_name(name, slug):
    assert free_slug(name) == slug


def test_units_of_one_name_get_addresses_of_their_own():
    now = timezone.now()

    slugs = [create_unit("Sales", by=None, now=now).slug for _ in range(3)]

    assert slugs == ["sales", "sales-2", "sales-3"]


def test_a_neighbour_with_a_longer_name_takes_nobodys_address():
    create_unit("Sales North", by=None, now=timezone.now())

    assert free_slug("Sales") == "sales"


def test_a_slug_in_the_gap_is_used_before_a_higher_one():
    OrganizationalUnit.objects.create(name="a", slug="sales")
    OrganizationalUnit.objects.create(name="b", slug="sales-3")

    assert free_slug("Sales") == "sales-2"


def test_who_makes_a_unit_is_its_first_ops_admin_and_the_log_says_so():
    olga = make_user("Olga", "Olga@Kube.example")

    unit = create_unit("Kube", by=olga, now=timezone.now(), time_zone="Europe/Berlin")

    member = unit.members.get()
    assert (member.user, member.email, member.given_name) == (olga, "olga@kube.example", "Olga")
    assert rights_of(member) == frozenset(OPS_ADMIN.rights)
    assert list(AuditEvent.objects.order_by("pk").values_list("verb", "actor")) == [
        ("unit.created", olga.public_id),
        ("member.added", olga.public_id),
        ("role.granted", olga.public_id),
    ]
    assert AuditName.objects.get(subject=unit.public_id).name == "Kube"


def test_only_staff_make_units_unless_the_operator_opened_it():
    anybody, staff = make_user("A", "a@x.example"), make_user("S", "s@x.example", is_staff=True)

    assert (may_create_units(anybody), may_create_units(staff)) == (False, True)
    with override_settings(WHO_CREATES_UNITS="everyone"):
        assert may_create_units(anybody)


def test_a_person_switched_off_makes_no_units():
    gone = make_user("G", "g@x.example", is_staff=True, is_active=False)

    assert not may_create_units(gone)


def test_the_page_refuses_who_may_not_and_saves_nothing(client):
    client.force_login(make_user("A", "a@x.example"))

    assert client.get(reverse("unit_new")).status_code == 403
    assert client.post(reverse("unit_new"), {"name": "Mine"}).status_code == 403
    assert OrganizationalUnit.objects.count() == 0


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "nul\x00byte"])
def test_a_name_that_cannot_be_one_is_refused_at_the_field(client, name):
    client.force_login(make_user("S", "s@x.example", is_staff=True))

    answer = client.post(reverse("unit_new"), {"name": name, "shape": "customer"})

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["name"]
    assert OrganizationalUnit.objects.count() == 0


@pytest.mark.parametrize("shape", ["customer", "integrator"])
def test_a_new_unit_opens_for_who_made_it_in_the_shape_they_chose(client, shape):
    client.force_login(make_user("S", "s@x.example", is_staff=True, time_zone="Asia/Kathmandu"))

    answer = client.post(reverse("unit_new"), {"name": "Mine", "slug": "chosen", "shape": shape})

    unit = OrganizationalUnit.objects.get()
    assert answer.headers["Location"] == reverse("unit_home", args=["mine"])
    assert (unit.shape, unit.default_time_zone) == (shape, "Asia/Kathmandu")


@pytest.mark.parametrize("shape", ["", "other"])
def test_a_shape_that_is_none_is_refused_at_the_field(client, shape):
    client.force_login(make_user("S", "s@x.example", is_staff=True))

    answer = client.post(reverse("unit_new"), {"name": "Mine", "shape": shape})

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["shape"]
    assert OrganizationalUnit.objects.count() == 0


# --- its life
def unit_of(state: str = "active", *, days_ago: float = 0):
    since = timezone.now() - timedelta(days=days_ago)
    return OrganizationalUnit.objects.create(name="Kube", slug="kube", state=state, state_since=since)


ACTS = {
    "pause": (pause_unit, "paused"),
    "resume": (resume_unit, "active"),
    "archive": (archive_unit, "archived"),
    "restore": (restore_unit, "active"),
}
POSSIBLE = {
    "active": {"pause", "archive"},
    "paused": {"resume", "archive"},
    "archived": {"restore"},
    "erased": set(),
}


@pytest.mark.parametrize("state", POSSIBLE)
@pytest.mark.parametrize("act", ACTS)
def test_an_act_happens_exactly_in_the_states_where_it_makes_sense(state, act):
    unit, olga, now = unit_of(state), make_user("Olga", "olga@kube.example"), timezone.now()
    verb, after = ACTS[act]

    if act in POSSIBLE[state]:
        verb(unit, by=olga, now=now)
        assert OrganizationalUnit.objects.values_list("state", "state_since").get() == (after, now)
        event = AuditEvent.objects.get()
        assert (event.before, event.after) == ({"state": state}, {"state": after})
    else:
        with pytest.raises(NotPossibleNow):
            verb(unit, by=olga, now=now)
        assert OrganizationalUnit.objects.get().state == state
        assert not AuditEvent.objects.exists()


def test_who_comes_second_is_told_so_and_changes_nothing():
    unit, olga = unit_of(), make_user("Olga", "olga@kube.example")
    as_seen_by_carl = OrganizationalUnit.objects.get()
    archive_unit(unit, by=olga, now=timezone.now())

    with pytest.raises(NotPossibleNow):
        pause_unit(as_seen_by_carl, by=olga, now=timezone.now())

    assert OrganizationalUnit.objects.get().state == "archived"


@pytest.mark.parametrize(("days", "restored"), [(29.9, True), (30, False), (365, False)])
def test_a_unit_is_restored_within_thirty_days_or_never(days, restored):
    unit, olga = unit_of("archived", days_ago=days), make_user("Olga", "olga@kube.example")

    if restored:
        restore_unit(unit, by=olga, now=timezone.now())
    else:
        with pytest.raises(TooLateToRestore):
            restore_unit(unit, by=olga, now=timezone.now())

    assert OrganizationalUnit.objects.get().state == ("active" if restored else "archived")


def test_a_new_name_keeps_the_address_and_stands_in_the_log_where_it_can_be_erased():
    unit, olga = unit_of(), make_user("Olga", "olga@kube.example")

    rename_unit(unit, "Dr. Canary’s Practice", by=olga, now=timezone.now())

    event = AuditEvent.objects.get()
    assert OrganizationalUnit.objects.values_list("name", "slug").get() == ("Dr. Canary’s Practice", "kube")
    assert AuditReason.objects.get(event=event.public_id).text == "Kube → Dr. Canary’s Practice"
    assert (event.before, event.after, event.facts) == (None, None, {})


@pytest.mark.parametrize("state", ["archived", "erased"])
def test_a_closed_unit_keeps_its_name_and_zone(state):
    unit, olga = unit_of(state), make_user("Olga", "olga@kube.example")

    with pytest.raises(NotPossibleNow):
        rename_unit(unit, "Other", by=olga, now=timezone.now())
    with pytest.raises(NotPossibleNow):
        set_default_zone(unit, "Europe/Berlin", by=olga, now=timezone.now())

    assert OrganizationalUnit.objects.values_list("name", "default_time_zone").get() == ("Kube", "UTC")


def test_the_default_zone_is_one_of_the_worlds_and_new_members_get_it():
    unit, olga = unit_of(), make_user("Olga", "olga@kube.example")
    roles.sync_unit_groups(unit)

    with pytest.raises(NotAZone):
        set_default_zone(unit, "Mars/Olympus", by=olga, now=timezone.now())
    set_default_zone(unit, "Asia/Kathmandu", by=olga, now=timezone.now())
    member = add_member(unit, "nora@kube.example", by=olga, now=timezone.now())

    assert (member.time_zone, member.time_zone_source) == ("Asia/Kathmandu", "assumed")
