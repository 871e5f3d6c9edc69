"""Who may call: every route but `OPEN` asks for one of the operator's API keys, where there are any.

Clients carry a key in different places, and any of them will do. What is in `Authorization` may be something else, as
the signature of the AWS clients, and is then no key. Neither keys nor what was taken for one appear in messages.
"""

import hashlib
import hmac
from collections.abc import Iterator, Sequence

from flask import Flask, Request, Response, request

from container.errors import Unauthenticated

# SageMaker's health check carries no key. All else is behind it: metrics tell who is served how much, and the
# documentation comes from the same server as the pictures. Browsers ask for the key, as a user name.
OPEN = ("/ping",)
CHALLENGES = ('Bearer realm="maskserve"', 'Basic realm="maskserve", charset="UTF-8"')


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


def register(app: Flask, keys: Keys) -> None:
    """Refuse what carries none of `keys`, before its body is read."""
    if not keys:
        return

    @app.before_request
    def admit() -> None:
        rule = request.url_rule.rule if request.url_rule else ""
        if rule in OPEN or _is_preflight(request):
            return
        if not any([keys.hold(key) for key in offered(request)]):
            raise Unauthenticated(
                "this server answers requests with an API key, and this one has none that it knows",
                hint="send it as Authorization: Bearer KEY, as X-Api-Key: KEY, or as ?api_key=KEY",
            )

    @app.after_request
    def challenge(response: Response) -> Response:
        if response.status_code == Unauthenticated.status:
            # One line each: browsers read only the first challenge of a line.
            response.headers.setlist("WWW-Authenticate", CHALLENGES)
        return response


def offered(request: Request) -> Iterator[str]:
    """Whatever a request may mean as a key: query, X-Api-Key, Bearer token, user name of HTTP Basic."""
    yield from request.args.getlist("api_key")
    yield request.headers.get("X-Api-Key", "")
    if not request.headers.get("Authorization", "").isascii():
        return  # no key, and werkzeug 3.1.9 raises ValueError for such a Basic
    authorization = request.authorization
    if authorization is not None and authorization.type == "bearer":
        yield authorization.token or ""
    if authorization is not None and authorization.type == "basic":
        yield authorization.username or ""


def _is_preflight(request: Request) -> bool:
    """A browser's question before a page's request, which never carries credentials; it reaches no view."""
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
