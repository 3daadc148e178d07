"""What every test finds prepared."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings as portal_settings
from django.db import connection
from hypothesis import settings as effort

from tests.guards.routes import House, build_house
from tests.people import make_company
from tests.providers.sandbox.server import SandboxServer
from tests.standing import standing

# How long one example takes says more about the machine and what else runs on it than about the code.
effort.register_profile("convoke", deadline=None)
effort.load_profile("convoke")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Tests that commit are undone by TRUNCATE, which the audit log refuses outside tests."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE orgunits_auditevent DISABLE TRIGGER audit_no_truncate")


@pytest.fixture(scope="session")
def provider_process() -> Iterator[SandboxServer]:
    """The sandbox that the portal under test is configured to reach; one process for each test worker."""
    port = urlsplit(portal_settings.SANDBOX_URL).port
    server = SandboxServer(Path(portal_settings.SANDBOX_HOME), port, portal_settings.EMAIL_PORT)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def providers(provider_process: SandboxServer) -> SandboxServer:
    """Google and Microsoft as on their first day: no faults, no grants, no changes, the real clock."""
    provider_process.control("POST", "reset", all=True)
    return provider_process


@pytest.fixture
def mail_server(providers: SandboxServer, settings) -> SandboxServer:
    """Mail goes by real SMTP to the sandbox, which has none yet."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    return providers


@pytest.fixture(scope="module")
def standing_house(django_db_setup, django_db_blocker) -> Iterator[House]:
    """Two furnished units, for modules that look at them over and over; each test takes a copy of its own."""
    with standing(django_db_blocker):
        yield build_house(make_company())
