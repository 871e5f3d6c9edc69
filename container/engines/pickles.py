"""Files of torch.save, looked through before torch unpickles them.

torch's restricted loader runs no foreign code, but what it does run can be made to harm: 400 bytes had it take 3 GB
(`bytearray(n)`, or `encode` in hex time after time), never end (a key that takes 2^60 steps to hash), or die (one
nested so deep that hashing it leaves the stack). So a pickle is gone through first, with none of it made.
"""

import io
import pickletools
import zipfile
from dataclasses import dataclass
from typing import Any

MAX_PICKLE = 4 << 20  # bytes; a ResNet-18 with its optimizer takes 0.04 MB
MAX_TUPLE = 1000  # values, those of tuples in it included; a tensor's has a dozen
MAX_KEYS = 10_000  # that are not text: an optimizer numbers its parameters, and numbers can be made to collide
ZIP = b"PK\x03\x04"  # by which torch tells a zip
_PICKLES = 5  # at the beginning of a file of torch before 1.6

# What state dicts, and what training keeps beside them, are made by; the second kind out of nothing but plain values.
_OF_TENSORS = {
    f"torch._utils {name}"
    for name in (
        *("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3"),
        *("_rebuild_parameter", "_rebuild_meta_tensor_no_storage"),
    )
}
_OF_VALUES = {
    *("collections OrderedDict", "collections Counter", "torch Size", "torch device", "_codecs encode"),
    *(f"{module} {name}" for module in ("builtins", "__builtin__") for name in ("set", "complex")),
}
_CONSTANTS = {"NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE"}
_EMPTY = {"EMPTY_TUPLE": "tuple", "EMPTY_LIST": "list", "EMPTY_DICT": "dict"}


class Unlikely(Exception):
    """A file holds what no state dict does, or what torch does not write."""


@dataclass
class _Value:
    """What a pickle would make: no more of it than is looked at."""

    kind: str  # constant, tuple, list, dict, name, tensor or made
    of: Any = None  # the constant or name itself; the parts of a tuple
    size: int = 1  # values in a tuple, those of tuples in it included; entries of a list or a dict


def checked(data: bytes) -> io.BytesIO:
    """What torch is to be given for `data`, which torch.save wrote: the same tensors, and nothing beside them.

    Unlikely, or whatever zipfile and pickletools raise, where that is not what it is.
    """
    if data.startswith(ZIP):
        return _checked_zip(data)
    begin, claims = 0, dict[str, int]()
    for _ in range(_PICKLES):
        stream = io.BytesIO(data[begin : begin + MAX_PICKLE])
        claims |= _Pickle().claims(stream)
        begin += stream.tell()
    _check_claims(claims, len(data))
    return io.BytesIO(data)


def _checked_zip(data: bytes) -> io.BytesIO:
    """Written anew: which of two directories counts, and which of two names, are questions that torch answers in other
    ways than zipfile. 2 MB that zipfile was content with took 4 GB.
    """
    clean = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as file, zipfile.ZipFile(clean, "w") as out:
        if sum(part.file_size for part in file.infolist()) > len(data):
            raise Unlikely("it unpacks to more than it has bytes, and torch does not compress")
        for part in file.infolist():
            _, _, name = part.filename.partition("/")
            if name not in ("data.pkl", "byteorder", "version") and not name.startswith("data/"):
                continue
            if name == "data.pkl" and part.file_size > MAX_PICKLE:
                raise Unlikely(f"it has a pickle of over {MAX_PICKLE >> 20} MB")
            content = file.read(part)
            if name == "data.pkl":
                _check_claims(_Pickle().claims(io.BytesIO(content)), len(data))
            out.writestr(f"archive/{name}", content)
        if len({name.lower() for name in out.namelist()}) < len(out.namelist()):
            raise Unlikely("it holds two parts of one name")
    clean.seek(0)
    return clean


def _check_claims(claims: dict[str, int], size: int) -> None:
    if sum(claims.values()) > size:
        raise Unlikely("it says that it holds more numbers than it has bytes")


