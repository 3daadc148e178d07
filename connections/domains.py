"""Mail domains a connection serves: added by a person, verified by a fact."""

import re
import secrets
from datetime import datetime

import dns.exception
import dns.resolver
from django.conf import settings
from django.db import transaction

from orgunits import audit
from orgunits.models import User

from . import mailboxes
from .models import Connection, ConnectionDomain
from .providers.base import AuthorizationLost, MailboxError, ProviderError, readable
from .services import calendar_service

Verified = ConnectionDomain.Verified
# RFC 1035 labels, at least two of them; internationalized names arrive in their ASCII form (RFC 5891).
DOMAIN = re.compile(r"(?=.{4,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])\Z")
DNS_PREFIX = "_convoke"
MAILBOXES_TRIED = 3


class NotADomain(ValueError):
    """Not a mail domain."""


def normal_domain(text: str) -> str:
    """`text` as a mail domain in lower case. Raises NotADomain."""
    name = text.strip().lower().rstrip(".").lstrip("@")
    try:
        name = name.encode("idna").decode() if not name.isascii() else name
    except UnicodeError:
        raise NotADomain(text) from None
    if not DOMAIN.match(name):
        raise NotADomain(text)
    return name


@transaction.atomic
def add_domain(
    connection: Connection, name: str, *, by: User | None, now: datetime, verified: str = ""
) -> ConnectionDomain:
    """Name a domain that this connection serves. Where the connection itself opens calendars it serves nobody
    before it is verified; in No Access, and where each member authorizes, there is nothing to prove.

    Raises NotADomain.
    """
    reads = connection.capabilities.reads_calendars
    opens = reads and not connection.personal
    verified = verified if opens else Verified.DECLARED
    row, created = ConnectionDomain.objects.get_or_create(
        connection=connection,
        domain=normal_domain(name),
        defaults={
            "unit_id": connection.unit_id,
            "dns_token": f"convoke-verify={secrets.token_hex(16)}",
            "verified": verified,
            "verified_at": now if verified else None,
        },
    )
    if created:
        audit.record(connection.unit, "domain.added", connection, by=by, now=now, domain=row.domain)
        mailboxes.assign(connection.unit, now=now)
    elif verified and not row.verified:
        set_verified(row, verified, now=now)
    return row


@transaction.atomic
def remove_domain(row: ConnectionDomain, *, by: User, now: datetime) -> None:
    """The connection no longer serves this domain."""
    if not ConnectionDomain.objects.filter(pk=row.pk).delete()[0]:
        return  # somebody else removed it meanwhile
    audit.record(row.unit, "domain.removed", row.connection, by=by, now=now, domain=row.domain)
    mailboxes.assign(row.unit, now=now)


@transaction.atomic
def set_verified(row: ConnectionDomain, how: str, *, now: datetime) -> None:
    """Write down what proved the domain, and serve its members."""
    ConnectionDomain.objects.filter(pk=row.pk).update(verified=how, verified_at=now)
    row.verified, row.verified_at = how, now
    audit.record(row.unit, "domain.verified", row.connection, by=None, now=now, domain=row.domain, how=how)
    mailboxes.assign(row.unit, now=now)


def verify_domain(row: ConnectionDomain, *, now: datetime) -> bool:
    """Look for a proof: a DNS record of this unit, or a mailbox of a member in it that answers.

    Answers whether the domain is verified now. Raises ProviderError when the provider cannot be asked.
    """
    if row.verified:
        return True
    if dns_proves(row):
        set_verified(row, Verified.DNS, now=now)
    elif mailbox_proves(row):
        set_verified(row, Verified.MAILBOX, now=now)
    return bool(row.verified)


@readable()
def mailbox_proves(row: ConnectionDomain) -> bool:
    """Whether a mailbox of the domain answers through the connection; a few members are tried."""
    if not row.connection.capabilities.reads_calendars:
        return False
    service = calendar_service(row.connection)
    members = row.unit.members.active().filter(mail_domain=row.domain).order_by("pk")
    for address in members.values_list("email", flat=True)[:MAILBOXES_TRIED]:
        try:
            service.probe_mailbox(address)
        except AuthorizationLost:
            raise
        except MailboxError:
            continue
        except ProviderError:
            raise
        return True
    return False


def dns_name(domain: str) -> str:
    """Where the TXT record belongs."""
    return f"{DNS_PREFIX}.{domain}"


def dns_proves(row: ConnectionDomain) -> bool:
    """Whether this unit's record stands on the domain. No answer is no proof."""
    resolver = dns.resolver.Resolver(configure=not settings.DNS_SERVER)
    if settings.DNS_SERVER:
        host, _, port = settings.DNS_SERVER.rpartition(":")
        resolver.nameservers, resolver.port = [host], int(port)
    try:
        answer = resolver.resolve(dns_name(row.domain), "TXT", lifetime=5)
    except dns.exception.DNSException:
        return False
    records = {b"".join(record.strings).decode(errors="replace") for record in answer}
    return row.dns_token in records


@transaction.atomic
def bind_by_dns(connection: Connection, *, by: User | None, now: datetime) -> bool:
    """Tie the signed-in Workspace domain to this unit by a DNS record of this unit on that domain.

    Only a provider whose tenant is a domain (Google) can be bound this way: a Microsoft tenant's name in
    DNS says nothing about its id. Answers whether the record was found.
    """
    row = connection.domains.filter(domain=connection.tenant).first()
    if row is None or not dns_proves(row):
        return False
    Connection.objects.filter(pk=connection.pk).update(proof=Connection.Proof.DNS)
    connection.proof = Connection.Proof.DNS
    audit.record(connection.unit, "tenant.bound", connection, by=by, now=now, proof=connection.proof)
    return True
