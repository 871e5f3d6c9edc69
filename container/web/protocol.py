"""What a protocol is: its paths, routes, errors, keys and limits, and the table of those that there are.

A folder or a file of container/protocols/ holds one and registers it by its own name:

    class Echo(Protocol):
        name = "echo"
        prefixes = ("/echo",)

        def blueprints(self, services): ...

    protocols.add("echo", Echo)
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

from flask import Blueprint, Request, Response

from container.errors import ServingError
from container.registry import Registry
from container.service import Services
from container.web.body import BodyLimits


class Protocol:
    """A language that clients speak over HTTP. What a subclass leaves out is as here: errors in Maskserve's own shape,
    keys in headers and the query, the server's limits.

    It is made of the server's Settings, before any model; ValueError names the setting that is wrong.
    """

    name: str
    # Paths at or below them are the protocol's: "/models". With variables, "/<a>/<b>", it is a catch-all: whatever lies
    # at or below a fixed prefix, of any protocol, is none of it.
    prefixes: tuple[str, ...] = ()
    health_routes: tuple[str, ...] = ()  # answered without a key, and not logged: they are asked every few seconds
    open_routes: tuple[str, ...] = ()  # answered without a key
    key_field: str = ""  # of the JSON body of a route that is marked by `takes_json`: where a key may lie as well
    doubled_slashes: Literal["one", "data"] = "one"  # what "//" in its paths is; neither ever redirects
    request_id_headers: tuple[str, ...] = ()  # in which its clients name a request, before X-Request-Id
    exposed_headers: tuple[str, ...] = ()  # that the pages of other origins may read
    # Of bodies that are sent to these paths of its own or below them, variables as in prefixes; elsewhere the server's.
    body_limits: Mapping[str, BodyLimits] = {}
    example: str = ""  # a command that asks the model, with {url} in it, shown when the server starts

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    def blueprints(self, services: Services) -> Iterable[Blueprint]:
        """Its routes. Those that begin with a variable, as /<a>/<b>, lose to all others, whatever the method."""
        return ()

    def keys(self, request: Request) -> Iterator[str]:
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

    def error_document(self, error: ServingError, request_id: str) -> Mapping[str, Any]:
        """The JSON of an error, also of one that the server finds before any route is looked for."""
        return error_document(error, request_id)

    def error_response(self, error: ServingError, request_id: str) -> Response:
        """The answer to an error; Retry-After and Allow are added where they belong."""
        body = as_json(self.error_document(error, request_id))
        return Response(body, error.status, content_type="application/json")

    def components(self) -> Mapping[str, Any]:
        """Its part of `components` in /openapi.json; its operations stand on its views, by `operation`."""
        return {}

    def close(self) -> None:
        """End what it runs in the background, once `services.draining` is set."""


def error_document(error: ServingError, request_id: str) -> dict[str, dict[str, str]]:
    """An error in Maskserve's own shape."""
    fields = {"code": error.code, "message": error.message, "hint": error.hint, "request_id": request_id}
    return {"error": {key: value for key, value in fields.items() if value}}


def as_json(document: Mapping[str, Any]) -> bytes:
    """An error's document on one line."""
    return json.dumps(document, ensure_ascii=False).encode() + b"\n"


protocols: Registry[Callable[[Any], Protocol]] = Registry("protocol")
