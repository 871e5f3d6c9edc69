"""Workflows over HTTP: run, by specification or by name, validated and described.

Members of a body that nobody knows are passed over. So are those that a server without sinks and accounts has no use
for: use_cache, disable_sinks, is_preview and debug.
"""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, g, request

from container.errors import MAX_SHOWN, BadRequest
from container.protocols.roboflow import workflow_openapi as openapi
from container.protocols.roboflow.fields import TYPES, WrongType
from container.service import Services
from container.structures.strict_json import dump, join_array, join_object
from container.web.body import read_json, takes_json
from container.web.openapi import operation
from container.workflows import describe
from container.workflows.executor import Profile
from container.workflows.graph import Plan, compile_workflow
from container.workflows.interface import (
    VERSIONS,
    defaults_of,
    describe_interface,
    dynamic_outputs,
    inputs_of,
    kinds_of_outputs,
)
from container.workflows.named import Library, Listed
from container.workflows.run import run_workflow

_MAX_NAME = 200  # characters of a workflow's name that are logged
_NAMED = "/<workspace>/workflows/<workflow_id>"

Document = dict[str, Any]


def add_routes(blueprint: Blueprint, services: Services, library: Library, profiling: bool) -> None:
    """Add all routes; with `profiling`, requests may ask for the times of steps."""
    _add_runs(blueprint, services, library, profiling)
    _add_named(blueprint, library)
    _add_descriptions(blueprint)


def _add_runs(blueprint: Blueprint, services: Services, library: Library, profiling: bool) -> None:
    def answer(document: Document, name: str, plan: Callable[[], Plan]) -> Response:
        """Compile and run a workflow."""
        inputs = _member(document, "inputs", dict)
        excluded = _excluded(document)
        wanted = _member(document, "enable_profiling", bool, False) and profiling
        profile, context = Profile(), g.context
        context.fields |= {"workflow": name[:_MAX_NAME]} if name else {}
        with profile.span("workflow_compilation", "compilation"):
            compiled = plan()
        context.fields |= {"steps": len(compiled.steps)}
        outcome = run_workflow(compiled, inputs, services, context, profile, excluded)
        context.fields |= {"pictures": len(outcome.bodies), "stages_ms": context.rounded()}
        trace = dump(profile.events if wanted else [])
        body = join_object({"outputs": join_array(outcome.bodies), "profiler_trace": trace})
        return Response(body, content_type="application/json")

    @operation("Run a workflow by its specification", openapi.RAN, requestBody=openapi.RUN)
    @takes_json()
    def workflow_run() -> Response:
        document = _body()
        specification = _member(document, "specification", dict)
        name = _member(document, "workflow_id", str, "")
        return answer(document, name, lambda: compile_workflow(specification))

    @operation(
        "Run a workflow by its name, in any workspace",
        openapi.RAN,
        requestBody=openapi.RUN_NAMED,
        parameters=openapi.NAMED_PATH,
    )
    @takes_json()
    def workflow_run_named(workspace: str, workflow_id: str) -> Response:
        document = _body()
        version = _member(document, "workflow_version_id", str, "")
        return answer(document, workflow_id, lambda: library.plan(workflow_id, version))

    for rule, view in (
        ("/workflows/run", workflow_run),
        ("/infer/workflows", workflow_run),
        (_NAMED, workflow_run_named),
        ("/infer/workflows/<workspace>/<workflow_id>", workflow_run_named),
    ):
        old = "_old" if rule.startswith("/infer") else ""
        blueprint.add_url_rule(rule, view.__name__ + old, view, methods=["POST"], strict_slashes=False)


def _add_named(blueprint: Blueprint, library: Library) -> None:
    @blueprint.get("/workflows", strict_slashes=False)
    @operation("The workflows that have names", openapi.LISTED)
    def workflows_listed() -> Response:
        return _json({"workflows": [_row(one) for one in library.listed()]})

    @blueprint.post(f"{_NAMED}/describe_interface", strict_slashes=False)
    @operation(
        "What a named workflow takes and gives",
        openapi.INTERFACES_NAMED,
        requestBody=openapi.INTERFACE_NAMED,
        parameters=openapi.NAMED_PATH,
    )
    @takes_json()
    def workflow_interface_named(workspace: str, workflow_id: str) -> Response:
        version = _member(_body(), "workflow_version_id", str, "")
        return _json(describe_interface(library.plan(workflow_id, version)))


