"""GET and POST /PROJECT/VERSION: one picture as the body or by its address, options in the query."""

from typing import Any

from flask import Blueprint, Request, Response, g, request

from container.errors import BadRequest
from container.images.base import Limits, Pictures
from container.images.decode import check_bytes, decode, recognised
from container.images.pixel_budget import PixelShare
from container.images.sources import DEFAULT_SOURCE, sources
from container.protocols.roboflow import openapi
from container.protocols.roboflow.fields import from_query
from container.protocols.roboflow.inference import Asked, Read, infer
from container.protocols.roboflow.responses import answered
from container.service import Services
from container.web.body import read_body
from container.web.forms import MEDIA_TYPE, read_form
from container.web.openapi import operation

_FILE = "file"  # the part of a form that is the picture
_FORMATS = ("json", "image", "image_and_json")
_HINT = "send base64 or the file itself as the body, a form with the part `file`, or ?image=URL"


def add_routes(blueprint: Blueprint, services: Services) -> None:
    """Add the route that catches two segments, for a picture's address and for a picture."""
    addresses = sources["url"].available(services.pipeline.limits)
    for method, endpoint, what in (
        ("GET", "infer_by_address", "The address of a picture"),
        ("POST", "infer_by_path", "A picture"),
    ):
        described = openapi.inference_v0(addresses, body=method == "POST")

        @operation(f"{what} in; what the model PROJECT/VERSION finds, out", openapi.ANSWERS_V0, **described)
        def view(project: str, version: str) -> Response:
            asked = _asked(request, f"{project}/{version}")
            found = infer(asked, services, g.context)
            media_type = "application/json" if asked.document else "image/jpeg"
            return answered(found.bodies[0], media_type, asked.model_id, found.load_seconds)

        blueprint.add_url_rule("/<project>/<version>", endpoint, view, methods=[method], strict_slashes=False)


def _asked(request: Request, model_id: str) -> Asked:
    # The body first: a client that is refused while it sends sees a broken connection instead of the error.
    body, query = read_body(request), request.args
    fields = from_query(query)
    shape = query.get("format") or _FORMATS[0]
    if shape not in _FORMATS:
        raise BadRequest(f"format is {shape[:40]!r}; it takes {', '.join(_FORMATS)}")
    value, read = _picture(body, request)
    return Asked(model_id, fields, [value], read, document=shape != "image", picture=shape != "json")


def _picture(body: bytes, request: Request) -> tuple[Any, Read]:
    """Return the picture of a request and what reads it; BadRequest if there is none."""
    if address := request.args.get("image"):
        return address, sources["url"].read
    kind = request.args.get("image_type") or DEFAULT_SOURCE
    if kind != DEFAULT_SOURCE:
        raise BadRequest(f"image_type is {kind[:40]!r}; it takes {DEFAULT_SOURCE}", hint=_HINT)
    if request.mimetype == MEDIA_TYPE:
        files = {file.name: file.data for file in read_form(body, request.content_type or "").files}
        if _FILE not in files:
            names = ", ".join(map(repr, list(files)[:10])) or "none"
            raise BadRequest(
                f"the form has no file `{_FILE}`; its files: {names[:100]}", hint="curl -F file=@photo.jpg"
            )
        body = files[_FILE]
    if not body.strip():
        raise BadRequest("the request has no picture", hint=_HINT)
    return body, _read


def _read(body: bytes, limits: Limits, share: PixelShare) -> Pictures:
    """Read a file, or base64 whatever Content-Type says: the client calls it JSON, and curl a form."""
    if not recognised(body):
        return sources[DEFAULT_SOURCE].read(body, limits, share)
    check_bytes(len(body), limits)
    return Pictures([decode(body, limits, share)])
