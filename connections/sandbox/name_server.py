"""A tiny DNS server over UDP: it answers TXT questions from the world's records, all else with NXDOMAIN."""

from __future__ import annotations

import logging
import socket
import threading

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from .world import World

log = logging.getLogger(__name__)
TIME_TO_LIVE = 1


def answer(world: World, question: bytes) -> bytes | None:
    """The answer to one DNS message; None when it is not a question at all."""
    try:
        asked = dns.message.from_wire(question)
    except dns.exception.DNSException:
        return None
    if not asked.question:
        return None
    reply = dns.message.make_response(asked, recursion_available=True)
    reply.flags |= dns.flags.AA
    one = asked.question[0]
    texts = world.dns.get(one.name.to_text(omit_final_dot=True).lower())
    if texts is None:
        reply.set_rcode(dns.rcode.NXDOMAIN)
    elif one.rdtype == dns.rdatatype.TXT:
        quoted = [" ".join(f'"{part}"' for part in _parts(text)) for text in texts]
        reply.answer.append(
            dns.rrset.from_text(one.name, TIME_TO_LIVE, dns.rdataclass.IN, dns.rdatatype.TXT, *quoted)
        )
    return reply.to_wire()


def _parts(text: str) -> list[str]:
    """A TXT string holds at most 255 bytes: longer texts become several."""
    safe = text.replace("\\", "\\\\").replace('"', '\\"')
    return [safe[i : i + 250] for i in range(0, len(safe), 250)] or [""]


def serve(world: World, host: str, port: int) -> None:
    """Answer on this UDP address from a daemon thread, as long as the process lives."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_DGRAM)
    listener.bind((host, port))

    def run() -> None:
        while True:
            question, caller = listener.recvfrom(4096)
            try:
                reply = answer(world, question)
                if reply:
                    listener.sendto(reply, caller)
            except Exception:
                log.exception("a DNS question could not be answered")

    threading.Thread(target=run, name="sandbox-dns", daemon=True).start()
