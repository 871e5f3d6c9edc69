"""Access control: API keys, if the operator has set any, and CORS for the web pages of the operator's origins.

Every route requires a key unless its protocol lists it as open.
Clients send a key in different places, and each of them is accepted. `Authorization` may hold something else, such as
the signature of the AWS clients; that is not treated as a key. Messages contain neither keys nor rejected candidates.

Health checks need no key. Metrics and documentation do: metrics reveal how much each client uses the server, and the
documentation comes from the same server as the images. Browsers prompt for the key, entered as a user name, but for
requests of scripts.
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
_PREFLIGHT_SECONDS = 600  # how long a browser may cache a preflight response


class Keys:
    """A set of API keys with constant-time comparison."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._digests = [_digest(key) for key in keys]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def hold(self, offered: str) -> bool:
        """Return True if `offered` is one of the keys; compares with all, so that timing does not reveal which."""
        digest = _digest(offered)
        return any([hmac.compare_digest(digest, one) for one in self._digests])


def require_key(site: Site, keys: Keys) -> None:
    """Reject requests without one of `keys` before their body is read.

    If a route takes JSON and its protocol has a `key_field`, the body is read as the last place to look for a key.
    """
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
            # One header line per challenge: browsers read only the first challenge of a line.
            challenges = CHALLENGES[:1] if _asks_itself(request) else CHALLENGES
            response.headers.setlist("WWW-Authenticate", challenges)
        return response


def _key_in_body(site: Site, protocol: Protocol) -> str:
    """Return the key in a JSON body, or "" if it has none or the route takes no JSON.

    Raises the errors of `read_body`, except BadRequest.
    """
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
    """Allow web pages of `origins` to send requests and read responses (CORS); "*" allows every page."""
    if origins:
        CORS(
            site,
            # The library treats brackets, as in http://[::1]:3000, as a pattern.
            origins=[origin if origin == "*" else re.compile(re.escape(origin) + r"\Z") for origin in origins],
            methods=["GET", "POST"],
            expose_headers=[
                *(name for protocol in site.protocols for name in protocol.exposed_headers),
                "X-Request-Id",
                "Retry-After",
                "Server-Timing",
            ],
            max_age=_PREFLIGHT_SECONDS,
            send_wildcard=True,
            always_send=False,
            intercept_exceptions=False,  # our error handlers respond to errors, so that they pass through here anyway
        )


def _asks_itself(request: Request) -> bool:
    """Return True for a request of a script, whose page asks for the key itself: for Basic, the browser would.

    Browsers send Sec-Fetch-Dest over HTTPS and to their own machine only; our page says it in another header, too.
    """
    return request.headers.get("Sec-Fetch-Dest") == "empty" or "X-Requested-With" in request.headers


def _is_preflight(request: Request) -> bool:
    """Return True for a CORS preflight request, which never carries credentials and reaches no view."""
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
