"""What a pickle is read into besides plain values: names, stand-ins, and descriptions of tensors and NumPy arrays."""

from dataclasses import dataclass, field
from typing import Any


class Unreadable(Exception):
    """A file is not what is read here; the message is a clause such as "it holds EXT1"."""


@dataclass(frozen=True)
class Name:
    """A class or a function, by its name."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module} {self.name}"


@dataclass
class StandIn:
    """In place of what a call or a class would make."""

    of: Name | None  # what was called; None for what is no name
    how: str  # such as "it calls 'builtins set'"
    arguments: tuple[Any, ...] = ()
    state: Any = None  # attributes
    items: dict[str, Any] = field(default_factory=dict)  # entries under text


@dataclass(frozen=True)
class Storage:
    """Numbers that lie somewhere in the file."""

    key: str
    dtype: str
    count: int
    begin: int = 0  # the first number, of a view of another storage


@dataclass(frozen=True)
class Tensor:
    """A strided view of a storage, or of bytes in the pickle itself; offset, shape and strides count numbers."""

    source: Storage | bytes
    dtype: str  # torch's name of it
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass
class Encoded:
    """Bytes that are text of latin-1 in a pickle of protocol 2; encoded where they are read, and no oftener."""

    text: str


class Sized(tuple[Any, ...]):
    """A tuple with the number of its values, those of tuples in it included, and how deep these lie."""

    size: int
    depth: int


# Bytes of a number, by torch's names. Others are named in errors.
ITEM_SIZES = {
    **dict.fromkeys(("float64", "int64", "uint64", "complex64"), 8),
    **dict.fromkeys(("float32", "int32", "uint32"), 4),
    **dict.fromkeys(("bfloat16", "float16", "int16", "uint16"), 2),
    **dict.fromkeys(("int8", "uint8", "bool"), 1),
    **dict.fromkeys(("float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz"), 1),
}
