"""The first sign-in of people whom a directory brought: by what the ID token and the directory both say.

Issuer, tenant and subject have to be those under which the directory knows the person (Google: `hd` and `sub`;
Microsoft: `tid` and `oid`). An address never counts: it only says where mail goes.
"""

from dataclasses import dataclass
from datetime import datetime

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from orgunits import audit, joining, memberships, roles
from orgunits.models import Member, OrganizationalUnit, User
from orgunits.names import normal_address

from .identity import vouching_people
from .models import DirectoryPerson, DirectoryReading
from .providers.base import ProviderError
from .providers.google import oauth as google
from .providers.http import ProviderSession
from .providers.microsoft import oauth as microsoft

KEPT_CLAIMS = (
    "iss", "sub", "hd", "tid", "oid", "name", "given_name", "family_name", "email", "email_verified",
    "preferred_username",
)  # fmt: skip
CLAIMS = {"google": google.signed_claims, "microsoft": microsoft.signed_claims}


class NotTrusted(Exception):
    """The ID token is not one that this service gave to this portal."""


class Refused(Exception):
    """No first sign-in. `why`: unknown, has_sign_in (use that one and link this account there), invited (by the
    link that was mailed), stopped (the member is suspended or removed)."""

    def __init__(self, why: str):
        self.why = why
        super().__init__(why)


@dataclass(frozen=True)
class Subject:
    """Who signed in, as the service itself says."""

    provider: str
    tenant: str  # Google: the Workspace domain; Microsoft: the tenant id
    external_id: str
    address: str  # theirs, by the word of the tenant that owns its domain; empty: not said


def validated_claims(provider: str, id_token: str, *, audience: str) -> dict:
    """What of an ID token is kept. Raises NotTrusted."""
    try:
        with ProviderSession() as session:
            claims = CLAIMS[provider](id_token, audience=audience, session=session)
    except ProviderError as error:
        raise NotTrusted from error
    return {name: claims[name] for name in KEPT_CLAIMS if name in claims}


def is_of_another_tenant(provider: str, claims: dict) -> bool:
    """Whether the account that this token would open belongs to another tenant: Microsoft promises that an object
    id is one object's within its tenant only. Google's `sub` is one account's everywhere."""
    if provider != "microsoft":
        return False
    known = SocialAccount.objects.filter(provider=provider, uid=claims.get("oid", "")).first()
    tenant = known.extra_data.get("tid") if known else None
    return tenant is not None and tenant != claims.get("tid")


def subject_of(provider: str, claims: dict) -> Subject | None:
    """Who `validated_claims` name; None for an account that belongs to no organization."""
    if provider == "google" and claims.get("iss") in google.ISSUERS:
        tenant, external_id = claims.get("hd"), claims.get("sub")
        address = claims.get("email") if claims.get("email_verified") is True else ""
    elif provider == "microsoft":
        tenant, external_id = claims.get("tid"), claims.get("oid")
        address = claims.get("preferred_username", "")  # in a domain of the tenant, unless it is a guest's
        address = "" if "#ext#" in str(address).lower() else address
    else:
        return None
    if not (tenant and external_id):
        return None
    return Subject(provider, str(tenant).lower(), str(external_id), normal_address(str(address or "")))


def people_of(subject: Subject) -> QuerySet[DirectoryPerson]:
    """The members' people, in every unit, whom a directory of this tenant knows by this id and shows now."""
    tenant = Q(connection__tenant=subject.tenant)
    if subject.provider == "google":  # `hd` may be another domain of the same Workspace: the person's own
        tenant |= Q(address__endswith=f"@{subject.tenant}")
    read_whole = DirectoryReading.objects.filter(
        connection=OuterRef("connection"), state=DirectoryReading.State.COMPLETE, whole=True
    )
    return (
        vouching_people()
        .filter(
            tenant,
            Exists(read_whole),
            connection__provider=subject.provider,
            external_id=subject.external_id,
            unit__state=OrganizationalUnit.State.ACTIVE,
        )
        .exclude(member=None)
        .select_related("member__unit", "connection")
        .order_by("pk")
    )


def members_of(subject: Subject) -> list[Member]:
    """The active members without a sign-in whom this subject may be from now on."""
    members = (person.member for person in people_of(subject))
    return [one for one in members if one.state == Member.State.ACTIVE and one.user_id is None]


@transaction.atomic
def claim(provider: str, uid: str, claims: dict, *, now: datetime) -> SocialAccount:
    """The sign-in of somebody who comes for the first time. Raises Refused; of two at once, one makes it."""
    subject = subject_of(provider, claims)
    if subject is None:
        raise Refused("unknown")
    _wait_for_others([person.unit_id for person in people_of(subject)])
    if account := SocialAccount.objects.filter(provider=provider, uid=uid).first():
        return account
    members = _who_may_come(subject)
    member = members[0]
    try:
        with transaction.atomic():
            user = User.objects.create_user(
                member.email,
                first_name=member.given_name,
                last_name=member.family_name,
                time_zone=member.time_zone,
            )
            EmailAddress.objects.create(
                user=user, email=user.email, primary=True, verified=user.email == subject.address
            )
            account = SocialAccount.objects.create(user=user, provider=provider, uid=uid, extra_data=claims)
    except IntegrityError:
        raise Refused("has_sign_in") from None
    for one in members:
        _link(one, user, provider, now=now)
    return account


def _wait_for_others(units: list[int]) -> None:
    """Nobody suspends, removes or links these members meanwhile; always in one order, so that nobody waits in
    a circle."""
    rows = OrganizationalUnit.objects.select_for_update(no_key=True).filter(pk__in=units)
    list(rows.order_by("pk").values_list("pk"))


def _who_may_come(subject: Subject) -> list[Member]:
    found = [person.member for person in people_of(subject)]
    if not found:
        raise Refused("unknown")
    active = [member for member in found if member.state == Member.State.ACTIVE]
    if not active:
        invited = any(member.state == Member.State.INVITED for member in found)
        raise Refused("invited" if invited else "stopped")
    addresses = {member.email for member in active} | ({subject.address} - {""})
    taken = any(member.user_id for member in active)
    if taken or any(joining.owner_of(address) for address in addresses):
        raise Refused("has_sign_in")
    return active


def link_new(account: SocialAccount, *, now: datetime) -> list[Member]:
    """Make the members who came since the last sign-in with this account its user's. Asks one query where
    there are none."""
    subject = subject_of(account.provider, account.extra_data)
    if subject is None or not members_of(subject):
        return []
    with transaction.atomic():
        _wait_for_others([member.unit_id for member in members_of(subject)])
        user = User.objects.select_for_update(no_key=True).filter(pk=account.user_id, is_active=True).first()
        if user is None:
            return []
        return [member for member in members_of(subject) if _link(member, user, account.provider, now=now)]


def _link(member: Member, user: User, provider: str, *, now: datetime) -> bool:
    """Answers whether it was done: not where somebody else has become this member, nor for a second member of
    one sign-in in a unit."""
    if user.memberships.filter(unit_id=member.unit_id, state__in=memberships.HERE).exists():
        return False
    rows = Member.objects.filter(pk=member.pk, user=None, state=Member.State.ACTIVE)
    try:
        with transaction.atomic():
            linked = rows.update(user=user)
    except IntegrityError:
        return False
    if not linked:
        return False
    member.refresh_from_db()
    roles.apply_grants(member)
    audit.record(member.unit, "member.signed_in_first", member, by=user, now=now, provider=provider)
    return True
