"""A directory is read while a run makes members of its people."""

import threading
from time import sleep

import pytest
from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from connections import directory_store
from connections.models import DirectoryPerson
from connections.providers.directory import PersonSeen
from provisioning import onboarding, plans
from tests.people import make_company
from tests.provisioning.running import directory_of, everybody_rule, planned, tell, was_read

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_page_with_somebody_new_and_a_run_never_wait_for_each_other():
    company = make_company()
    connection = directory_of(company)
    [ada] = tell(connection, "ada@kube.example")
    was_read(connection)
    everybody_rule(connection, company.olga)
    run = plans.apply_plan(planned(connection, company.olga), by=company.olga, now=timezone.now())
    page = [
        PersonSeen(one, f"{one}@kube.example", (), "", "", "", "", "", "", True, "person")
        for one in (ada.external_id, "new")
    ]
    went_wrong = []

    def read() -> None:
        try:
            known = directory_store.known(connection)
            directory_store.keep_people(connection, page, known, now=timezone.now())
        except Exception as error:  # noqa: BLE001 the test says what it expects
            went_wrong.append(error)
        finally:
            database.close()

    reading = threading.Thread(target=read)
    with transaction.atomic():
        onboarding._lock(run)
        reading.start()
        sleep(0.5)
        DirectoryPerson.objects.select_for_update(no_key=True).get(pk=ada.pk)
    reading.join(30)

    assert went_wrong == []
    assert connection.directory_people.count() == 2
