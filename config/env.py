"""Settings from the environment, with errors that say what is missing and what it is for."""

import os
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured


def env(name: str, default: str = "") -> str:
    """The value of `name`, or of the file that `NAME_FILE` names (as container secrets are mounted)."""
    if path := os.environ.get(f"{name}_FILE"):
        return Path(path).read_text().strip()
    return os.environ.get(name, default).strip()


def env_required(name: str, purpose: str) -> str:
    """The value of `name`; without it the start stops and says what it is for."""
    value = env(name)
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. {purpose} See .env.example.")
    return value


def env_https(name: str) -> str:
    """An https address without a slash at the end, or nothing."""
    value = env(name).rstrip("/")
    parts = urlsplit(value)
    if value and (parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment):
        raise ImproperlyConfigured(f"{name} must be an https address, not {value!r}. See .env.example.")
    return value


def env_bool(name: str, default: bool = False) -> bool:
    """1, true, yes, on or 0, false, no, off."""
    value = env(name).lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}.")


def env_int(name: str, default: int) -> int:
    """A whole number."""
    value = env(name)
    try:
        return int(value) if value else default
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from None


def env_date(name: str) -> date | None:
    """A day, written 2027-01-31; None when it is not set."""
    value = env(name)
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a day like 2027-01-31, not {value!r}.") from None


def env_list(name: str, default: str = "") -> list[str]:
    """Values separated by commas."""
    return [part.strip() for part in env(name, default).split(",") if part.strip()]
