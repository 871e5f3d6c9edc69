"""What this server does not offer: every route while there is no store, and with one those that are in no table."""

from flask import Blueprint, Request, Response, request

from container.errors import NotOffered
from container.protocols.nucleus import openapi
from container.protocols.nucleus.names import PREFIX
from container.web.openapi import NOT_OFFERED, operation

_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")


def add_routes(blueprint: Blueprint, setting: str) -> None:
    """Add a route for every path; `setting` is what would turn the others on."""

    @operation(
        "Not offered: this server keeps no datasets and predictions", openapi.UNAVAILABLE, tags=[NOT_OFFERED.name]
    )
    def view(**_: str) -> Response:
        raise NotOffered(f"this server keeps no datasets and predictions; {setting} names a folder for them")

    blueprint.add_url_rule(PREFIX, "unavailable", view, methods=_METHODS)
    blueprint.add_url_rule(f"{PREFIX}/<tail:rest>", "unavailable_below", view, methods=_METHODS)


def add_look_alikes(blueprint: Blueprint) -> None:
    """Add the client's routes that are not here and look like one of those that are, with a name for an id."""

    def view() -> Response:
        raise unlisted(request)

    blueprint.add_url_rule(f"{PREFIX}/dataset/create_from_project", "look_alike", view, methods=["POST"])


def unlisted(request: Request) -> NotOffered:
    """Return the error for a request whose route is in no table: a user of the client sees what is missing."""
    return NotOffered(f"not implemented: {request.method[:20]} {request.path.removeprefix(f'{PREFIX}/')[:200]}")
