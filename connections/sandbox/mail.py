"""The mail that came in: one JSON line for each message in the sandbox's home, so that a restart finds it."""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

KEPT = 5_000


@dataclass(frozen=True)
class Mail:
    """One message as it was handed over. `sender` and `recipients` are the envelope's, not the headers'."""

    id: str
    at: float  # epoch seconds, the real clock
    sender: str
    recipients: list[str]
    raw: str  # the whole message in base64

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(base64.b64decode(self.raw), policy=policy.default)

    @property
    def subject(self) -> str:
        return str(self.message["Subject"] or "")

    @property
    def text(self) -> str:
        """The part that people read; empty when there is none."""
        part = self.message.get_body(("plain", "html"))
        return part.get_content().replace("\r\n", "\n") if part else ""


class MailStore:
    """Everything that came in, the oldest first. Safe to use from several threads."""

    def __init__(self, home: Path) -> None:
        self._file = home / "mail.jsonl"
        self._lock = threading.Lock()
        self._mails: list[Mail] = []
        if self._file.exists():
            self._mails = [Mail(**json.loads(line)) for line in self._file.read_text().splitlines()][-KEPT:]

    def keep(self, sender: str, recipients: list[str], raw: bytes) -> Mail:
        """Take a message in; only the newest 5,000 stay in memory."""
        mail = Mail(
            secrets.token_hex(8),
            time.time(),
            sender.lower(),
            [one.lower() for one in recipients],
            base64.b64encode(raw).decode(),
        )
        with self._lock:
            self._mails = [*self._mails, mail][-KEPT:]
            with self._file.open("a") as file:
                file.write(json.dumps(asdict(mail)) + "\n")
        return mail

    def to(self, address: str = "") -> list[Mail]:
        """What came for this address, or for anybody; the oldest first."""
        with self._lock:
            return [mail for mail in self._mails if not address or address.lower() in mail.recipients]

    def one(self, address: str, mail_id: str) -> Mail | None:
        return next((mail for mail in self.to(address) if mail.id == mail_id), None)

    def addresses(self) -> list[tuple[str, int]]:
        """Who has mail and how many, who got the newest one first."""
        found: Counter[str] = Counter()
        for mail in reversed(self.to()):
            found.update(mail.recipients)
        return list(found.items())

    def clear(self) -> None:
        with self._lock:
            self._mails = []
            self._file.unlink(missing_ok=True)
