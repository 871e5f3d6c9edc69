"""The base class of protocols (paths, routes, errors, keys, limits) and the registry of all of them.

Each folder or file of container/protocols/ holds one protocol and registers it by name:

    class Echo(Protocol):
        name = "echo"
        prefixes = ("/echo",)

        def blueprints(self, services): ...

    protocols.add("echo", Echo)
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from flask import Blueprint, Request, Response

from container.errors import ServingError
from container.registry import Registry
from container.service import Services
from container.web.body import BodyLimits

KEY_PARAMETER = "api_key"  # of a query, with a key


@dataclass(frozen=True)
class Section:
    """A section of /docs, a tag in OpenAPI's words, with the routes at or below its paths."""

    name: str
    description: str  # one line; "" where another protocol has a section of that name, which these routes join
    paths: tuple[str, ...]  # in the order of reading, such as "/models/{name}"; the longest path that fits counts
    rank: int  # sections of all protocols are in this order


class Protocol:
    """An HTTP API that clients use; subclasses override the defaults below.

    Defaults: errors in Maskserve's own format, keys in headers and the query, the server's body limits.
    It is created from the server's Settings, before any model is loaded; ValueError names an invalid setting.
    """

    name: str
    # The protocol owns the paths at or below its prefixes, such as "/models". A prefix with variables, "/<a>/<b>", is a
    # catch-all: it excludes the paths at or below a fixed prefix of any protocol.
    prefixes: tuple[str, ...] = ()
    health_routes: tuple[str, ...] = ()  # need no key and are not logged: they are polled every few seconds
    open_routes: tuple[str, ...] = ()  # need no key
    key_field: str = ""  # field of the JSON body, on routes marked by `takes_json`, that may also hold a key
    # "//" in its paths: one slash, or data except right behind a fixed prefix; never redirected.
    doubled_slashes: Literal["one", "data"] = "one"
    request_id_headers: tuple[str, ...] = ()  # headers with the client's request id; they precede X-Request-Id
    exposed_headers: tuple[str, ...] = ()  # response headers that pages of other origins may read
    # Body limits by path, for bodies sent to that path of its own or below it; variables as in prefixes. All other
    # paths have the server's limits.
    body_limits: Mapping[str, BodyLimits] = {}
    sections: tuple[Section, ...] = ()  # of /docs, for its routes; others are in a section of the protocol's name
    example: str = ""  # a command that invokes the model, with {url} in it, printed when the server starts

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    def blueprints(self, services: Services) -> Iterable[Blueprint]:
        """Return its routes; those that begin with a variable, as /<a>/<b>, match last, whatever the method."""
        return ()

    def keys(self, request: Request) -> Iterator[str]:
        """Yield the candidate API keys of a request: query, X-Api-Key, Bearer token, user name of HTTP Basic."""
        yield from request.args.getlist(KEY_PARAMETER)
        yield request.headers.get("X-Api-Key", "")
        header = request.headers.get("Authorization", "")
        if not header.isascii():
            return  # not a key, and werkzeug 3.1.9 raises ValueError for non-ASCII HTTP Basic
        scheme, _, token = header.partition(" ")
        if scheme.lower() == "bearer":
            yield token.strip()  # werkzeug takes one with a = inside for parameters
        authorization = request.authorization
        if authorization is not None and authorization.type == "basic":
            yield authorization.username or ""

    def error_document(self, error: ServingError, request_id: str) -> Mapping[str, Any]:
        """Return the JSON document of an error, including errors that the server detects before routing."""
        return error_document(error, request_id)

    def error_body(self, error: ServingError, request_id: str) -> bytes:
        """Return that document as JSON."""
        return as_json(self.error_document(error, request_id))

    def error_response(self, error: ServingError, request_id: str) -> Response:
        """Return the response to an error; the error handler adds Retry-After and Allow where they apply."""
        return Response(self.error_body(error, request_id), error.status, content_type="application/json")

    def facts(self, services: Services) -> Mapping[str, Any]:
        """Return what the page at / has to know of it, members of GET /page/facts; never waits for a model to load."""
        return {}

    def components(self) -> Mapping[str, Any]:
        """Return its part of `components` in /openapi.json; its operations are attached to its views by `operation`."""
        return {}

    def close(self) -> None:
        """Stop its background work, once `services.draining` is set."""


def error_document(error: ServingError, request_id: str) -> dict[str, dict[str, str]]:
    """Return the document of an error in Maskserve's own format."""
    fields = {"code": error.code, "message": error.message, "hint": error.hint, "request_id": request_id}
    return {"error": {key: value for key, value in fields.items() if value}}


def as_json(document: Mapping[str, Any]) -> bytes:
    """Return the document of an error as one line of JSON."""
    return json.dumps(document, ensure_ascii=False).encode() + b"\n"


protocols: Registry[Callable[[Any], Protocol]] = Registry("protocol")
