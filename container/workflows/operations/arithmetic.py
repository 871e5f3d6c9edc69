"""Operations that give numbers, or true and false."""

import random
from dataclasses import dataclass
from typing import Any

from container.fields import Number, Word
from container.workflows import kinds
from container.workflows.operations.base import NUMBERS, Operation
from container.workflows.operations.nodes import Figure, member
from container.workflows.operations.scope import Scope, told
from container.workflows.values import Detections

MAX_NUMERAL = 400  # characters of a text that is read as a number
MAX_PLACES = 30  # decimal places


@dataclass(frozen=True)
class ToNumber(Operation, given=(kinds.STRING, kinds.BOOLEAN, *NUMBERS), gives=NUMBERS):
    """The number that a text, a number, true (1) or false (0) stands for; as int without what follows the point."""

    cast_to: str = member(Word(("int", "float")))

    def run(self, value: Any, scope: Scope) -> Any:
        if not isinstance(value, str | int | float):
            raise self.refusal(value, "a text, a number, true or false")
        if isinstance(value, str) and len(value) > MAX_NUMERAL:
            raise self.failure(f"takes texts of up to {MAX_NUMERAL} characters, and got {len(value)}")
        try:
            number = self.finite(float(value))
        except (ValueError, OverflowError):
            raise self.failure(f"got {told(value)}, which is no number") from None
        return self.finite(int(number)) if self.cast_to == "int" else number


@dataclass(frozen=True)
class NumberRound(Operation, given=NUMBERS, gives=NUMBERS):
    """The number with so many decimal places; -2 rounds to hundreds."""

    decimal_digits: int = member(Number(-MAX_PLACES, MAX_PLACES, whole=True))

    def run(self, value: Any, scope: Scope) -> Any:
        return round(self.number(value), self.decimal_digits)


@dataclass(frozen=True)
class Multiply(Operation, given=NUMBERS, gives=NUMBERS):
    """The number times another."""

    other: int | float = member(Figure())

    def run(self, value: Any, scope: Scope) -> Any:
        try:
            return self.finite(self.number(value) * self.other)
        except OverflowError:
            raise self.failure("would give a number that is too large") from None


@dataclass(frozen=True)
class Divide(Operation, given=NUMBERS, gives=(kinds.FLOAT,)):
    """The number divided by another."""

    other: int | float = member(Figure())

    def run(self, value: Any, scope: Scope) -> Any:
        try:
            return self.finite(self.number(value) / self.other)
        except ZeroDivisionError:
            raise self.failure(f"cannot divide {told(value)} by 0") from None
        except OverflowError:
            raise self.failure("would give a number that is too large") from None


@dataclass(frozen=True)
class RandomNumber(Operation, given=(kinds.ANY,), gives=(kinds.FLOAT,)):
    """A number by chance, from `min_value` on and below `max_value`, whatever the value is."""

    min_value: int | float = member(Figure(), default=0.0)
    max_value: int | float = member(Figure(), default=1.0)

    def run(self, value: Any, scope: Scope) -> Any:
        return self.min_value + random.random() * abs(self.max_value - self.min_value)


@dataclass(frozen=True)
class ToBoolean(Operation, given=(kinds.FLOAT, kinds.FRACTION, kinds.INTEGER), gives=(kinds.BOOLEAN,)):
    """False for 0, null and what is empty; else true."""

    def run(self, value: Any, scope: Scope) -> Any:
        if value is not None and not isinstance(value, int | float | str | list | tuple | dict | Detections):
            raise self.refusal(value, "a number, a text, a list, an object or detections")
        return bool(value)
