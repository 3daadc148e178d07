"""Tokens that Entra issues: app-only access tokens, ID tokens, and reading what a caller presents.

All are JWTs signed RS256 with the sandbox's key; issuers are Microsoft's real ones, which a portal compares with.
"""

import hashlib
import uuid

import jwt

from ..keys import SigningKey
from ..mailboxes import digest
from ..people import Person, Tenant
from ..world import World
from .people import object_id

GRAPH = "https://graph.microsoft.com"
LIFETIME_SECONDS = 3599
# Role templates in the `wids` claim: everybody has the second, the administrator also the first.
GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
ORDINARY_USER = "b79fbf4d-3ef9-4689-8143-76b194e85509"


class TokenRefused(Exception):
    """The access token cannot be used; the text is Graph's message."""


class Tokens:
    """Issues and reads tokens with the signing key in the world's home folder."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.key = SigningKey(world.home, "microsoft")

    def app_token(self, tenant: Tenant, client_id: str, name: str, roles: list[str]) -> str:
        """An app-only access token for Graph. Without roles the claim is left out, as Entra does."""
        claims = self._times() | {
            "aud": GRAPH,
            "iss": f"https://sts.windows.net/{tenant.id}/",
            "app_displayname": name,
            "appid": client_id,
            "appidacr": "1",
            "idtyp": "app",
            "oid": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{tenant.id}|{client_id}")),
            "tid": tenant.id,
            "ver": "1.0",
        }
        if roles:
            claims["roles"] = sorted(roles)
        return self.key.sign(claims)

    def user_token(self, person: Person, tenant: Tenant, client_id: str, scopes: list[str]) -> str:
        """A delegated access token: it names a person and carries `scp`, no roles."""
        return self.key.sign(
            self._times()
            | {
                "aud": GRAPH,
                "iss": f"https://sts.windows.net/{tenant.id}/",
                "appid": client_id,
                "idtyp": "user",
                "oid": object_id(person.id),
                "scp": " ".join(scopes),
                "tid": tenant.id,
                "upn": person.email,
                "ver": "1.0",
            }
        )

    def id_token(self, person: Person, tenant: Tenant, client_id: str, nonce: str, scopes: list[str]) -> str:
        """The ID token of a sign-in. `email` is there only for people whose account has one."""
        oid = object_id(person.id)
        claims = self._times() | {
            "aud": client_id,
            "iss": f"https://login.microsoftonline.com/{tenant.id}/v2.0",
            "oid": oid,
            "preferred_username": person.email,
            "rh": "0.sandbox",
            "sub": hashlib.sha256(f"{oid}|{client_id}".encode()).hexdigest()[:43],
            "tid": tenant.id,
            "ver": "2.0",
            "wids": [ORDINARY_USER],
        }
        if self._world.is_administrator(person):
            claims["wids"].insert(0, GLOBAL_ADMINISTRATOR)
        if nonce:
            claims["nonce"] = nonce
        if "profile" in scopes:
            claims["name"] = person.name
        if "email" in scopes and has_email_claim(person):
            claims["email"] = person.email
        changed = self._world.faults.hit("id_token_claims", client_id, person.email)
        if changed:
            claims |= changed.get("claims", {})
        return self.key.sign({name: value for name, value in claims.items() if value is not None})

    def read(self, token: str) -> dict:
        """The claims of an access token for Graph. Raises TokenRefused."""
        try:
            claims = jwt.decode(
                token,
                self.key.public_key(),
                algorithms=["RS256"],
                audience=GRAPH,
                options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )
        except jwt.InvalidAudienceError as error:
            raise TokenRefused("Access token validation failure. Invalid audience.") from error
        except jwt.PyJWTError as error:
            raise TokenRefused("CompactToken parsing failed with error code: 80049217") from error
        now = self._world.token_time()
        if claims["exp"] < now or claims["nbf"] > now + 300:
            raise TokenRefused("Lifetime validation failed, the token is expired.")
        return claims

    def _times(self) -> dict[str, int | str]:
        now = int(self._world.token_time())
        return {"iat": now, "nbf": now, "exp": now + LIFETIME_SECONDS, "uti": uuid.uuid4().hex[:22]}


def has_email_claim(person: Person) -> bool:
    """Whether this account has the `email` claim: a quarter of the people have none (a rule, always the same)."""
    return digest(f"{person.id}|no email claim")[0] % 4 != 0
