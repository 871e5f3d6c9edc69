"""Who may call: callers with an API key, where the operator has set any, and the web pages of the operator's origins.

Every route that its protocol does not open asks for a key.
Clients carry a key in different places, and any of them will do. What is in `Authorization` may be something else, as
the signature of the AWS clients, and is then no key. Neither keys nor what was taken for one appear in messages.

Health checks carry no key. All else is behind it: metrics tell who is served how much, and the documentation comes from
the same server as the pictures. Browsers ask for the key, as a user name.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence

from flask import Request, Response, request
from flask_cors import CORS

from container.errors import BadRequest, Unauthenticated
from container.web.body import read_json
from container.web.protocol import Protocol
from container.web.site import Site

CHALLENGES = ('Bearer realm="maskserve"', 'Basic realm="maskserve", charset="UTF-8"')
_PREFLIGHT_SECONDS = 600  # for which a browser may remember what it was told


class Keys:
    """API keys, compared in a time that tells nothing of them."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._digests = [_digest(key) for key in keys]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def hold(self, offered: str) -> bool:
        """Whether `offered` is one of them; compares it with each, so that the time does not say which."""
        digest = _digest(offered)
        return any([hmac.compare_digest(digest, one) for one in self._digests])


def require_key(site: Site, keys: Keys) -> None:
    """Refuse what carries none of `keys`, before its body is read; but a key may lie in the body of some routes."""
    if not keys:
        return
    open_routes = site.health_routes | {route for protocol in site.protocols for route in protocol.open_routes}

    @site.before_request
    def admit() -> None:
        rule = request.url_rule.rule if request.url_rule else ""
        if rule in open_routes or _is_preflight(request):
            return
        protocol = site.owner(request.path)
        if any([keys.hold(key) for key in protocol.keys(request)]) or keys.hold(_key_in_body(site, protocol)):
            return
        hint = "send it as Authorization: Bearer KEY, as X-Api-Key: KEY, or as ?api_key=KEY"
        raise Unauthenticated(
            "this server answers requests with an API key, and this one has none that it knows",
            hint=f"{hint}, or as {protocol.key_field} in the JSON body" if protocol.key_field else hint,
        )

    @site.after_request
    def challenge(response: Response) -> Response:
        if response.status_code == Unauthenticated.status:
            # One line each: browsers read only the first challenge of a line.
            response.headers.setlist("WWW-Authenticate", CHALLENGES)
        return response


def _key_in_body(site: Site, protocol: Protocol) -> str:
    """The key in a JSON body, "" where there is none or the route takes no JSON; errors of `read_body`."""
    max_parts = getattr(site.view_functions.get(request.endpoint or ""), "max_json_parts", None)
    if not protocol.key_field or max_parts is None:
        return ""
    try:
        document = read_json(request, max_parts)
    except BadRequest:
        return ""
    key = document.get(protocol.key_field) if isinstance(document, dict) else None
    return key if isinstance(key, str) else ""


def allow_origins(site: Site, origins: Sequence[str]) -> None:
    """Let the pages of `origins` ask and read answers; "*" is every page."""
    if origins:
        CORS(
            site,
            # The library takes brackets, as in http://[::1]:3000, for a pattern.
            origins=[origin if origin == "*" else re.compile(re.escape(origin) + r"\Z") for origin in origins],
            methods=["GET", "POST"],
            expose_headers=[
                *(name for protocol in site.protocols for name in protocol.exposed_headers),
                "X-Request-Id",
                "Retry-After",
            ],
            max_age=_PREFLIGHT_SECONDS,
            send_wildcard=True,
            always_send=False,
            intercept_exceptions=False,  # errors are answered by handlers of ours, and so pass here anyway
        )


def _is_preflight(request: Request) -> bool:
    """A browser's question before a page's request, which never carries credentials; it reaches no view."""
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
