"""Keys: service-account files as Google's console gives them, and both providers' signing keys."""

from __future__ import annotations

import json
import os
import re
import uuid
from functools import lru_cache
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

FIRST_ACCOUNTS = ("installation", "kube-community")


def _new_pem() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".tmp")
    draft.write_text(text)
    draft.chmod(0o600)
    os.replace(draft, path)


def service_account(home: Path, name: str) -> dict[str, Any]:
    """The key file of this service account, made when it is not there yet.

    Raises ValueError for a name that is not a plain word of letters, digits and hyphens.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,40}", name):
        raise ValueError(f"not a name for a service account: {name!r}")
    path = home / "service-accounts" / f"{name}.json"
    if path.exists():
        return json.loads(path.read_text())
    address = f"{name}@convoke-sandbox.iam.gserviceaccount.com"
    account = {
        "type": "service_account",
        "project_id": "convoke-sandbox",
        "private_key_id": uuid.uuid4().hex,
        "private_key": _new_pem(),
        "client_email": address,
        "client_id": "1" + f"{uuid.uuid4().int % 10**20:020d}",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "https://oauth2.googleapis.com/token",
        "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
        "client_x509_cert_url": f"https://www.googleapis.com/robot/v1/metadata/x509/{address}",
        "universe_domain": "googleapis.com",
    }
    _write(path, json.dumps(account, indent=2))
    return account


def further_key(home: Path, name: str) -> dict[str, Any]:
    """One more key of this service account, which works beside those it has: the same client id and address."""
    account = service_account(home, name)
    account |= {"private_key_id": uuid.uuid4().hex, "private_key": _new_pem()}
    _write(
        home / "service-accounts" / f"{name}.{account['private_key_id'][:8]}.json",
        json.dumps(account, indent=2),
    )
    return account


def first_accounts(home: Path) -> list[Path]:
    """Make sure the two service accounts of the sample installation exist; their paths."""
    for name in FIRST_ACCOUNTS:
        service_account(home, name)
    return [home / "service-accounts" / f"{name}.json" for name in FIRST_ACCOUNTS]


def service_accounts(home: Path) -> list[dict[str, Any]]:
    """Every key of every service account there is."""
    return [json.loads(path.read_text()) for path in sorted((home / "service-accounts").glob("*.json"))]


class SigningKey:
    """The key a provider signs ID tokens with, kept in `home/keys/<provider>.pem`."""

    def __init__(self, home: Path, provider: str) -> None:
        path = home / "keys" / f"{provider}.pem"
        if not path.exists():
            _write(path, _new_pem())
        self._key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        self.key_id = f"sandbox-{provider}"

    def sign(self, claims: dict[str, Any]) -> str:
        """A JWT of these claims, RS256."""
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self.key_id})

    def jwks(self) -> dict[str, Any]:
        """The public half, as a JSON Web Key Set."""
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        public.pop("key_ops", None)
        return {"keys": [{**public, "kid": self.key_id, "use": "sig", "alg": "RS256"}]}

    def public_key(self) -> Any:
        """The public key object, for checking what `sign` made."""
        return self._key.public_key()


@lru_cache
def public_key_of(private_pem: str) -> Any:
    """The public half of a PEM private key."""
    return serialization.load_pem_private_key(private_pem.encode(), password=None).public_key()
