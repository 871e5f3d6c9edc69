"""OpenAPI: the `@operation` decorator that describes a route, and the document built from all of them."""

import base64
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from container import __version__
from container.web.protocol import Section
from container.web.site import Site

# Of examples, in base64: 96×96 pixels of a portrait by NASA, in the public domain. With it they work as they are.
PHOTO = base64.b64encode((Path(__file__).parent / "docs" / "photo.jpg").read_bytes()).decode()
NOT_OFFERED = Section("Not offered", "Routes that clients know and this server answers with 501", (), 99)
_UNNAMED_RANK = 70  # of routes in no section of their protocol

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


def path_parameter(name: str, example: str) -> dict[str, Any]:
    """Return a parameter of a route's path, with a value to begin with."""
    schema = {"type": "string", "minLength": 1}
    return {"in": "path", "name": name, "required": True, "schema": schema, "example": example}


def _parameters(rule: str, given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the parameters of an operation, those of its path first that it does not describe itself."""
    described = {one["name"] for one in given if one["in"] == "path"}
    schema = {"type": "string", "minLength": 1}
    missing = [name for name in _VARIABLE.findall(rule) if name not in described]
    return [{"in": "path", "name": name, "required": True, "schema": schema} for name in missing] + given


def describe(site: Site, locked: bool) -> dict[str, Any]:
    """Return the OpenAPI 3.0 document of every route with an `operation`; `locked`: the site requires an API key."""
    sections = _Sections(site)
    operations = sorted(_operations(site), key=sections.place)
    paths: dict[str, dict[str, Any]] = {}
    for path, method, described in operations:
        paths.setdefault(path, {})[method] = {"tags": [sections.of(path, described).name], **described}
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
        "tags": sections.tags(operations),
        "paths": paths,
        **({"components": components} if components else {}),
        **({"security": [{name: []} for name in _WAYS_TO_CARRY_A_KEY]} if locked else {}),
    }


Described = tuple[str, str, dict[str, Any]]  # the path, the method, the operation


def _operations(site: Site) -> Iterator[Described]:
    """Yield the operations of all routes that have one."""
    for rule in site.url_map.iter_rules():
        view = site.view_functions[rule.endpoint]
        if hasattr(view, "operation"):
            methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
            for method in methods:
                name = rule.endpoint.replace(".", "_") + (f"_{method.lower()}" if len(methods) > 1 else "")
                described = {"operationId": name, **view.operation}
                if parameters := _parameters(rule.rule, view.operation.get("parameters", [])):
                    described["parameters"] = parameters
                yield _VARIABLE.sub(r"{\1}", rule.rule), method.lower(), described


class _Sections:
    """The sections of all protocols, and which of them an operation is in."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._by_path = {
            path: (section, number)
            for protocol in site.protocols
            for section in protocol.sections
            for number, path in enumerate(section.paths)
        }

    def _fitting(self, path: str) -> tuple[Section, int]:
        """Return the section with the longest path at or above `path`, and the number of that path in it."""
        parts = path.split("/")
        for size in range(len(parts), 1, -1):
            if found := self._by_path.get("/".join(parts[:size])):
                return found
        return Section(self._site.owner(path).name.capitalize(), "", (), _UNNAMED_RANK), 0

    def of(self, path: str, described: dict[str, Any]) -> Section:
        """Return the section of an operation."""
        return NOT_OFFERED if NOT_OFFERED.name in described.get("tags", ()) else self._fitting(path)[0]

    def place(self, operation: Described) -> tuple[int, int, str]:
        """Return what operations are sorted by: section, path of the section, and their own path."""
        path, _, described = operation
        return self.of(path, described).rank, self._fitting(path)[1], path

    def tags(self, operations: list[Described]) -> list[dict[str, str]]:
        """Return the sections of operations in their order, as tags."""
        texts: dict[str, str] = {}
        for path, _, described in operations:
            section = self.of(path, described)
            texts[section.name] = texts.get(section.name) or section.description
        return [{"name": name, "description": text} for name, text in texts.items()]
