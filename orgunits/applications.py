"""Verbs of applications: make, change, change over secrets, archive, approve.

Each change carries `seen`: the `updated` time of the row that the person looked at. Whoever comes second, in
another tab or at another desk, gets ChangedMeanwhile and nothing happens.
"""

from collections.abc import Iterable
from datetime import datetime

from django.contrib.auth.hashers import get_hasher, make_password
from django.core.signing import BadSignature, dumps, loads
from django.db import IntegrityError, transaction
from django.db.models import F
from oauth2_provider.generators import generate_client_id, generate_client_secret
from oauth2_provider.settings import oauth2_settings

from . import audit
from .models import Application, OrganizationalUnit, User
from .redirect_uris import origins

State = Application.State
_RESERVED = "orgunits.applications.reserved"
RESERVED_FOR = 24 * 60 * 60  # seconds that a form for a new application can stay open


class ChangedMeanwhile(Exception):
    """Somebody else changed the application since it was looked at, or the step is not possible any more."""


class AlreadyMade(Exception):
    """This form was sent before: the application exists, and its secret was shown then."""

    def __init__(self, application: Application):
        super().__init__(application.public_id)
        self.application = application


class NotReserved(Exception):
    """The form is too old, or it was made for somebody else or another unit."""


def reserve(unit: OrganizationalUnit, by: User) -> str:
    """A sealed client id for a form, so that sending the form twice makes one application."""
    return dumps([generate_client_id(), unit.public_id, by.public_id], salt=_RESERVED)


def _reserved(sealed: str, unit: OrganizationalUnit, by: User) -> str:
    try:
        client_id, for_unit, for_user = loads(sealed, salt=_RESERVED, max_age=RESERVED_FOR)
    except (BadSignature, ValueError):
        raise NotReserved from None
    if (for_unit, for_user) != (unit.public_id, by.public_id):
        raise NotReserved
    return client_id


def create(
    unit: OrganizationalUnit,
    *,
    name: str,
    environment: str,
    publisher: str,
    redirect_uris: Iterable[str],
    reserved: str,
    by: User,
    now: datetime,
) -> tuple[Application, str]:
    """A new application in development mode, and its secret: the only time that the secret is known here.

    `reserved` is what `reserve` gave. Raises NotReserved, and AlreadyMade when it was used before.
    """
    client_id, secret = _reserved(reserved, unit, by), generate_client_secret()
    try:
        with transaction.atomic():
            application = unit.applications.create(
                name=name,
                environment=environment,
                publisher=publisher,
                redirect_uris=" ".join(redirect_uris),
                client_id=client_id,
                client_type=Application.CLIENT_CONFIDENTIAL,
                authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
                client_secret=_hashed(secret),
                client_secret_made_at=now,
                state_since=now,
            )
            audit.record(
                unit,
                "application.created",
                application,
                by=by,
                now=now,
                environment=environment,
                after={"redirect_uris": application.redirect_uris.split()},
            )
    except IntegrityError:
        existing = unit.applications.filter(client_id=client_id).first()
        if existing is None:
            raise
        raise AlreadyMade(existing) from None
    return application, secret


def _hashed(secret: str) -> str:
    return make_password(secret, hasher=oauth2_settings.CLIENT_SECRET_HASHER)


def secret_matches(application: Application, secret: str) -> bool:
    """Whether `secret` is one of the application's: either of the two. An archived application has none, nor has
    one of an archived unit. Takes as long for the one as for the other."""
    hasher = get_hasher(oauth2_settings.CLIENT_SECRET_HASHER)
    first = hasher.verify(secret, application.client_secret)
    second = hasher.verify(secret, application.second_secret or application.client_secret)
    closed = application.unit.state in {OrganizationalUnit.State.ARCHIVED, OrganizationalUnit.State.ERASED}
    return (first | second) and application.state == State.ACTIVE and not closed


@transaction.atomic
def change(
    application: Application,
    *,
    name: str,
    publisher: str,
    redirect_uris: Iterable[str],
    seen: datetime,
    by: User,
    now: datetime,
) -> None:
    """Change what people read of the application, and where it may be sent back to.

    Another name, another publisher or an address on a host that was not approved ends the approval. Raises
    ChangedMeanwhile.
    """
    new = {"name": name, "publisher": publisher, "redirect_uris": " ".join(redirect_uris)}
    changed = [field for field, value in new.items() if value != getattr(application, field)]
    if not changed:
        return
    before, after = application.redirect_uris.split(), new["redirect_uris"].split()
    _update(application, seen=seen, now=now, state=State.ACTIVE, **new)
    shown = (
        {"before": {"redirect_uris": before}, "after": {"redirect_uris": after}} if before != after else {}
    )
    audit.record(
        application.unit, "application.changed", application, by=by, now=now, fields=changed, **shown
    )
    if {"name", "publisher"} & set(changed) or not origins(after) <= origins(before):
        _end_approval(application, by=by, now=now)


