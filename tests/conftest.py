"""What every test finds prepared."""

import pytest
from django.db import connection


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Tests that commit are undone by TRUNCATE, which the audit log refuses outside tests."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE orgunits_auditevent DISABLE TRIGGER audit_no_truncate")
