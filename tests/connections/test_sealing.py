"""Secrets at rest: sealed for one column, opened by no other, and sealed anew while the portal runs."""

import threading

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.db import connection as database
from django.test import override_settings
from django.utils import timezone

from connections import rotation
from connections.models import Credential
from connections.sealing import CannotOpen, open_sealed, seal
from orgunits.models import OrganizationalUnit

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
SECRET = "-----BEGIN PRIVATE KEY----- not for eyes"


def make_key(name: str = "one", secret: str = SECRET) -> Credential:
    unit = OrganizationalUnit.objects.create(name=name, slug=name)
    return Credential.objects.create(
        unit=unit, provider="google", permission_set="service_account", client_id=name, secret=secret
    )


def stored(key: Credential) -> str:
    """What stands in the database."""
    with database.cursor() as cursor:
        cursor.execute("SELECT secret FROM connections_credential WHERE id = %s", [key.pk])
        return cursor.fetchone()[0]


def test_what_is_sealed_opens_again_and_looks_different_each_time():
    first, second = seal(SECRET, place="a.b"), seal(SECRET, place="a.b")

    assert first != second
    assert SECRET not in first
    assert open_sealed(first, place="a.b") == open_sealed(second, place="a.b") == SECRET


@pytest.mark.parametrize("text", ["", "line\nline", "\n", "ünïcödé 日本", "x" * 20_000])
def test_every_text_comes_back_whole(text):
    assert open_sealed(seal(text, place="a.b"), place="a.b") == text


def test_a_sealed_value_moved_to_another_column_does_not_open():
    with pytest.raises(CannotOpen):
        open_sealed(seal(SECRET, place="a.b"), place="a.c")


def test_a_changed_value_does_not_open():
    sealed = seal(SECRET, place="a.b")
    middle = len(sealed) // 2
    changed = sealed[:middle] + ("A" if sealed[middle] != "A" else "B") + sealed[middle + 1 :]

    with pytest.raises(CannotOpen):
        open_sealed(changed, place="a.b")


@pytest.mark.parametrize("value", ["plain text", "", "gAAAA", "é"])
def test_what_was_never_sealed_does_not_open(value):
    with pytest.raises(CannotOpen):
        open_sealed(value, place="a.b")


def test_a_key_that_is_gone_opens_nothing():
    with override_settings(ENCRYPTION_KEYS=[OLD]):
        sealed = seal(SECRET, place="a.b")

    with override_settings(ENCRYPTION_KEYS=[NEW]), pytest.raises(CannotOpen) as refused:
        open_sealed(sealed, place="a.b")
    assert SECRET not in str(refused.value)


@pytest.mark.django_db
def test_a_secret_stands_sealed_in_the_database_and_open_in_python():
    key = make_key()

    assert "PRIVATE" not in stored(key)
    assert open_sealed(stored(key), place="connections.credential.secret") == SECRET
    assert Credential.objects.get().secret == SECRET


@pytest.mark.django_db
def test_the_column_of_another_table_cannot_lend_its_value():
    key = make_key()
    foreign = seal(SECRET, place="connections.pendingauthorization.code_verifier")
    with database.cursor() as cursor:
        cursor.execute("UPDATE connections_credential SET secret = %s WHERE id = %s", [foreign, key.pk])

    with pytest.raises(CannotOpen):
        Credential.objects.get()


# --- rotation


@pytest.mark.django_db
def test_after_rotation_the_old_key_can_be_thrown_away(capsys):
    with override_settings(ENCRYPTION_KEYS=[OLD]):
        keys = [make_key("one"), make_key("two", "another secret")]
        before = [stored(key) for key in keys]

    with override_settings(ENCRYPTION_KEYS=[NEW, OLD]):
        call_command("rotate_keys")

    with override_settings(ENCRYPTION_KEYS=[NEW]):
        assert [Credential.objects.get(pk=key.pk).secret for key in keys] == [SECRET, "another secret"]
    assert [stored(key) for key in keys] != before


@pytest.mark.django_db
def test_rotation_counts_what_it_sealed_and_can_run_again():
    make_key("one")
    make_key("two", "")  # nothing to seal

    assert rotation.rotate_keys() == 1
    assert rotation.rotate_keys() == 1
    assert [key.secret for key in Credential.objects.order_by("pk")] == [SECRET, ""]


@pytest.mark.django_db
def test_a_value_whose_key_is_gone_stops_the_rotation_and_stays_as_it_was():
    with override_settings(ENCRYPTION_KEYS=[OLD]):
        key = make_key()
    before = stored(key)

    with override_settings(ENCRYPTION_KEYS=[NEW]), pytest.raises(CannotOpen):
        rotation.rotate_keys()

    assert stored(key) == before


@pytest.mark.django_db(transaction=True)
def test_a_secret_changed_during_rotation_keeps_its_new_value():
    with override_settings(ENCRYPTION_KEYS=[NEW, OLD]):
        keys = [make_key(f"k{number}") for number in range(8)]
        changed = threading.Event()

        def change() -> None:
            try:
                for key in keys:
                    Credential.objects.filter(pk=key.pk).update(secret="fresh", created_at=timezone.now())
            finally:
                database.close()
                changed.set()

        writer = threading.Thread(target=change)
        writer.start()
        while not changed.is_set():
            rotation.rotate_keys()
        writer.join(30)
        rotation.rotate_keys()

        assert {key.secret for key in Credential.objects.all()} == {"fresh"}
