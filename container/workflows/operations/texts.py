"""Operations that take a text, or give one."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from container.fields import Number
from container.workflows import kinds
from container.workflows.operations.base import Operation
from container.workflows.operations.nodes import MAX_FIGURE, member
from container.workflows.operations.patterns import MAX_TEXT, SECONDS, Pattern, found
from container.workflows.operations.scope import Scope

TEXT = (kinds.STRING,)
PLACE = Number(-MAX_FIGURE, MAX_FIGURE, whole=True)  # of a character


@dataclass(frozen=True)
class StringToLowerCase(Operation, given=TEXT, gives=TEXT):
    """The text in small letters."""

    def run(self, value: Any, scope: Scope) -> Any:
        text = self.text(value)
        scope.spend(len(text))
        return text.lower()


@dataclass(frozen=True)
class StringToUpperCase(Operation, given=TEXT, gives=TEXT):
    """The text in capital letters."""

    def run(self, value: Any, scope: Scope) -> Any:
        text = self.text(value)
        scope.spend(len(text))
        return text.upper()


@dataclass(frozen=True)
class StringSubSequence(Operation, given=TEXT, gives=TEXT):
    """The characters from `start` on, up to `end` without it; numbers below 0 count from the end."""

    start: int = member(PLACE, default=0)
    end: int = member(PLACE, default=-1)

    def run(self, value: Any, scope: Scope) -> Any:
        text = self.text(value)
        scope.spend(len(text))
        return text[self.start : self.end]


@dataclass(frozen=True)
class StringMatches(Operation, given=TEXT, gives=(kinds.BOOLEAN,)):
    """True if a regular expression matches somewhere in the text."""

    regex: Any = member(Pattern())

    def run(self, value: Any, scope: Scope) -> Any:
        text = self.text(value)
        if len(text) > MAX_TEXT:
            raise self.failure(f"takes texts of up to {MAX_TEXT:,} characters, and got {len(text):,}")
        scope.spend(len(text))
        scope.check()
        try:
            return found(self.regex, text)
        except (TimeoutError, MemoryError, RecursionError):
            raise self.failure(f"found no end within {SECONDS} s; take a simpler expression") from None


@dataclass(frozen=True)
class ToString(Operation, given=(kinds.ANY,), gives=TEXT):
    """The value as a text: true is “True”, null is “None”, and lists and objects are written as Python does."""

    def run(self, value: Any, scope: Scope) -> Any:
        return self.written(value, scope)


@dataclass(frozen=True)
class ConvertDictionaryToJSON(Operation, given=(kinds.DICTIONARY,), gives=TEXT):
    """The object as JSON text."""

    def run(self, value: Any, scope: Scope) -> Any:
        if not isinstance(value, dict):
            raise self.refusal(value, "an object")
        scope.go_through(value)
        try:
            return json.dumps(value, default=self._document)
        except (RecursionError, ValueError, TypeError):
            raise self.failure("cannot write the object: it holds what is no JSON, or is nested too deeply") from None

    @staticmethod
    def _document(value: object) -> Any:
        if isinstance(value, datetime):
            return value.isoformat()
        raise TypeError


@dataclass(frozen=True)
class TimestampToISOFormat(Operation, given=(kinds.ANY,), gives=TEXT):
    """The time as a text, such as “2026-12-01T09:30:00+00:00”."""

    def run(self, value: Any, scope: Scope) -> Any:
        if not isinstance(value, datetime):
            raise self.refusal(value, "a time, such as a picture's frame_timestamp")
        return value.isoformat()
