"""JSON bodies of any size, read object by object, each with the text that it was sent as.

arrays = read_arrays(file, {"annotations"})
for name, value, text in arrays: …  # "annotations", {"type": "box", …}, '{"type": "box", …}'
arrays.rest  # {"update": False}

25 MB of `{}` cost 550 MB once parsed as a whole. Here a window slides over the text, and json's own scanner, which is
written in C, parses one object at a time: 12 MB in 0.25 s, in a few hundred kB.
"""

import codecs
import json
import re
from collections.abc import Collection, Iterator
from itertools import count
from typing import Any, BinaryIO, NamedTuple

from container.errors import BadRequest, shown

MAX_OBJECT = 1 << 20  # bytes of one object
MAX_PARTS = 200_000  # commas and opening brackets of one object, which take 30 MB once parsed
MAX_DEPTH = 64
MAX_NUMBER = 300  # characters
MAX_MEMBERS = 1000  # of the object around the arrays
_PIECE = 1 << 16
_AHEAD = 16  # characters behind a number that tell whether it has ended: "1" may become "1.5", or "1e+5"
_SPACE = re.compile(r"[ \t\r\n]*").match
_BLANK = re.compile(rb"[ \t\r\n]*").match


class _Refused(ValueError):
    """JSON that is not read here: what about it, to follow the name of the object."""


class Line(NamedTuple):
    """A line of NDJSON that is not blank."""

    offset_after: int  # bytes of the file up to its end, where reading can go on
    value: object
    text: str
    error: str  # why it was not read; empty if it was
    number: int  # counted from 1


def read_arrays(file: BinaryIO, arrays: Collection[str]) -> "Arrays":
    """Read a JSON object whose members named in `arrays` are arrays; see `Arrays`."""
    return Arrays(file, arrays)


class Arrays:
    """The parts of some arrays of a JSON object: (name of the array, value, its text), in the order of the body.

    `rest` holds the other members once all were read: 1 MB of text at most. A member that is there twice counts as the
    last one, and arrays are joined. Iterating raises BadRequest where the body is something else.
    """

    def __init__(self, file: BinaryIO, arrays: Collection[str]) -> None:
        self.rest: dict[str, object] = {}
        self._text = _Text(file)
        self._arrays = arrays

    def __iter__(self) -> Iterator[tuple[str, object, str]]:
        text = self._text
        size = 0
        text.take("{", "the body is not a JSON object")
        empty = text.peek() == "}"
        for members in count(1):
            if empty:
                text.take("}")
                break
            if members > MAX_MEMBERS:
                raise BadRequest(f"the JSON body has over {MAX_MEMBERS:,} members")
            if text.peek() != '"':
                raise text.broken()
            name, written = text.value("the name of a member")
            text.take(":")
            if name in self._arrays:
                yield from ((str(name), *part) for part in _parts(text, str(name)))
            else:
                value, told = text.value(f"the member {shown(str(name))}")
                size += len(written) + len(told)
                if size > MAX_OBJECT:
                    raise BadRequest(f"the JSON body holds over 1 MB beside {', '.join(sorted(self._arrays))}")
                self.rest[str(name)] = value
            if text.take(",}") == "}":
                break
        text.end()


def read_array(file: BinaryIO, name: str) -> Iterator[tuple[object, str]]:
    """Yield the parts of a JSON array and their texts; BadRequest, which calls it `name`, if it is something else."""
    text = _Text(file)
    yield from _parts(text, name)
    text.end()


def _parts(text: "_Text", name: str) -> Iterator[tuple[object, str]]:
    text.take("[", f"{name} is not a JSON array")
    if text.peek() == "]":
        text.take("]")
        return
    for i in count():
        yield text.value(f"{name}[{i}]")
        if text.take(",]") == "]":
            return


