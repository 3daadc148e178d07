"""What Microsoft's side keeps while the server runs: signing key, sign-in codes, calls under way, push."""

import secrets
import threading
import time
from dataclasses import dataclass, field

from ..people import Person, Tenant
from ..world import World
from .notifications import Notifications
from .tokens import Tokens
from .turns import Turns

CODE_SECONDS = 600


@dataclass
class SignIn:
    """What an authorization code stands for."""

    person: Person
    tenant: Tenant
    client_id: str
    redirect_uri: str
    scopes: list[str]
    nonce: str
    challenge: str
    made: float = field(default_factory=time.time)
    used: bool = False

    @property
    def expired(self) -> bool:
        """Codes live ten minutes of real time."""
        return time.time() > self.made + CODE_SECONDS


class Office:
    """`world.microsoft`: made once per server by `set_up`."""

    def __init__(self, world: World) -> None:
        self.tokens = Tokens(world)
        self.turns = Turns()
        self.notifications = Notifications(world)
        self._codes: dict[str, SignIn] = {}
        self._lock = threading.Lock()

    def new_code(self, sign_in: SignIn) -> str:
        """A code for the redirect back to the application."""
        code = f"0.A{secrets.token_urlsafe(48)}"
        with self._lock:
            self._codes[code] = sign_in
        return code

    def redeem(self, code: str) -> tuple[SignIn | None, bool]:
        """What the code stands for (None: nothing) and whether it was used before."""
        with self._lock:
            found = self._codes.get(code)
            before = bool(found and found.used)
            if found:
                found.used = True
            return found, before
