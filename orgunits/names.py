"""How names sort and how addresses compare, computed in Python so that every PostgreSQL gives the same order."""

import unicodedata


def sort_key(text: str) -> str:
    """`text` without case and accents, for sorting and paging: "Éva" stands beside "eva"."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))[:200]


def normal_address(address: str) -> str:
    """An e-mail address as it is compared here: trimmed and in lower case.

    RFC 5321 lets the part before the @ be case-sensitive; no provider we connect treats it so.
    """
    return address.strip().lower()


def domain_of(address: str) -> str:
    """The mail domain of an address, in lower case; empty when there is none."""
    return normal_address(address).rpartition("@")[2] if "@" in address else ""
