"""The values that a field of a record takes, declared once: the check, the words, the JSON schema and the table cell.

`Options`, `Settings` and `Hyperparameters` declare their fields with these. Values are JSON values, or are parsed from
text for the environment, the command line and SageMaker's hyperparameters.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MAX_SHOWN = 60  # characters of a wrong value that an error repeats
MAX_NAMES = 1000
_UNNAMEABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # control characters, and halves of pairs


def comma_list(text: str) -> tuple[str, ...]:
    """Return the parts of a text with commas between them, trimmed, without empty ones."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


@dataclass(frozen=True)
class Number:
    """Numbers from `low` to `high`; whole ones only, if `whole`; without `low` itself, if `above`."""

    low: float = float("-inf")
    high: float = float("inf")
    whole: bool = False
    above: bool = False

    def fits(self, value: float) -> bool:
        """Return True for a number in the range."""
        return (self.low < value if self.above else self.low <= value) and value <= self.high

    def convert(self, value: object) -> float:
        """Return a JSON value as int or float; ValueError if it is no number, or none of these."""
        if not isinstance(value, int | float) or isinstance(value, bool) or not self.fits(value):
            raise ValueError
        if self.whole and value != int(value):
            raise ValueError
        return int(value) if self.whole else float(value)

    def parse(self, text: str) -> float:
        """Return the number that `text` is, of any size; ValueError if it is none."""
        return int(text) if self.whole else float(text)

    @property
    def noun(self) -> str:
        """The kind of number."""
        return "a whole number" if self.whole else "a number"

    @property
    def range(self) -> str:
        """The range in words, such as "0 to 1" or "1 or more"; empty if there is none."""
        if self.high < float("inf"):
            return f"{self.low:g} to {self.high:g}"
        if self.low == float("-inf"):
            return ""
        return f"more than {self.low:g}" if self.above else f"{self.low:g} or more"

    @property
    def words(self) -> str:
        """The numbers in words, such as "a number from 0 to 1"."""
        if self.high < float("inf"):
            return f"{self.noun} from {self.range}"
        return f"{self.noun} of {self.range}" if self.range else self.noun

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema."""
        limits = {"minimum": self.low, "maximum": self.high}
        finite = {name: limit for name, limit in limits.items() if abs(limit) < float("inf")}
        return {"type": "integer" if self.whole else "number", **finite}

    @property
    def cell(self) -> str:
        """The range in a table."""
        return self.range if self.high == float("inf") else f"{self.low:,g} to {self.high:,g}"


@dataclass(frozen=True)
class Flag:
    """True or false; as text, also 1 and 0."""

    words = "true or false"
    cell = "true, false"

    def fits(self, value: bool) -> bool:
        """Return True: both do."""
        return True

    def convert(self, value: object) -> bool:
        """Return a JSON value; ValueError if it is neither."""
        if not isinstance(value, bool):
            raise ValueError
        return value

    def parse(self, text: str) -> bool:
        """Return the value of `text`; ValueError if it is neither."""
        try:
            return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
        except KeyError:
            raise ValueError from None

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema."""
        return {"type": "boolean"}


@dataclass(frozen=True)
class Word:
    """One of some words."""

    allowed: tuple[str, ...]

    def fits(self, value: str) -> bool:
        """Return True for one of the words."""
        return value in self.allowed

    def convert(self, value: object) -> str:
        """Return a JSON value; ValueError if it is none of the words."""
        if value not in self.allowed:
            raise ValueError
        return str(value)

    def parse(self, text: str) -> str:
        """Return the text; see `fits`."""
        return text

    @property
    def words(self) -> str:
        """The words, as in JSON."""
        return "one of " + ", ".join(map(json.dumps, self.allowed))

    @property
    def range(self) -> str:
        """The words as a list."""
        return ", ".join(self.allowed[:-1]) + " or " + self.allowed[-1]

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema."""
        return {"type": "string", "enum": [*self.allowed]}

    @property
    def cell(self) -> str:
        """The words in a table; the empty one comes last, as the default."""
        return ", ".join(f"`{word}`" if word else '`""`' for word in sorted(self.allowed, key=lambda word: not word))


@dataclass(frozen=True)
class Names:
    """A list of names of classes, or a single one; as text, with commas between them."""

    words = 'a list of class names, such as ["person", "dog"]'
    cell = "names"

    def fits(self, value: tuple[str, ...]) -> bool:
        """Return True: any names do."""
        return True

    def convert(self, value: object) -> tuple[str, ...]:
        """Return a JSON value as a tuple; ValueError if it is neither a string nor a list of strings."""
        if isinstance(value, str):
            return (value,)
        if not isinstance(value, list) or len(value) > MAX_NAMES or not all(isinstance(one, str) for one in value):
            raise ValueError
        return tuple(value)

    def parse(self, text: str) -> tuple[str, ...]:
        """Return the trimmed names in `text`."""
        return comma_list(text)

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema."""
        name = {"type": "string", "format": "label", "description": "The name of one of the model's classes"}
        return {"anyOf": [name, {"type": "array", "items": name}]}


