"""Colours as values of fields."""

from dataclasses import dataclass
from typing import Any

from container.rendering import colors
from container.rendering.palette import Color

MAX_LENGTH = 60  # characters of a colour's text


@dataclass(frozen=True)
class OneColor:
    """A colour, as a text or as [red, green, blue]; blocks get three numbers."""

    words = colors.WORDS

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema."""
        part = {"type": "integer", "minimum": 0, "maximum": 255}
        parts = {"type": "array", "items": part, "minItems": 3, "maxItems": 3}
        return {"anyOf": [{"type": "string", "maxLength": MAX_LENGTH}, parts]}

    def convert(self, value: object) -> Color:
        """Return a colour; ValueError if it is none."""
        if isinstance(value, str) and len(value) <= MAX_LENGTH:
            try:
                return colors.parse_color(value)
            except ValueError:
                raise ValueError from None
        if isinstance(value, list | tuple) and len(value) == 3:
            red, green, blue = value
            if all(type(part) is int and 0 <= part <= 255 for part in value):
                return red, green, blue
        raise ValueError


@dataclass(frozen=True)
class SomeColors:
    """A list of colours; blocks get a tuple of three numbers each."""

    words = f'a list of up to {colors.MAX_COLORS} colours, such as ["#ff0000", "rgb(0, 0, 255)", "orange"]'

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema."""
        return {"type": "array", "items": OneColor().schema, "maxItems": colors.MAX_COLORS}

    def convert(self, value: object) -> tuple[Color, ...]:
        """Return the colours; ValueError, which says which one is none."""
        if not isinstance(value, list | tuple) or len(value) > colors.MAX_COLORS:
            raise ValueError
        found = []
        for i, one in enumerate(value):
            try:
                found.append(OneColor().convert(one))
            except ValueError:
                raise ValueError(f"entry {i + 1}, {str(one)[:MAX_LENGTH]!r}, is not {OneColor.words}") from None
        return tuple(found)