def _add_descriptions(blueprint: Blueprint) -> None:
    @blueprint.post("/workflows/validate", strict_slashes=False)
    @operation("Check the specification that the body is", openapi.VALIDATED, requestBody=openapi.VALIDATE)
    @takes_json()
    def workflow_validate() -> Response:
        compile_workflow(read_json(request))
        return _json({"status": "ok"})

    @blueprint.post("/workflows/describe_interface", strict_slashes=False)
    @operation("What a workflow takes and gives", openapi.INTERFACES, requestBody=openapi.INTERFACE)
    @takes_json()
    def workflow_interface() -> Response:
        return _json(describe_interface(compile_workflow(_member(_body(), "specification", dict))))

    @blueprint.get("/workflows/blocks/describe", strict_slashes=False)
    @operation("The blocks that steps may be of", openapi.DESCRIBED)
    def workflow_blocks() -> Response:
        return _json(describe.describe())

    @blueprint.post("/workflows/blocks/describe", strict_slashes=False)
    @operation("The blocks that an engine of some version has", openapi.DESCRIBED, requestBody=openapi.DESCRIBE)
    @takes_json()
    def workflow_blocks_of_version() -> Response:
        try:
            document = read_json(request)
        except BadRequest:  # editors need an answer whatever they send
            document = None
        version = document.get("execution_engine_version") if isinstance(document, dict) else None
        return _json(describe.describe(version))

    @blueprint.post("/workflows/blocks/dynamic_outputs", strict_slashes=False)
    @operation("The outputs of the step that the body is", openapi.OUTPUTS, requestBody=openapi.STEP)
    @takes_json()
    def workflow_outputs() -> Response:
        return _json(dynamic_outputs(_body()))

    @blueprint.get("/workflows/definition/schema", strict_slashes=False)
    @operation("The JSON schema of specifications", openapi.SCHEMA)
    def workflow_schema() -> Response:
        return _json({"schema": describe.definition_schema()})

    @blueprint.get("/workflows/execution_engine/versions", strict_slashes=False)
    @operation("The versions of specifications that are understood", openapi.VERSIONS)
    def workflow_versions() -> Response:
        return _json({"versions": VERSIONS})


def _json(document: Any) -> Response:
    """Return the response with a document, members in their order."""
    return Response(dump(document), content_type="application/json")


def _body() -> Document:
    """Return the JSON object that a request carries; BadRequest if it is none."""
    document = read_json(request)
    if not isinstance(document, dict):
        raise BadRequest("the JSON body is no object", hint='such as {"inputs": {"image": …}, "specification": {…}}')
    return document


def _member(document: Document, name: str, kind: type, default: Any = None) -> Any:
    """Return a member of a body, `default` for null; WrongType for another type, or if it is missing without one."""
    value = document.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, kind):
        wrong = "missing" if value is None else ascii(value)[:MAX_SHOWN]
        raise WrongType(f"{name} of the JSON body is {wrong}; it takes {TYPES[kind]}", name, value)
    return value


def _excluded(document: Document) -> list[str]:
    """Return the names of outputs to leave out; WrongType for anything but texts."""
    names: list[Any] = _member(document, "excluded_fields", list, [])
    for name in names:
        if not isinstance(name, str):
            raise WrongType("excluded_fields of the JSON body takes names of outputs", "excluded_fields", names)
    return names


def _row(one: Listed) -> dict[str, Any]:
    if one.plan is None:
        return {"name": one.name, "error": one.error}
    return {
        "name": one.name,
        "inputs": inputs_of(one.plan),
        "defaults": defaults_of(one.plan),
        "outputs": kinds_of_outputs(one.plan),
    }