@dataclass(frozen=True)
class Name:
    """A text of up to `most` characters, none of which is a control character; the empty one stands for none."""

    most: int

    @property
    def words(self) -> str:
        """The texts in words."""
        return f"a text of up to {self.most} characters"

    @property
    def cell(self) -> str:
        """The texts in a table."""
        return f"up to {self.most} characters"

    def fits(self, value: str) -> bool:
        """Return True for such a text."""
        return len(value) <= self.most and not _UNNAMEABLE.search(value)

    def convert(self, value: object) -> str:
        """Return a JSON value; ValueError if it is no such text."""
        if not isinstance(value, str) or not self.fits(value):
            raise ValueError
        return value

    def parse(self, text: str) -> str:
        """Return the text; see `fits`."""
        return text

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema."""
        return {"type": "string", "maxLength": self.most, "pattern": r"^[^\x00-\x1f\x7f-\x9f]*$"}


@dataclass(frozen=True)
class Text:
    """Texts for which `matches` returns True, in the words `range`; by default any."""

    range: str = ""
    matches: Callable[[str], bool] = lambda text: True

    def fits(self, value: str) -> bool:
        """Return True for a text that matches."""
        return self.matches(value)

    def parse(self, text: str) -> str:
        """Return the text; see `fits`."""
        return text

    @property
    def words(self) -> str:
        """The texts in words; see `range`."""
        return self.range


def each(pattern: str) -> Callable[[str], bool]:
    """Whether every part of a comma-separated setting matches; a setting that has no parts must be empty."""
    return lambda text: not text or bool(parts := comma_list(text)) and all(re.fullmatch(pattern, p) for p in parts)


DEVICE = Text("auto, cpu, cuda or cuda:N", lambda text: re.fullmatch(r"auto|cpu|cuda(:[0-9]{1,3})?", text) is not None)
# What a Bearer token may consist of (RFC 6750). Eight of it, so that neither a client's "None" nor a slip is a key.
KEYS = Text("keys of 8 to 200 of the characters A-Z a-z 0-9 - . _ ~ + / =", each(r"[A-Za-z0-9._~+/=-]{8,200}"))
ORIGINS = Text(
    "origins in lower case as https://app.example.com or http://localhost:3000, without a path, or *",
    each(r"\*|https?://([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(:[0-9]{1,5})?"),
)
URL = Text(
    "an address as https://masks.example.com or http://localhost:8080/below, without a / at its end",
    lambda text: not text or re.fullmatch(r"https?://[^\s/?#]+(/[^\s/?#]+)*", text) is not None,
)
DATABASE = Text(
    "an address as postgresql://USER:PASSWORD@HOST:PORT/NAME",
    lambda text: not text or re.fullmatch(r"postgres(ql)?://\S+", text) is not None,
)
DATASET = Text(
    "a name of up to 200 printable characters", lambda text: len(text) <= 200 and (not text or text.isprintable())
)


@dataclass(frozen=True)
class Declared:
    """One option of a request: what it takes, its default as it stands in a table, and its meaning.

    Null stands for the default of the model, if `nullable`.
    """

    takes: Number | Flag | Word | Names | Name
    default: str
    doc: str
    nullable: bool = False

    def check(self, name: str, value: object) -> Any:
        """Return the converted JSON value of option `name`; ValueError in one line."""
        if value is None and self.nullable:
            return None
        try:
            return self.takes.convert(value)
        except ValueError:
            shown = json.dumps(value)
            shown = shown if len(shown) <= MAX_SHOWN else shown[:MAX_SHOWN] + "…"
            raise ValueError(f"{name} is {shown}; it takes {self.takes.words}") from None

    def parse(self, name: str, text: str) -> Any:
        """Return the value of option `name` from a text, as in a query; ValueError in one line."""
        try:
            value: Any = self.takes.parse(text)
        except ValueError:
            value = text
        return self.check(name, list(value) if isinstance(value, tuple) else value)

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema, in the dialect of OpenAPI 3.0."""
        schema = self.takes.schema
        if not self.nullable:
            return schema
        if "anyOf" in schema:
            return {"anyOf": [{**schema["anyOf"][0], "nullable": True}, *schema["anyOf"][1:]]}
        return {**schema, "nullable": True, **({"enum": [*schema["enum"], None]} if "enum" in schema else {})}

    @property
    def text_schema(self) -> dict[str, Any]:
        """The JSON schema of its text, as in a query; see `parse`."""
        flag = {"type": "string", "enum": ["true", "false", "1", "0"]}
        return flag if isinstance(self.takes, Flag) else self.takes.schema

    def row(self, name: str) -> str:
        """Return the row of option `name` in a Markdown table."""
        return f"| `{name}` | {self.takes.cell} | {self.default} | {self.doc} |"
