"""Keys to providers: the installation's from the environment, or a unit's own, sealed in its row."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction

from orgunits import audit
from orgunits.models import OrganizationalUnit, User

from .models import Connection, Credential, ModeChange
from .modes import SCOPES, scopes_for
from .providers.base import AuthorizationLost, Key
from .providers.google.oauth import key_from_json

AT_WORK = (Connection.State.ACTIVE, Connection.State.PAUSED)


class KeyNotAccepted(Exception):
    """The pasted key cannot be used; `problem` says why in one code."""

    def __init__(self, problem: str):
        self.problem = problem
        super().__init__(problem)


@dataclass(frozen=True)
class As:
    """A mode and a key of the unit (None: the installation's) that a connection does not have yet."""

    mode: str
    credential: Credential | None


def key_of(connection: Connection, *, instead: As | None = None) -> Key:
    """The key this connection uses: its unit's own, else the installation's. Raises AuthorizationLost.

    `instead`: the key it would use in another mode.
    """
    scopes = scopes_for(connection.provider, instead.mode) if instead else connection.scopes
    row, permission_set = (instead or connection).credential, scopes.permission_set
    if row is not None:
        return Key(row.provider, row.permission_set, row.client_id, row.secret, row.client_email, row.unit_id)
    key = installation_key(connection.provider, permission_set)
    if key is None:
        raise AuthorizationLost("key_missing", permission_set)
    return key


def installation_key(provider: str, permission_set: str) -> Key | None:
    """The key the operator set in the environment, or None."""
    if provider == "google" and settings.GOOGLE_SERVICE_ACCOUNT_FILE:
        return _service_account_file(settings.GOOGLE_SERVICE_ACCOUNT_FILE)
    registration = settings.MICROSOFT_REGISTRATIONS.get(permission_set, {})
    if provider == "microsoft" and registration.get("client_id"):
        return Key(provider, permission_set, registration["client_id"], registration["client_secret"])
    return None


def sign_in_lacks(provider: str, key: Key | None) -> str:
    """What keeps everybody from signing in at the provider: a code of connections/reasons.py, or nothing.

    At Google the installation's client asks who somebody is; at Microsoft the registration itself does.
    """
    if provider == "google":
        return "" if settings.GOOGLE_CLIENT_ID else "sign_in_client_missing"
    return "" if key else "key_missing"


def _names_of(key: Key) -> set[str]:
    """What a provider may know a key by. A service account signs as its address: its id is only written there."""
    return {name.lower() for name in (key.client_id, key.client_email) if name}


def _installation_names(provider: str) -> set[str]:
    """The names of every key of the installation, whatever it is for: none may become a unit's own."""
    sets = {scopes.permission_set for (of, _mode), scopes in SCOPES.items() if of == provider}
    keys = (installation_key(provider, permission_set) for permission_set in sets)
    return set().union(*(_names_of(key) for key in keys if key is not None))


def _service_account_file(path: str) -> Key | None:
    """The key in this file; a file that comes or changes later is seen without a restart."""
    file = Path(path)
    return _parsed(path, file.stat().st_mtime_ns) if file.exists() else None


@lru_cache(maxsize=4)
def _parsed(path: str, _changed_at: int) -> Key:
    return key_from_json(Path(path).read_text(), unit_id=None)


@transaction.atomic
def keep_service_account(
    unit: OrganizationalUnit, key_json: str, *, by: User | None, now: datetime
) -> Credential:
    """Keep a Google service-account key of this unit alone, sealed.

    Raises KeyNotAccepted: `unreadable` when it is no key, `in_use` when another unit or the installation has it,
    `at_work` when it is another secret of a key that a connection works with.
    """
    try:
        key = key_from_json(key_json, unit_id=unit.pk)
    except ValueError:
        raise KeyNotAccepted("unreadable") from None
    return _keep(unit, key, by=by, now=now)


@transaction.atomic
def keep_registration(
    unit: OrganizationalUnit,
    permission_set: str,
    client_id: str,
    client_secret: str,
    *,
    by: User | None,
    now: datetime,
) -> Credential:
    """Keep a Microsoft app registration of this unit alone, its secret sealed. Raises KeyNotAccepted."""
    return _keep(
        unit, Key("microsoft", permission_set, client_id.lower(), client_secret, "", unit.pk), by=by, now=now
    )


def _keep(unit: OrganizationalUnit, key: Key, *, by: User | None, now: datetime) -> Credential:
    same_account = Credential.objects.filter(provider=key.provider, client_email=key.client_email)
    same_account = same_account.exclude(client_email="").exclude(client_id=key.client_id)
    if _names_of(key) & _installation_names(key.provider) or same_account.exists():
        raise KeyNotAccepted("in_use")
    before = Credential.objects.filter(unit=unit, provider=key.provider, client_id=key.client_id).first()
    renewed = before is not None and before.secret != key.secret
    if renewed and before.connections.filter(state__in=AT_WORK).exists():
        raise KeyNotAccepted("at_work")  # key_rotation tries another secret before it is kept
    of_the_secret = {"secret_since": now, "secret_ends_on": None, "warned_days": None} if renewed else {}
    try:
        with transaction.atomic():
            row, _created = Credential.objects.update_or_create(
                unit=unit,
                provider=key.provider,
                client_id=key.client_id,
                defaults={
                    "permission_set": key.permission_set,
                    "client_email": key.client_email,
                    "secret": key.secret,
                    "created_by": by,
                    "created_at": now,
                    **of_the_secret,
                },
            )
    except IntegrityError:
        raise KeyNotAccepted("in_use") from None
    audit.record(unit, "key.kept", row, by=by, now=now, provider=key.provider)
    return row


def unit_credential(unit: OrganizationalUnit, provider: str, permission_set: str) -> Credential | None:
    """The unit's own key for this, if it has one: the newest."""
    return (
        unit.credentials.filter(provider=provider, permission_set=permission_set)
        .order_by("-created_at", "-pk")
        .first()
    )


def forget_unused(unit: OrganizationalUnit, credential: Credential | None) -> bool:
    """Delete the key when no connection that still lives uses it, or is about to. Answers whether it was forgotten."""
    if credential is None:
        return False
    living = credential.connections.exclude(state=Connection.State.DISCONNECTED)
    chosen = ModeChange.objects.filter(credential=credential, state=ModeChange.State.OPEN)
    if living.exists() or chosen.exists():
        return False
    credential.delete()
    return True
