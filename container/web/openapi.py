"""OpenAPI: the `@operation` decorator that describes a route, and the document built from all of them."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from container import __version__
from container.web.site import Site

_VARIABLE = re.compile(r"<(?:\w+:)?(\w+)>")  # of a route's path

View = TypeVar("View", bound=Callable[..., Any])

_WAYS_TO_CARRY_A_KEY = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "header": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    "query": {"type": "apiKey", "in": "query", "name": "api_key"},
}


def operation(summary: str, responses: dict[str, Any], **rest: Any) -> Callable[[View], View]:
    """Attach an OpenAPI operation to a view: `summary`, `responses` by status, and other members verbatim."""

    def describe(view: View) -> View:
        view.operation = {"summary": summary, "responses": responses, **rest}  # type: ignore[attr-defined]  # functions accept attributes
        return view

    return describe


def _parameters(rule: str, given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the parameters of an operation, those of its path first that it does not describe itself."""
    described = {one["name"] for one in given if one["in"] == "path"}
    schema = {"type": "string", "minLength": 1}
    missing = [name for name in _VARIABLE.findall(rule) if name not in described]
    return [{"in": "path", "name": name, "required": True, "schema": schema} for name in missing] + given


def describe(site: Site, locked: bool) -> dict[str, Any]:
    """Return the OpenAPI 3.0 document of every route with an `operation`; `locked`: the site requires an API key."""
    paths: dict[str, dict[str, Any]] = {}
    for rule in site.url_map.iter_rules():
        view = site.view_functions[rule.endpoint]
        if hasattr(view, "operation"):
            path = _VARIABLE.sub(r"{\1}", rule.rule)
            methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
            for method in methods:
                name = rule.endpoint.replace(".", "_") + (f"_{method.lower()}" if len(methods) > 1 else "")
                described = {"operationId": name, **view.operation}
                if parameters := _parameters(rule.rule, view.operation.get("parameters", [])):
                    described["parameters"] = parameters
                paths.setdefault(path, {})[method.lower()] = described
    components: dict[str, dict[str, Any]] = {"securitySchemes": _WAYS_TO_CARRY_A_KEY} if locked else {}
    for protocol in site.protocols:
        for kind, members in protocol.components().items():
            components[kind] = {**components.get(kind, {}), **members}
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "Maskserve",
            "version": __version__,
            "description": "Image segmentation on SageMaker's serving contract.",
        },
        "paths": dict(sorted(paths.items())),
        **({"components": components} if components else {}),
        **({"security": [{name: []} for name in _WAYS_TO_CARRY_A_KEY]} if locked else {}),
    }