class _Text:
    """A window onto a text in UTF-8, which grows while one value is read and drops what was read before."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._before = 0  # characters of the text before the window
        self._window = ""
        self._at = 0
        self._ended = False

    def _grow(self) -> None:
        """Drop what was read and double the rest, to a little over 1 MB: so no value costs more than three of it."""
        rest = self._window[self._at :]
        piece = self._file.read(max(_PIECE, min(len(rest), MAX_OBJECT - len(rest))))
        self._ended = not piece
        try:
            more = self._utf8.decode(piece, final=self._ended)
        except UnicodeDecodeError:
            raise BadRequest(f"the body is not UTF-8 behind character {self._before + len(self._window)}") from None
        self._before += self._at
        self._window, self._at = rest + more, 0

    def broken(self, at: int | None = None) -> BadRequest:
        """Return the error for text that is no JSON at a place of the window; by default where it is read."""
        return BadRequest(f"the body is not JSON at character {self._before + (self._at if at is None else at)}")

    def peek(self) -> str:
        """Return the next character that is no white space; "" at the end."""
        while True:
            self._at = _SPACE(self._window, self._at).end()  # type: ignore[union-attr]  # it matches ""
            if self._at < len(self._window):
                return self._window[self._at]
            if self._ended:
                return ""
            self._grow()

    def take(self, wanted: str, otherwise: str = "") -> str:
        """Read one of the characters `wanted`; BadRequest, with the message `otherwise`, if another is next."""
        found = self.peek()
        if not found or found not in wanted:
            raise BadRequest(otherwise) if otherwise else self.broken()
        self._at += 1
        return found

    def end(self) -> None:
        """Raise BadRequest if anything but white space follows."""
        if self.peek():
            raise self.broken()

    def value(self, name: str) -> tuple[object, str]:
        """Read a value and its text; BadRequest, which calls it `name`, if it is not JSON or over a limit."""
        self.peek()
        try:
            while True:
                try:
                    value, end = _parse(self._window, self._at)
                except json.JSONDecodeError as error:
                    if self._ended:
                        raise self.broken(error.pos) from None
                    if len(self._window) - self._at > MAX_OBJECT:
                        cut = error.msg.startswith("Unterminated") or error.pos > len(self._window) - _AHEAD
                        raise (_Refused("is over 1 MB") if cut else self.broken(error.pos)) from None
                else:
                    if self._ended or end + _AHEAD <= len(self._window) or isinstance(value, dict | list | str):
                        break
                self._grow()
            text = self._window[self._at : end]
            _check(value, text)
        except _Refused as refused:
            raise BadRequest(f"{name} {refused}") from None
        self._at = end
        return value, text


def read_lines(file: BinaryIO, offset: int = 0, number: int = 0) -> Iterator[Line]:
    """Yield the lines of NDJSON, those that cannot be read with an error; blank ones are passed over.

    Reading begins after `offset` bytes, which are `number` lines: those of the Line that was read last.
    """
    file.seek(offset)
    held, ended, long = b"", False, False
    while not ended:
        piece = file.read(max(_PIECE, len(held)))
        ended = not piece
        held += piece
        at = 0
        while True:
            if not long:  # 512 MB of line ends take a second in this way, and a minute one by one
                start = _BLANK(held, at).end()  # type: ignore[union-attr]  # it matches b""
                number += held.count(b"\n", at, start)
                at = start
            end = held.find(b"\n", at)
            if end < 0 and not ended:
                long = long or len(held) - at > MAX_OBJECT + 2
                at = len(held) if long else at
                break
            if end < 0 and not long and at == len(held):
                break
            after = len(held) if end < 0 else end + 1
            number += 1
            yield _line(b"" if long else held[at:after], long, offset + after, number)
            at, long = after, False
            if end < 0:
                break
        offset += at
        held = held[at:]


def _line(line: bytes, long: bool, after: int, number: int) -> Line:
    try:
        if long or len(line) > MAX_OBJECT + 2:
            raise _Refused("is over 1 MB")
        text = line.decode().strip(" \t\r\n")
        value, end = _parse(text, 0)
        if end < len(text):
            raise _Refused(f"is not JSON at character {end}")
        _check(value, text)
    except UnicodeDecodeError:
        return Line(after, None, "", f"line {number} is not UTF-8", number)
    except json.JSONDecodeError as error:
        return Line(after, None, "", f"line {number} is not JSON at character {error.pos}", number)
    except _Refused as refused:
        return Line(after, None, "", f"line {number} {refused}", number)
    return Line(after, value, text, "", number)


def _float(text: str) -> float:
    number = float(text)
    if len(text) > MAX_NUMBER or number - number:  # infinite: the difference is NaN
        raise _Refused(f"holds the number {shown(text)}, which is larger than a double")
    return number


def _whole(text: str) -> int:
    if len(text) > MAX_NUMBER:
        raise _Refused(f"holds a whole number of over {MAX_NUMBER} digits")
    return int(text)


def _no_number(text: str) -> float:
    raise _Refused(f"holds {text}, which is not JSON")


# With functions for numbers 300,000 vertices take 0.30 s; without 0.22 s, and 1e999 would be stored.
_DECODE = json.JSONDecoder(parse_float=_float, parse_int=_whole, parse_constant=_no_number).raw_decode


def _parse(text: str, at: int) -> tuple[Any, int]:
    """Return the value that begins at a place of a text, and its end; JSONDecodeError or _Refused if there is none."""
    try:
        return _DECODE(text, at)
    except RecursionError:
        raise _Refused(f"is nested over {MAX_DEPTH} deep") from None


def _check(value: object, text: str) -> None:
    """Raise _Refused if a value is over a limit."""
    if len(text) > MAX_OBJECT // 4 and len(text.encode()) > MAX_OBJECT:
        raise _Refused("is over 1 MB")
    if len(text) > MAX_PARTS and sum(map(text.count, ",[{")) > MAX_PARTS:
        raise _Refused(f"has over {MAX_PARTS:,} commas and opening brackets")
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            part
            for holder in level
            for part in (holder.values() if isinstance(holder, dict) else holder)  # type: ignore[attr-defined]  # a list
            if type(part) is dict or type(part) is list
        ]
        if not level:
            return
    raise _Refused(f"is nested over {MAX_DEPTH} deep")
