"""What is kept on a member tells of rules and of leaving too."""

import json

import pytest
from django.urls import reverse
from django.utils import timezone

from provisioning import offboarding
from tests.people import make_company, signed_in
from tests.provisioning.running import directory_of, everybody_rule, looked, tell, was_read

pytestmark = pytest.mark.django_db


def test_the_file_tells_which_rules_gave_roles_and_how_somebody_left():
    company = make_company()
    directory = directory_of(company)
    tell(directory, "ada@kube.example", given_name="Ada")
    was_read(directory)
    everybody_rule(directory, company.olga)
    looked(directory)
    ada = company.unit.members.get(email="ada@kube.example")
    left = offboarding.begin(ada, by=company.olga, now=timezone.now())
    offboarding.undo(left, by=company.olga, now=timezone.now(), keep_until=timezone.now().date())
    olga = signed_in(company.olga)

    file = olga.get(reverse("member_data_download", args=[company.unit.slug, ada.public_id]))
    page = olga.get(reverse("member_data", args=[company.unit.slug, ada.public_id])).content.decode()

    told = json.loads(b"".join(file.streaming_content) if file.streaming else file.content)["people_by_rule"]
    assert told["rules"] == [{"rule": "Everybody", "role": "employee"}]
    assert told["kept_until"] == timezone.now().date().isoformat()
    assert told["leavings"][0]["undone"] is not None
    assert "Roles by rule" in page