class _Pickle:
    """A run through the opcodes that torch's restricted loader knows."""

    def __init__(self) -> None:
        self._stack: list[_Value] = []
        self._marks: list[list[_Value]] = []
        self._memo: dict[int, _Value] = {}
        self._keys = 0
        self._claims: dict[str, int] = {}  # numbers, by the storage that is said to hold them

    def claims(self, stream: io.BytesIO) -> dict[str, int]:
        """The storages that a pickle names, and how many numbers each is said to hold; Unlikely for what harms."""
        for opcode, argument, _ in pickletools.genops(stream):
            self._step(opcode.name, argument)
        return self._claims

    def _step(self, opcode: str, argument: Any) -> None:
        stack = self._stack
        if opcode in _CONSTANTS or opcode == "SHORT_BINSTRING":
            stack.append(_Value("constant", argument))
        elif opcode in _EMPTY:
            stack.append(_Value(_EMPTY[opcode], ()))
        elif opcode == "GLOBAL":
            stack.append(_Value("name", argument))
        elif opcode == "MARK":
            self._marks.append(stack)
            self._stack = []
        elif opcode == "TUPLE":
            self._push_tuple(self._marked())
        elif opcode in ("TUPLE1", "TUPLE2", "TUPLE3"):
            self._push_tuple(self._popped(int(opcode[-1])))
        elif opcode in ("APPEND", "APPENDS"):
            items = self._marked() if opcode == "APPENDS" else self._popped(1)
            self._stack[-1].size += len(items)
        elif opcode in ("SETITEM", "SETITEMS"):
            items = self._marked() if opcode == "SETITEMS" else self._popped(2)
            self._stack[-1].size += len(items) // 2
            self._count(sum(not isinstance(key.of, str) for key in items[::2]))
        elif opcode in ("BINGET", "LONG_BINGET"):
            stack.append(self._memo[argument])
        elif opcode in ("BINPUT", "LONG_BINPUT"):
            self._memo[argument] = stack[-1]
        elif opcode == "REDUCE":
            name, given = self._popped(2)
            stack.append(self._made(name, given))
        elif opcode == "BUILD":  # the attributes of an OrderedDict
            (state,) = self._popped(1)
            if stack[-1].kind != "dict" or state.kind != "dict":
                raise Unlikely("it sets attributes")
        elif opcode == "BINPERSID":
            (identity,) = self._popped(1)
            self._claim(*(part.of for part in identity.of[:5]))
            stack.append(_Value("tensor"))
        elif opcode not in ("PROTO", "STOP"):
            raise Unlikely(f"it holds {opcode}")

    def _marked(self) -> list[_Value]:
        """What lies above the last mark, which is taken off."""
        items, self._stack = self._stack, self._marks.pop()
        return items

    def _popped(self, count: int) -> list[_Value]:
        items = self._stack[-count:]
        del self._stack[-count:]
        if len(items) < count:
            raise Unlikely("it takes what is not there")
        return items

    def _push_tuple(self, parts: list[_Value]) -> None:
        size = 1 + sum(part.size if part.kind == "tuple" else 1 for part in parts)
        if size > MAX_TUPLE:
            raise Unlikely(f"it has a tuple of over {MAX_TUPLE} values")
        self._stack.append(_Value("tuple", parts, size))

    def _count(self, keys: int) -> None:
        """Keys that are not text, or values that may be made to some."""
        self._keys += keys
        if self._keys > MAX_KEYS:
            raise Unlikely(f"it has over {MAX_KEYS} keys that are not text")

    def _made(self, name: _Value, given: _Value) -> _Value:
        """What a call makes."""
        if name.kind == "name" and given.kind == "tuple":
            parts: list[_Value] = list(given.of)
            if name.of in _OF_TENSORS:
                return _Value("tensor")
            if name.of in _OF_VALUES and not any(part.kind in ("tensor", "name") for part in parts):
                if name.of != "_codecs encode" or [part.of for part in parts[1:]] == ["latin1"]:
                    self._count(sum(part.size for part in parts if part.kind in ("list", "dict")))
                    return _Value("dict" if "Dict" in name.of else "made")
        raise Unlikely(f"it calls {name.of[:60]!r}" if name.kind == "name" else "it calls what is no function")

    def _claim(self, kind: Any, storage: Any, key: Any, device: Any, count: Any) -> None:
        # torch finds "data/A" for "data/a", and reads it again for each spelling.
        if not isinstance(key, str) or not key.isdecimal() or not isinstance(count, int):
            raise Unlikely("it names a storage in another way than torch does")
        self._claims[key] = max(count, self._claims.get(key, 0))
