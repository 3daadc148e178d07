"""Log lines: each names its request, and none holds what opens something."""

import logging

from orgunits.origin import request_id


class LogFilter(logging.Filter):
    """Puts the request's id on each log line, takes links' tokens out of it, and keeps it one line.

    A link that opens something (hand-off, invitation, first run) carries its token in the path, and Django
    logs the paths of refused requests.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        request = getattr(record, "request", None)
        record.request_id = getattr(request, "id", "") or request_id() or "-"
        message = record.getMessage()
        match = getattr(request, "resolver_match", None)
        if match is not None and match.kwargs.get("token"):
            message = message.replace(match.kwargs["token"], "…")
        record.msg, record.args = message.replace("\r", "\\r").replace("\n", "\\n"), ()
        return True
