"""The mail server: takes every message by SMTP, keeps it, and hands nothing on."""

from __future__ import annotations

from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from .world import World

FAULTS = {
    "mail_refused": "The mail server refuses the recipient for good: 550 and `words`.",
    "mail_deferred": "The mail server refuses the recipient for now: 451 and `words`.",
    "mail_lost_answer": "The mail server keeps the message, and ends the connection before it says so.",
}
LARGEST_BYTES = 10 * 1024 * 1024


class Handler:
    """What aiosmtpd asks at each step of a conversation."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def handle_RCPT(  # noqa: N802 aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refused = self.world.faults.hit("mail_refused", address)
        if refused:
            return f"550 5.1.1 {refused.get('words', 'Nobody here has this address')}"
        deferred = self.world.faults.hit("mail_deferred", address)
        if deferred:
            return f"451 4.7.1 {deferred.get('words', 'Try again later')}"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content: Any = envelope.content
        self.world.mail.keep(envelope.mail_from or "", list(envelope.rcpt_tos), bytes(content))
        if self.world.faults.hit("mail_lost_answer", *envelope.rcpt_tos):
            server.transport.abort()
        return "250 Kept"


def serve(world: World, host: str, port: int) -> None:
    """Take mail on this address from a daemon thread, as long as the process lives. OSError: it is taken."""
    Controller(
        Handler(world),
        hostname=host,
        port=port,
        server_hostname="sandbox.example",
        data_size_limit=LARGEST_BYTES,
        enable_SMTPUTF8=True,
        ready_timeout=10,
    ).start()
