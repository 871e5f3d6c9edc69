"""Regular expressions that callers send: what they may hold, and how long they may take.

They mean what they mean to Python's `re`, which cannot be stopped; `regex` can, and knows more, which is refused here:
a repeat of a repeat, or a recursion, is a few characters that take gigabytes.
"""

import math
import re
from dataclasses import dataclass
from typing import Any

import regex

from container.workflows.operations.nodes import Misfit

MAX_PATTERN = 1000  # characters
MAX_TEXT = 100_000  # characters of a text that is searched
MAX_EXPANDED = 5000  # characters of a pattern once its repeats are written out; regex takes 108 bytes for each
SECONDS = 0.1  # of a search; meanwhile other threads run

_ESCAPE = re.compile(r"\\.", re.DOTALL)
_SET = re.compile(r"\[\^?\]?[^\]]*\]")
_CLASS = re.compile(r"\[:\^?\w+:\]")  # in a set; `re` has none, and they hide where the set ends
_COUNT = re.compile(r"(?P<after>[)}?+*]?)\{(?P<low>\d*)(?P<more>,(?P<high>\d*))?\}")
_GROUP = re.compile(r"\((?:[^?*]|\?(?::|=|!|<=|<!|>|P<\w+>|P=\w+\)|\(\w+\)|[aimsu]+(?:-[ims]+)?[:)]|-[ims]+:))|\($")


@dataclass(frozen=True)
class Pattern:
    """Regular expressions."""

    words = f"a regular expression of up to {MAX_PATTERN} characters"

    def convert(self, value: object) -> "regex.Pattern[str]":
        """Return the compiled expression; ValueError if it is none, Misfit if it is one that is not taken."""
        if not isinstance(value, str) or len(value) > MAX_PATTERN:
            raise ValueError
        _check(value)
        try:
            return regex.compile(value)
        except (regex.error, RecursionError, OverflowError, ValueError) as error:
            raise Misfit("is no regular expression that can be read") from error

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema."""
        return {"type": "string", "maxLength": MAX_PATTERN}


def _check(pattern: str) -> None:
    """Raise Misfit for what only `regex` knows, and for repeats that write out to more than MAX_EXPANDED characters."""
    escaped = _ESCAPE.sub("e", pattern)
    if _CLASS.search(escaped):
        raise Misfit(r"has a class such as [:alpha:], which is not taken; write [a-z], \d or \w")
    plain = _SET.sub("s", escaped)
    for opening in re.finditer(r"\(", plain):
        if not _GROUP.match(plain, opening.start()):
            raise Misfit(f"has a group {plain[opening.start() : opening.start() + 4]!r}, which is not taken")
    counts = list(_COUNT.finditer(plain))
    if len(counts) != plain.count("{"):
        raise Misfit(r"has a { that begins no count such as {2,5}; write \{ for the character")
    alone, of_groups = len(plain), []
    for count in counts:
        most = max(int(number or 0) for number in (count["low"][:9], (count["high"] or "")[:9]))
        if count["after"]:
            of_groups.append(max(most, 1))
        else:
            alone += most
    if alone * math.prod(of_groups) > MAX_EXPANDED:
        raise Misfit(f"repeats so much that it is more than {MAX_EXPANDED:,} characters when written out")


def found(pattern: "regex.Pattern[str]", text: str) -> bool:
    """Return True if the expression matches somewhere in the text; TimeoutError if that takes too long."""
    return pattern.search(text, timeout=SECONDS) is not None
