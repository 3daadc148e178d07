"""Keys that are not what they say."""

import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connections import calendar_connections
from connections.credentials import KeyNotAccepted, keep_service_account
from tests.people import make_company

pytestmark = pytest.mark.django_db

RSA, CURVE = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())


def pem(key, lock=None) -> str:
    lock = lock or serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock).decode()


def file_of(**changed) -> str:
    return json.dumps(
        {
            "type": "service_account",
            "client_id": "100000000000000000001",
            "client_email": "portal@company.iam.gserviceaccount.com",
            "private_key": pem(RSA),
            "private_key_id": "k",
            **changed,
        }
    )


@pytest.mark.parametrize("client_id", ["999", "0999"])
@pytest.mark.parametrize("capitals", [False, True])
def test_the_key_of_another_unit_under_another_client_id_is_the_same_key(client_id, capitals):
    company, now = make_company(), timezone.now()
    keep_service_account(company.unit, file_of(), by=company.olga, now=now)
    changed = json.loads(file_of(client_id=client_id))
    if capitals:
        changed["client_email"] = changed["client_email"].upper()

    with pytest.raises(KeyNotAccepted, match="in_use"):
        keep_service_account(company.stranger_unit, json.dumps(changed), by=company.sven, now=now)

    assert company.stranger_unit.credentials.count() == 0


def test_nor_is_the_installations_key_another_one_then(providers):
    company = make_company()
    key = json.loads((providers.home / "service-accounts" / "installation.json").read_text())
    changed = json.dumps({**key, "client_id": "999"})

    with pytest.raises(KeyNotAccepted, match="in_use"):
        keep_service_account(company.stranger_unit, changed, by=company.sven, now=timezone.now())


UNUSABLE = {
    "too deep": "[" * 9999,
    "a client id with letters": file_of(client_id="x" * 20),
    "a long client id": file_of(client_id="1" * 300),
    "a client id with a NUL": file_of(client_id="1\0"),
    "a client id with a blank": file_of(client_id="1 "),
    "half a sign": file_of(client_id="\ud800"),
    "a long address": file_of(client_email="x" * 300 + "@x.example"),
    "no address": file_of(client_email="portal"),
    "a locked key": file_of(private_key=pem(RSA, serialization.BestAvailableEncryption(b"word"))),
    "a public key": file_of(
        private_key=RSA.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    ),
    "another kind of key": file_of(private_key=pem(CURVE)),
    "no key": file_of(private_key="\ud800"),
}


@pytest.mark.parametrize("key", UNUSABLE.values(), ids=UNUSABLE)
def test_what_is_no_key_is_refused_at_the_field_and_nothing_kept(key):
    company = make_company()
    connection = calendar_connections.create_connection(
        company.unit, "google", "free_busy", by=company.olga, now=timezone.now()
    )
    client = Client()
    client.force_login(company.olga)

    answer = client.post(
        reverse("key_add", args=[company.unit.slug, connection.public_id]), {"key_json": key}
    )

    assert answer.status_code == 422
    assert company.unit.credentials.count() == 0
