"""--dry-run: a client whose changes are printed as JSON and not made. It knows no command and no service.

botocore checks a call's parameters before it fires `before-call`, and takes what a handler of that event returns for
the answer; so every call is checked as in earnest, and none needs a network or credentials.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError
from botocore.model import OperationModel, Shape

# Of environment variables, all in capitals, so that no parameter of AWS's is meant.
SECRET = re.compile("KEY|SECRET|TOKEN|PASSWORD")
HIDDEN = "(hidden)"
READS = ("Describe", "List", "Get", "Head", "BatchGet", "BatchCheck", "Filter", "Search", "Select")


def install(client: Any, show: Callable[[str], None], offline: bool) -> None:
    """Make every change that `client` is asked for a line to `show`; with `offline`, reads find nothing."""

    def remember(params: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["dry_run_parameters"] = params

    def answer(model: OperationModel, context: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]] | None:
        if model.name.startswith(READS):
            return (_Response(), nothing(model)) if offline else None
        show(line(model.service_model.service_name, model.name, context["dry_run_parameters"]))
        return _Response(), placeholder(model.output_shape, model.name)

    client.meta.events.register_last("before-parameter-build", remember)
    client.meta.events.register("before-call", answer)


def line(service: str, operation: str, parameters: Mapping[str, Any]) -> str:
    """One call as JSON, without the container's secrets."""
    call = {"service": service, "operation": operation, "parameters": _without_secrets(parameters)}
    return json.dumps(call, ensure_ascii=False, default=lambda value: f"({type(value).__name__})")


def _without_secrets(value: Any) -> Any:
    """The same, but for the values of environment variables whose names say that they are nobody's business."""
    if isinstance(value, Mapping):
        return {key: HIDDEN if SECRET.search(key) else _without_secrets(part) for key, part in value.items()}
    return [_without_secrets(part) for part in value] if isinstance(value, (list, tuple)) else value


def nothing(model: OperationModel) -> dict[str, Any]:
    """What a read answers in an empty account: empty lists, or an error that says there is no such thing."""
    members = model.output_shape.members if model.output_shape else {}
    lists = [name for name, shape in members.items() if shape.type_name == "list"]
    if lists and all(shape.type_name in ("list", "string", "boolean", "integer") for shape in members.values()):
        return {name: [] for name in lists}
    raise ClientError({"Error": {"Code": "ResourceNotFound", "Message": "dry run without credentials"}}, model.name)


def placeholder(shape: Shape | None, operation: str, depth: int = 0) -> Any:
    """An answer in the shape that the operation has; texts say that only the call itself can tell."""
    if shape is None or shape.type_name == "structure":
        members = shape.members if shape and depth < 4 else {}
        return {name: placeholder(member, operation, depth + 1) for name, member in members.items()}
    if shape.type_name == "string":
        return f"(known after {operation})"
    return {"list": [], "map": {}, "boolean": False}.get(shape.type_name, 0)


class _Response:
    status_code = 200
