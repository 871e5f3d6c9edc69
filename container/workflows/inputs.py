"""What a request gives a workflow: pictures, decoded, and parameters, checked by the fields that take them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from container.errors import BadRequest, PayloadTooLarge, UnsupportedMediaType
from container.images.base import Limits, Pictures
from container.images.pixel_budget import PixelShare
from container.images.sources import beside, read_json, sources
from container.structures import Image
from container.workflows import kinds
from container.workflows.definition import Input, Selector, StepSpec, convert
from container.workflows.errors import WrongInput
from container.workflows.graph import PICTURES, Lineage, Plan, input_lineage
from container.workflows.values import Frame, Picture

MAX_PICTURES = 64
MAX_DEPTH = 100  # lists and objects of a parameter in each other
Index = tuple[int, ...]  # a number for each level of a lineage
Key = tuple[str, int | str | None]  # of a step's value: its field, and its index or key in a list or an object


@dataclass(frozen=True)
class Given:
    """The inputs of one run."""

    count: int  # of results: pictures of the request
    columns: Mapping[str, Mapping[Index, Any]]  # of each input that is no parameter: its value at each index
    domains: Mapping[Lineage, Sequence[Index]]  # the indices that there are
    parameters: Mapping[str, Any]  # as they were sent, or the default


Decode = Callable[[Callable[[Limits, PixelShare], Pictures]], Pictures]  # as Pipeline does it


def read_inputs(plan: Plan, given: Mapping[str, Any], decode: Decode) -> Given:
    """Return the inputs of a request; those that the workflow does not have are passed over.

    Raises WrongInput, and the errors of decoding that are none of the value's.
    """
    inputs = plan.definition.inputs.values()
    pictures: list[Image] = []
    columns: dict[str, dict[Index, Any]] = {}
    domains: dict[Lineage, Sequence[Index]] = {}
    for one in inputs:
        if one.type != "parameter":
            columns[one.name] = _column(one, given, pictures, decode)
    count = _count(columns)
    for name, column in columns.items():
        if len({index[0] for index in column}) == 1 and count > 1:
            columns[name] = {(i, *index[1:]): value for i in range(count) for index, value in column.items()}
    domains[PICTURES] = [(i,) for i in range(count)]
    for one in inputs:
        if one.depth > 1:
            for depth in range(2, one.depth + 1):
                lineage = input_lineage(plan.definition, one.name)[:depth]
                domains[lineage] = [*dict.fromkeys(index[:depth] for index in columns[one.name])]
    parameters = {one.name: given.get(one.name, one.default) for one in inputs if one.type == "parameter"}
    for name, value in parameters.items():
        _check_depth(name, value)
    return Given(count, columns, domains, parameters)


def bind(step: StepSpec, parameters: Mapping[str, Any]) -> dict[Key, Any]:
    """Return the values of the parameters that a step's fields name, converted; WrongInput."""
    bound: dict[Key, Any] = {}
    for one, key, part in step.parts():
        if not isinstance(part, Selector) or part.of != "inputs" or part.name not in parameters:
            continue
        value = parameters[part.name]
        if one.takes is not None:
            try:
                value = convert(one, value, part.name, one.takes.words)
            except ValueError as error:
                hint = f"it is {one.name} of step {step.name!r}"
                raise WrongInput(f"input {error}", step.fault(one.name), hint=hint) from None
        bound[one.name, key] = value
    return bound


def _check_depth(name: str, value: Any) -> None:
    """Raise WrongInput for a value that is nested deeper than outputs can be."""
    layer = [value]
    for _ in range(MAX_DEPTH):
        layer = [
            inner
            for each in layer
            if isinstance(each, list | dict)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not layer:
            return
    raise WrongInput(f"input {name} holds lists or objects in each other, over {MAX_DEPTH} deep")


def _count(columns: Mapping[str, dict[Index, Any]]) -> int:
    """Return how many pictures there are; WrongInput if inputs differ and are not one."""
    counts = {name: len({index[0] for index in column}) for name, column in columns.items()}
    several = {name: count for name, count in counts.items() if count != 1}
    if len(set(several.values())) > 1:
        told = ", ".join(f"{name} has {count}" for name, count in several.items())
        raise WrongInput(f"inputs have different numbers of values: {told}", hint="send as many of each, or one")
    return next(iter(several.values()), 1)


def _column(one: Input, given: Mapping[str, Any], pictures: list[Image], decode: Decode) -> dict[Index, Any]:
    value = given.get(one.name, one.default)
    if one.type == "video_metadata":
        return {(i,): each for i, each in enumerate(value if isinstance(value, list) and value else [value])}
    if value is None:
        raise WrongInput(f"input {one.name} is missing", hint="send it in `inputs`, or images={…} of the client")
    found: dict[Index, Any] = {}
    _spread(one.name, value if isinstance(value, list) else [value], one.depth, (), found)
    if kinds.IMAGE not in one.kinds:
        return found
    listed = isinstance(value, list)
    return {index: _picture(one.name, each, index if listed else (), pictures, decode) for index, each in found.items()}


def _spread(name: str, values: list[Any], depth: int, above: Index, found: dict[Index, Any]) -> None:
    if not values and not above:
        raise WrongInput(f"input {name} is an empty list")
    if len(values) > MAX_PICTURES and not above:
        raise PayloadTooLarge(f"input {name} holds {len(values)} values; at most {MAX_PICTURES} are allowed")
    for i, value in enumerate(values):
        if depth == 1:
            found[(*above, i)] = value
        elif isinstance(value, list):
            _spread(name, value, depth - 1, (*above, i), found)
        else:
            raise WrongInput(f"input {name} is no list of lists, {depth + len(above)} deep")


def _picture(name: str, value: Any, index: Index, pictures: list[Image], decode: Decode) -> Picture:
    """Return a picture, decoded unless it is; all of a request have together no more pixels than one may."""
    place = "".join(f".[{i}]" for i in index)
    if len(pictures) >= MAX_PICTURES:
        raise PayloadTooLarge(f"the inputs hold over {MAX_PICTURES} pictures")
    if isinstance(value, Image):
        return _taken(name + place, value, pictures)

    def read(limits: Limits, share: PixelShare) -> Pictures:
        limits = beside(pictures, limits)
        if isinstance(value, str) and value.startswith(("http://", "https://")):
            return sources["url"].read(value, limits, share)
        return read_json(value, limits, share)

    try:
        images = decode(read).images
    except (BadRequest, UnsupportedMediaType) as error:  # the picture's type, not the body's
        raise WrongInput(f"input {name}{place}: {error.message}", hint=error.hint) from None
    if len(images) != 1:
        raise WrongInput(f"input {name}{place} holds {len(images)} pictures", hint="send them as a list")
    return _taken(name + place, images[0], pictures)


def _taken(name: str, image: Image, pictures: list[Image]) -> Picture:
    pictures.append(image)
    return Picture(image.pixels, Frame(name, image.size))
