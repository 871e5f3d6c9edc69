"""Routes of the client's other methods, which this server does not offer: each says so with 501."""

import re
from contextlib import suppress

from flask import Blueprint, Response, request

from container.errors import BadRequest, NotOffered
from container.protocols.roboflow import openapi
from container.web.body import read_json, takes_json
from container.web.openapi import NOT_OFFERED, operation

# Path → what it is for, with a verb.
_PATHS = {
    "/sam3": "Segment Anything 3 is",
    "/sam3_3d": "Segment Anything 3D is",
    "/perception_encoder": "the perception encoder is",
    "/yolo_world": "YOLO-World is",
    "/owlv2": "OWLv2 is",
    "/grounding_dino": "Grounding DINO is",
    "/infer/depth-estimation": "depth estimation is",
    "/infer/embeddings": "embeddings are",
    "/infer/action_recognition": "recognition of actions is",
    "/inference_pipelines": "video pipelines are",
    "/initialise_webrtc_worker": "video over WebRTC is",
    "/webrtc": "video over WebRTC is",
}
_METHODS = ("GET", "POST")
PREFIXES = tuple(path for path in _PATHS if not path.startswith("/infer/"))


def add_routes(blueprint: Blueprint) -> None:
    """Add the routes at and below each path."""

    def add(rule: str, what: str) -> None:
        @operation(f"Not offered: {what} answered with 501", openapi.UNAVAILABLE, tags=[NOT_OFFERED.name])
        @takes_json()
        def view(**_: str) -> Response:
            with suppress(BadRequest):  # read: a client that is refused while it sends sees a broken connection
                read_json(request)
            raise NotOffered(f"{what} not offered by this server")

        endpoint = "unavailable" + re.sub(r"\W", "_", rule)
        blueprint.add_url_rule(rule, endpoint, view, methods=list(_METHODS), strict_slashes=False)

    for path, what in _PATHS.items():
        add(path, what)
        add(f"{path}/<path:rest>", what)
