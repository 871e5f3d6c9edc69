"""AWS's own rules for names and values, read from botocore's service models, so that they age with boto3 and not here.

botocore itself checks types, lengths and ranges, but no pattern and no enumeration.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session
import click
from botocore.model import Shape
from botocore.validate import ParamValidator

from deploy.errors import DeployError

# Grow faster than anybody updates boto3: an unknown value may well be right.
OPEN_ENUMS = ("ProductionVariantInstanceType", "TransformInstanceType", "ProductionVariantInferenceAmiVersion")


@cache
def service(name: str) -> Any:
    """botocore's model of a service."""
    return botocore.session.get_session().get_service_model(name)


class Shaped(click.ParamType[str]):
    """An option whose value must be what a shape of a service allows: `Shaped("sagemaker", "EndpointName")`."""

    name = "text"

    def __init__(self, service_name: str, shape: str) -> None:
        self._service, self._shape = service_name, shape

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        for problem in problems(service(self._service).shape_for(self._shape), str(value)):
            self.fail(problem, param, ctx)
        return str(value)


def check(service_name: str, operation: str, parameters: Mapping[str, Any]) -> None:
    """DeployError that lists all that the service's model says against the parameters of a call."""
    shape = service(service_name).operation_model(operation).input_shape
    report = ParamValidator().validate(parameters, shape)
    found = [report.generate_report()] if report.has_errors() else list(problems(shape, parameters))
    if found:
        raise DeployError(f"{operation} would be refused: " + "; ".join(found))


def problems(shape: Shape, value: Any, where: str = "") -> Iterator[str]:
    """Texts about every value that is too long, or not what its pattern or enumeration allows."""
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            if name in value:
                yield from problems(member, value[name], f"{where}.{name}".lstrip("."))
    elif shape.type_name == "list":
        for i, element in enumerate(value):
            yield from problems(shape.member, element, f"{where}[{i}]")
    elif shape.type_name == "map":
        for key, element in value.items():
            yield from problems(shape.key, key, f"{where} {key}")
            yield from problems(shape.value, element, f"{where}.{key}")
    elif shape.type_name == "string":
        yield from (f"{where or shape.name} {value!r} {text}" for text in _against(shape, value))


def _against(shape: Shape, value: str) -> Iterator[str]:
    longest, pattern = shape.metadata.get("max"), shape.metadata.get("pattern", "")
    if longest is not None and len(value) > longest:
        yield f"has {len(value)} characters; {longest} are allowed"
    # \p{…} is not known to Python's `re`; it stands in the patterns of free texts such as tags.
    elif pattern and r"\p" not in pattern and not re.fullmatch(pattern, value):
        yield f"does not match {pattern}"
    if shape.enum and shape.name not in OPEN_ENUMS and value not in shape.enum:
        yield f"is none of {', '.join(shape.enum)}"
