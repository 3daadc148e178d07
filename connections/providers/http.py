"""The one way out: a `requests` session with time-outs, careful retries, and a log of calls without secrets."""

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from statistics import median
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from .base import Throttled, Unreachable, Unreadable

log = logging.getLogger("convoke.providers")

# Parameters that are, or hold, secrets; everything else in an address may be read by support.
SECRET_PARAMETERS = {
    "access_token", "assertion", "client_secret", "code", "code_verifier", "id_token", "refresh_token", "state",
    "syncToken", "pageToken", "$deltatoken", "$skiptoken", "token",
}  # fmt: skip
DATES_KEPT = 9  # of the last answers, to measure the clock by
LONGEST_WISH = 24 * 3600.0  # seconds; a slip of the provider must not silence a connection for years
_log_lock = threading.Lock()


class ProviderSession(requests.Session):
    """A session that times out, gives up on broken connections after one more try, and logs each call."""

    def __init__(self, *, connection_id: str = ""):
        super().__init__()
        self.connection_id = connection_id
        self._ahead: deque[float] = deque(maxlen=DATES_KEPT)
        # A read is repeated once when the connection broke before an answer; a write never is.
        retry = Retry(total=1, status=0, backoff_factor=0.2, allowed_methods={"GET"}, raise_on_status=False)
        adapter = HTTPAdapter(max_retries=retry, pool_maxsize=settings.SYNC_THREADS)
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def request(self, method, url, *, log_scopes: Iterable[str] = (), **kwargs) -> requests.Response:
        kwargs.setdefault("timeout", (5, settings.PROVIDER_TIMEOUT_SECONDS))
        kwargs["allow_redirects"] = False  # no provider API answers with a redirect; a stranger might
        sent_at, started, status = time.time(), time.monotonic(), None
        try:
            response = super().request(method, url, **kwargs)
            self._measure(response, sent_at)
            status, url = response.status_code, response.request.url or url  # with its query
        except requests.RequestException as error:
            raise Unreachable(type(error).__name__) from None
        finally:
            self._log(method, url, log_scopes, status, time.monotonic() - started)
        return response

    @property
    def clock_skew(self) -> float | None:
        """How many seconds the provider's clock is ahead of ours (less than 0: behind); None before an answer.

        The middle of the last few: an answer that travelled long says little.
        """
        ahead = list(self._ahead)
        return median(ahead) if ahead else None

    def _measure(self, response: requests.Response, sent_at: float) -> None:
        """RFC 9110 §6.6.1: `Date` is when the answer was made, cut to a whole second."""
        try:
            made = parsedate_to_datetime(response.headers.get("Date", "")).timestamp() + 0.5
        except (TypeError, ValueError, OverflowError):
            return
        self._ahead.append(made - (sent_at + response.elapsed.total_seconds() / 2))

    def _log(self, method: str, url: str, scopes: Iterable[str], status: int | None, seconds: float) -> None:
        if not settings.PROVIDER_CALL_LOG:
            return
        line = json.dumps(
            {
                "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "method": method,
                "url": without_secrets(url),
                "scopes": sorted(scopes),
                "connection": self.connection_id,
                "status": status,
                "ms": round(seconds * 1000),
            }
        )
        with _log_lock, Path(settings.PROVIDER_CALL_LOG).open("a") as file:
            file.write(line + "\n")


def without_secrets(url: str) -> str:
    """The address with the values of secret parameters left out."""
    parts = urlsplit(url)
    query = [
        (name, "…" if name in SECRET_PARAMETERS else value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    return urlunsplit(parts._replace(query=urlencode(query, safe="…:/$")))


def retry_after_seconds(response: requests.Response) -> float | None:
    """RFC 9110 §10.2.3: seconds or a date, at most a day; None when absent or unreadable."""
    value = response.headers.get("Retry-After", "")
    try:
        wish = (
            float(value)
            if value.isdecimal()
            else (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        )
    except (TypeError, ValueError):
        return None
    return min(max(0.0, wish), LONGEST_WISH)


def json_of(response: requests.Response) -> dict:
    """The answer's JSON object. Raises Unreadable."""
    try:
        body = response.json()
    except ValueError:
        raise Unreadable("not JSON", status=response.status_code) from None
    if not isinstance(body, dict):
        raise Unreadable("not an object", status=response.status_code)
    return body


def raise_if_busy_or_down(response: requests.Response, code: str) -> None:
    """429 and 5xx mean the same for every provider."""
    if response.status_code == 429:
        raise Throttled(code, status=429, retry_after=retry_after_seconds(response))
    if response.status_code in {503, 504} and "Retry-After" in response.headers:
        raise Throttled(code, status=response.status_code, retry_after=retry_after_seconds(response))
    if response.status_code >= 500:
        raise Unreachable(code or "server error", status=response.status_code)
