"""The page at /, its files below /page/, and what it has to know of the server: GET /page/facts.

Programs that ask for / get JSON, as Roboflow's client does.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from flask import Blueprint, Response, current_app, jsonify, request

from container import __version__
from container.engines.base import Engine, ImageEngine
from container.rendering.palette import palettes
from container.service import Services
from container.structures import Options
from container.web.assets import Assets
from container.web.openapi import operation
from container.web.site import Site

OPEN_ROUTES = ("/", "/page/<path:name>")  # need no key: they hold no data
_FILES = Path(__file__).parent.parent / "page"
_POLICY = {
    # data: is for icons of the style sheet, blob: for photos that were dropped, and for the camera
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Permissions-Policy": "camera=(self)",
}
# What the page has to know of protocols that are not served.
_NO_PROTOCOL: Mapping[str, Any] = {
    "invoke": None,
    "models": [],
    "endpoint": None,
    "defaults": {},
    "workflow": False,
    "roboflow": False,
    "workflows": False,
    "sam": [],
    "store": False,
}


def create_blueprint(services: Services) -> Blueprint:
    """Return the blueprint of /, /page/NAME and /page/facts."""
    blueprint, assets = Blueprint("page", __name__), Assets(_FILES)

    @blueprint.get("/")
    @operation("The page, for browsers; where to read on, for programs", _ROOT_ANSWERS)
    def root() -> Response:
        accept = request.accept_mimetypes
        if accept.quality("text/html") > accept.quality("application/json"):
            response = files("index.html")
        else:
            response = jsonify(name="Maskserve", version=__version__, docs="/docs")
        response.vary.add("Accept")
        return response

    @blueprint.get("/page/<path:name>")
    def files(name: str) -> Response:
        response = assets.response(name, request)
        response.headers.update(_POLICY)
        return response

    @blueprint.get("/page/facts")
    @operation("What the page has to know: state, model, limits, and what else there is", _FACTS, parameters=[_MODEL])
    def facts() -> Response:
        return jsonify(_facts(cast(Site, current_app), services, request.args.get("model", "")))

    return blueprint


def _facts(site: Site, services: Services, name: str) -> dict[str, Any]:
    """Return the facts, those of a model by its name or of the first; ModelNotFound. Never waits for a load."""
    pool = services.pool
    health, reason = pool.health()
    told = dict(_NO_PROTOCOL)
    for protocol in site.protocols:
        told |= protocol.facts(services)
    loaded = [slot.key for slot in pool.list() if slot.state == "ready"]
    key = pool.policy.find(name) if name else pool.policy.served or next(iter(loaded), "")
    told["invoke"] = next((model["invoke"] for model in told["models"] if model["name"] == key), told["invoke"])
    engine = pool.peek(key)
    return {
        "name": "Maskserve",
        "version": __version__,
        "state": "stopping" if services.draining.is_set() else health,
        "message": reason,
        "device": pool.device,
        "model": _described(engine) if engine is not None else None,
        **told,
        "limits": {
            "body_bytes": site.body_limits(f"/{told['invoke']}").max_bytes,
            "pixels": services.pipeline.limits.max_pixels,
        },
        "palettes": palettes(),
    }


def _described(engine: Engine[Any, Any]) -> dict[str, Any]:
    """Return what a model is and what it finds; options that it does not have are null."""
    image_engine = engine if isinstance(engine, ImageEngine) else None
    own = image_engine.own_options if image_engine else Options()
    return {
        "name": engine.spec.name,
        "task": engine.task,
        "kind": image_engine.finds if image_engine else engine.task,
        "labels": image_engine.names if image_engine else (),
        "activation": engine.spec.activation,
        "confidence": own.confidence,
        "iou_threshold": own.iou_threshold,
        "max_detections": own.max_detections,
        "max_candidates": own.max_candidates,
    }


_ROOT_ANSWERS = {
    "200": {
        "description": "The page; else the server's name and version, and the path of this API as a page",
        "content": {"application/json": {"schema": {"type": "object"}}, "text/html": {}},
    }
}
_FACTS = {
    "200": {
        "description": "`state` is loading, ready, failed or stopping; `model` is null while none is loaded",
        "content": {"application/json": {"schema": {"type": "object", "required": ["state", "model", "limits"]}}},
    },
    "404": {"description": "No such model is loaded"},
}
_MODEL = {"in": "query", "name": "model", "schema": {"type": "string"}, "description": "One of a multi-model endpoint"}
