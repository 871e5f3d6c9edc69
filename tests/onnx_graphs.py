"""ONNX files of a few nodes, written by hand (onnx.proto), so that they may hold what no exporter writes."""

import struct
from collections.abc import Sequence

FLOAT, INT64 = 1, 7
Fields = Sequence[tuple[int, "bytes | str | int | float"]]


def message(fields: Fields) -> bytes:
    """A message of protobuf: its fields by number."""
    found = b""
    for number, value in fields:
        if isinstance(value, int):
            found += _varint(number << 3) + _varint(value)
        elif isinstance(value, float):
            found += _varint(number << 3 | 5) + struct.pack("<f", value)
        else:
            data = value.encode() if isinstance(value, str) else value
            found += _varint(number << 3 | 2) + _varint(len(data)) + data
    return found


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    found = b""
    while value > 127:
        found, value = found + bytes([value & 127 | 128]), value >> 7
    return found + bytes([value])


def port(name: str, *sides: int | str, kind: int = FLOAT) -> bytes:
    """An input or an output; a side with a name is free."""
    dims = message([(1, message([(1 if isinstance(side, int) else 2, side)])) for side in sides])
    return message([(1, name), (2, message([(1, message([(1, kind), (2, dims)]))]))])


def numbers(name: str, *values: int) -> bytes:
    """A constant of int64 N."""
    return message([(1, len(values)), (2, INT64), (8, name), (9, struct.pack(f"<{len(values)}q", *values))])


def number(name: str, value: int) -> bytes:
    """A constant of one int64, without a side."""
    return message([(2, INT64), (8, name), (9, struct.pack("<q", value))])


def outside(name: str, location: str, offset: int = 0) -> bytes:
    """A constant of three float32 in another file."""
    entries = {"location": location, "offset": str(offset), "length": "12"}
    return message(
        [(1, 3), (2, FLOAT), (8, name), *((13, message([(1, k), (2, v)])) for k, v in entries.items()), (14, 1)]
    )


def node(kind: str, inputs: str, output: str, **attributes: int) -> bytes:
    """An operation; inputs are separated by spaces."""
    given = [(5, message([(1, name), (3, value), (20, 2)])) for name, value in attributes.items()]
    return message([*((1, one) for one in inputs.split()), (2, output), (4, kind), *given])


def graph(nodes: Sequence[bytes], inputs: Sequence[bytes], outputs: Sequence[bytes], *constants: bytes) -> bytes:
    """An ONNX file."""
    fields = [*((1, one) for one in nodes), (2, "graph"), *((5, one) for one in constants)]
    fields += [*((11, one) for one in inputs), *((12, one) for one in outputs)]
    return message([(1, 8), (7, message(fields)), (8, message([(1, ""), (2, 17)]))])
