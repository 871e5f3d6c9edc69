"""Rules for URLs that may be fetched, checked on their text alone."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from container.errors import BadRequest, setting_name

_MAX_LENGTH = 2048  # characters
_TEXT = re.compile(r"[!-\[\]-~]+")  # printable ASCII without the backslash, which some parsers treat as a slash
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*")


@dataclass(frozen=True)
class Target:
    """The host, port and path of a URL."""

    host: str  # lower case
    port: int
    path: str  # with its query


def target(url: str, hosts: tuple[str, ...]) -> Target:
    """Parse an https URL; BadRequest if its form or its host is not allowed."""
    if len(url) > _MAX_LENGTH or not _TEXT.fullmatch(url):
        raise BadRequest(f"the URL is empty, over {_MAX_LENGTH} characters, or holds other than printable ASCII")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError as error:
        raise BadRequest("the URL cannot be read; wanted: https://host/path") from error
    if parts.scheme != "https":
        raise BadRequest(f"the URL begins with {parts.scheme[:20]!r}; allowed: https")
    if "@" in parts.netloc:
        raise BadRequest("the URL holds a user name or a password; neither is allowed")
    if port not in (None, 443):
        raise BadRequest(f"the URL names port {port}; allowed: 443")
    if not _listed(host, hosts):
        raise BadRequest(f"the host {host[:80]!r} of the URL is not one of those allowed ({setting_name('url_hosts')})")
    return Target(host, 443, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def _listed(host: str, hosts: tuple[str, ...]) -> bool:
    """Return True if the list holds the host itself or a suffix of its name; addresses must be listed in full."""
    allowed = [entry.lower() for entry in hosts]
    if host in allowed and not host.startswith("."):
        return True
    is_name = bool(_NAME.fullmatch(host)) and not re.fullmatch(r"(0x[0-9a-f]*|[0-9]+)", host.rpartition(".")[2])
    return is_name and any(entry.startswith(".") and host.endswith(entry) for entry in allowed)
