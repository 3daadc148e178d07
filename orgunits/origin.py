"""Where acts come from, and the id of the request. It travels beside the arguments, since no verb depends on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

JOB = "job"  # as AuditEvent.Origin has it: what is neither a page nor support

_origin: ContextVar[tuple[str, str]] = ContextVar("origin", default=(JOB, ""))


@contextmanager
def coming_from(origin: str, request_id: str = "") -> Iterator[None]:
    """Whatever is recorded inside comes from `origin`, a code of AuditEvent.Origin."""
    token = _origin.set((origin, request_id))
    try:
        yield
    finally:
        _origin.reset(token)


def current() -> tuple[str, str]:
    """The origin and the id of the request in hand; "job" and nothing in jobs and commands."""
    return _origin.get()


def request_id() -> str:
    """The id of the request in hand; empty in jobs and commands."""
    return _origin.get()[1]
