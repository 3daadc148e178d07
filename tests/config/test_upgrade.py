"""A database of the release before applications came, brought up to date with what was in it."""

import secrets
from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connections
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from orgunits.models import Application, AuditEvent, OrganizationalUnit, RoleGrant

ALIAS = "older"
BEFORE = [("orgunits", "0003_count_members_by_state"), ("connections", "0003_stopped_mailboxes")]


@pytest.fixture
def older(django_db_blocker) -> Iterator[str]:
    """A database of its own, with the tables of the release before; answers its alias."""
    name, default = f"older_{secrets.token_hex(4)}", connections["default"]
    with django_db_blocker.unblock():
        with default._nodb_cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
        connections.settings[ALIAS] = {**default.settings_dict, "NAME": name}
        try:
            for app, migration in BEFORE:
                call_command("migrate", app, migration, database=ALIAS, verbosity=0)
            yield ALIAS
        finally:
            connections[ALIAS].close()
            del connections[ALIAS], connections.settings[ALIAS]
            with default._nodb_cursor() as cursor:
                cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_what_was_there_is_there_still_and_the_toolkit_has_no_tables_of_its_own(older):
    now = timezone.now()
    then = MigrationLoader(connections[older]).project_state(BEFORE).apps
    user = then.get_model("orgunits", "User").objects.using(older).create(email="olga@kube.example")
    unit = (
        then.get_model("orgunits", "OrganizationalUnit").objects.using(older).create(name="Kube", slug="kube")
    )
    member = (
        then.get_model("orgunits", "Member")
        .objects.using(older)
        .create(unit=unit, user=user, email=user.email, state="active")
    )
    for role in ("ops_admin", "employee"):
        then.get_model("orgunits", "RoleGrant").objects.using(older).create(
            unit=unit, member=member, role=role
        )
    then.get_model("orgunits", "AuditEvent").objects.using(older).create(
        unit=unit, at=now, verb="role granted", actor="system", subject="mem_1", facts={"role": "ops_admin"}
    )

    call_command("migrate", database=older, verbosity=0)

    assert OrganizationalUnit.objects.using(older).get().state == "active"
    grants = RoleGrant.objects.using(older).filter(member__user__email=user.email, application__isnull=True)
    assert sorted(grants.values_list("role", flat=True)) == ["employee", "ops_admin"]
    assert len({grant.public_id for grant in grants}) == 2
    assert all(grant.public_id.startswith("grt_") and len(grant.public_id) == 28 for grant in grants)
    assert AuditEvent.objects.using(older).get().verb == "role.granted"
    assert not Application.objects.using(older).exists()
    tables = set(connections[older].introspection.table_names())
    assert "organization_connect_accesstoken" in tables
    assert not [table for table in tables if table.startswith("oauth2_provider")]
    call_command("migrate", database=older, verbosity=0, check_unapplied=True)
