"""What a source is, and the table of all of them."""

from abc import ABC, abstractmethod

from container.errors import BadRequest
from container.images.limits import Limits
from container.registry import Registry
from container.structures import Image


class Source(ABC):
    """One way in which a value of a request gives pictures."""

    in_json = False  # whether {"type": its name, "value": "…"} may name it

    @abstractmethod
    def read(self, value: object, limits: Limits) -> list[Image]:
        """The pictures that `value` stands for; BadRequest where it is of the wrong kind."""


sources: Registry[Source] = Registry("source")


def wrong_kind(name: str, value: object, wanted: str) -> BadRequest:
    """The error for a value of a Python type that the source does not take."""
    return BadRequest(f"the value of {name!r} is {_JSON_NAMES.get(type(value), 'not readable')}; wanted: {wanted}")


_JSON_NAMES: dict[type, str] = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "an object",
    bytes: "raw bytes",
}
