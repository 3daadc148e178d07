"""Where an application may be sent back to: exact addresses, compared letter by letter. Pure.

RFC 9700 §2.1 and §4.1 ask for exact comparison, RFC 6749 §3.1.2 for an absolute URI without fragment, RFC 8252
§7.3 allows plain http to the machine of the developer.
"""

import re
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

MOST = 20
MOST_CHARACTERS = 500
_HOST = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*\Z"
)
_IPV6 = re.compile(r"\[[0-9a-f:.]+\](:\d+)?\Z")
_CHARACTERS = re.compile(
    r"[A-Za-z0-9\-._~:/?\[\]!$&'()+,;=%]*\Z"
)  # RFC 3986 without * @ #, which have their own words
_HERE = {"localhost", "127.0.0.1"}  # the developer's own machine


def lines_of(text: str) -> list[str]:
    """The addresses in what somebody typed, one a line; empty lines left out."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def problems(text: str, *, plain_http: bool) -> list[str]:
    """Everything that is wrong with the addresses in `text`, each with its line; nothing when all are good.

    `plain_http`: whether http to this machine is allowed, as in development.
    """
    found, seen = [], {}
    for number, line in enumerate(text.splitlines(), 1):
        uri = line.strip()
        if not uri:
            continue
        wrong = _problem(uri, plain_http=plain_http)
        if not wrong and uri in seen:
            wrong = _("the same address stands in line %(line)s.") % {"line": seen[uri]}
        seen.setdefault(uri, number)
        if wrong:
            found.append(_("Line %(line)s: %(wrong)s") % {"line": number, "wrong": wrong})
    if len(seen) > MOST:
        found.append(_("At most %(most)s addresses.") % {"most": MOST})
    return found[: MOST + 1]


def _problem(uri: str, *, plain_http: bool) -> str:
    """What is wrong with one address, the first thing only; empty when it is good."""
    if len(uri) > MOST_CHARACTERS:
        return _("at most %(most)s characters.") % {"most": MOST_CHARACTERS}
    if "*" in uri:
        return _("no wildcard: each address is written out.")
    if "#" in uri:
        return _("no fragment: leave out # and what follows.")
    try:
        parts = urlsplit(uri)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        return _("this is not an address of the web.")
    if not parts.scheme or not host:
        return _("write the whole address, starting with https://")
    if "@" in parts.netloc:
        return _("no user name or password in it.")
    if not _CHARACTERS.match(uri):
        return _("only letters without accents, digits and the signs of an address; write others as %XX.")
    if not (_HOST.match(parts.netloc.removesuffix(f":{port}")) or _IPV6.match(parts.netloc)):
        return _("the host is not written as hosts are: small letters, digits, dots and hyphens.")
    if parts.netloc.endswith(":") or port == 0:
        return _("the port is missing or wrong.")
    if {".", ".."} & set(parts.path.split("/")):
        return _("no . or .. as a step of the path.")
    if parts.scheme == "http" and uri.startswith("http:"):
        return "" if plain_http and host in _HERE else _only_https(plain_http)
    if parts.scheme != "https" or not uri.startswith("https:"):
        return _only_https(plain_http)
    return ""


def _only_https(plain_http: bool) -> str:
    if plain_http:
        return _("https only, or http to localhost or 127.0.0.1.")
    return _("https only. Plain http is for applications in development, on localhost.")


def origins(uris: list[str]) -> set[str]:
    """The hosts, with scheme and port, that addresses lead to."""
    return {f"{parts.scheme}://{parts.netloc}" for parts in map(urlsplit, uris)}
