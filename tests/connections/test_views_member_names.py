"""Names and department of a member: by hand, told by a directory, and handed back."""

import pytest
from django.urls import reverse
from django.utils import timezone

from orgunits import told
from orgunits.models import Member
from tests.people import make_company, signed_in
from tests.provisioning.running import directory_of, everybody_rule, looked, tell, was_read

pytestmark = pytest.mark.django_db
ADDRESS = "ada@kube.example"


@pytest.fixture
def company():
    return make_company()


@pytest.fixture
def ada(company) -> Member:
    """Somebody a directory brought."""
    directory = directory_of(company)
    tell(directory, ADDRESS, given_name="Ada", family_name="Berg", department="Sales")
    was_read(directory)
    everybody_rule(directory, company.olga)
    assert looked(directory).state == "succeeded"
    return company.unit.members.get(email=ADDRESS)


def page(company, member) -> str:
    return reverse("member_names", args=[company.unit.slug, member.public_id])


def told_again(company, member, **facts) -> Member:
    """The directory tells something new, and the night goes by."""
    directory = company.unit.connections.get()
    directory.directory_people.update(**facts, digest="other")
    was_read(directory)
    looked(directory)
    return Member.objects.get(pk=member.pk)


def test_the_page_says_where_each_comes_from(company, ada):
    html = signed_in(company.olga).get(page(company, ada)).content.decode()

    assert html.count("from the directory") == 3


def test_a_name_set_by_hand_stays_until_it_is_handed_back(company, ada):
    olga = signed_in(company.olga)
    olga.post(page(company, ada), {"given_name": "Adele", "family_name": "Berg", "department": "Sales"})
    held = told_again(company, ada, given_name="Adelheid", family_name="Adler")
    olga.post(page(company, ada), {"hand_back": "given_name"})
    given_back = told_again(company, ada, department="Research")

    assert (held.given_name, held.family_name) == ("Adele", "Adler")
    assert (given_back.given_name, given_back.department) == ("Adelheid", "Research")


def test_a_name_that_is_too_long_is_refused_and_nothing_is_saved(company, ada):
    answer = signed_in(company.olga).post(
        page(company, ada), {"given_name": "A" * 101, "family_name": "Other", "department": ""}
    )

    assert answer.status_code == 422
    assert Member.objects.get(pk=ada.pk).family_name == "Berg"


def test_setting_what_is_so_already_changes_nothing(company, ada):
    told.set_name(ada, "given_name", "Adele", by=company.olga, now=timezone.now())

    changed = told.set_name(ada, "given_name", "Adele", by=company.olga, now=timezone.now())

    assert not changed