@transaction.atomic
def set_logo(
    application: Application, logo: bytes | None, *, seen: datetime, by: User, now: datetime
) -> None:
    """Show another logo (a PNG made by orgunits/logos.py), or none. It is part of what was approved.

    Raises ChangedMeanwhile.
    """
    _update(application, seen=seen, now=now, state=State.ACTIVE, logo=logo)
    verb = "application.logo_removed" if logo is None else "application.logo_changed"
    audit.record(application.unit, verb, application, by=by, now=now)
    _end_approval(application, by=by, now=now)


@transaction.atomic
def make_second_secret(application: Application, *, seen: datetime, by: User, now: datetime) -> str:
    """A second secret, valid beside the first; returned this once. Raises ChangedMeanwhile."""
    secret = generate_client_secret()
    _update(
        application,
        seen=seen,
        now=now,
        state=State.ACTIVE,
        guard={"second_secret": ""},
        second_secret=_hashed(secret),
        second_secret_made_at=now,
    )
    audit.record(application.unit, "application.secret_made", application, by=by, now=now)
    return secret


@transaction.atomic
def retire_first_secret(application: Application, *, seen: datetime, by: User, now: datetime) -> None:
    """The second secret becomes the first; the old first one is refused from now on. Raises ChangedMeanwhile."""
    _need_second(application)
    _update(
        application,
        seen=seen,
        now=now,
        state=State.ACTIVE,
        client_secret=F("second_secret"),
        client_secret_made_at=F("second_secret_made_at"),
        second_secret="",
        second_secret_made_at=None,
    )
    audit.record(application.unit, "application.secret_retired", application, by=by, now=now)


@transaction.atomic
def discard_second_secret(application: Application, *, seen: datetime, by: User, now: datetime) -> None:
    """The second secret is refused from now on; the first stays. Raises ChangedMeanwhile."""
    _need_second(application)
    _update(application, seen=seen, now=now, state=State.ACTIVE, second_secret="", second_secret_made_at=None)
    audit.record(application.unit, "application.secret_discarded", application, by=by, now=now)


@transaction.atomic
def archive(application: Application, *, by: User, now: datetime) -> None:
    """Its secrets stop, it leaves the list, and it can be restored. Raises ChangedMeanwhile."""
    _move(application, State.ACTIVE, State.ARCHIVED, now=now)
    audit.record(application.unit, "application.archived", application, by=by, now=now)


@transaction.atomic
def restore(application: Application, *, by: User, now: datetime) -> None:
    """As it was: the same secrets, people and approval. Raises ChangedMeanwhile."""
    _move(application, State.ARCHIVED, State.ACTIVE, now=now)
    audit.record(application.unit, "application.restored", application, by=by, now=now)


@transaction.atomic
def approve(application: Application, *, seen: datetime, by: User, now: datetime, why: str) -> None:
    """The installation's staff say that the application is what it says: it leaves development mode.

    Raises ChangedMeanwhile: what was looked at is what is approved.
    """
    _update(
        application,
        seen=seen,
        now=now,
        state=State.ACTIVE,
        guard={"approved_at": None},
        approved_at=now,
        approved_by=by,
    )
    audit.record(application.unit, "application.approved", application, by=by, now=now, why=why)


@transaction.atomic
def withdraw_approval(application: Application, *, seen: datetime, by: User, now: datetime, why: str) -> None:
    """Staff take the approval back: development mode again. Raises ChangedMeanwhile."""
    if application.approved_at is None:
        raise ChangedMeanwhile
    _update(application, seen=seen, now=now, approved_at=None, approved_by=None)
    audit.record(application.unit, "application.approval_ended", application, by=by, now=now, why=why)


def _end_approval(application: Application, *, by: User, now: datetime) -> None:
    ended = Application.objects.filter(pk=application.pk, approved_at__isnull=False).update(
        approved_at=None, approved_by=None
    )
    application.approved_at = application.approved_by = None
    if ended:
        audit.record(application.unit, "application.approval_ended", application, by=by, now=now)


def _need_second(application: Application) -> None:
    if not application.second_secret:
        raise ChangedMeanwhile


def _update(
    application: Application,
    *,
    seen: datetime,
    now: datetime,
    state: str | None = None,
    guard: dict | None = None,
    **values,
) -> None:
    """One guarded UPDATE: only of the row as it was `seen`, in the `state` asked for."""
    wanted = {"pk": application.pk, "updated": seen, **(guard or {})}
    if state is not None:
        wanted["state"] = state
    if not Application.objects.filter(**wanted).update(updated=now, **values):
        raise ChangedMeanwhile
    application.refresh_from_db(fields=["updated", *(name for name in values if name != "logo")])


def _move(application: Application, before: str, after: str, *, now: datetime) -> None:
    rows = Application.objects.filter(pk=application.pk, state=before)
    if not rows.update(state=after, state_since=now, updated=now):
        raise ChangedMeanwhile
    application.state, application.state_since, application.updated = after, now, now
