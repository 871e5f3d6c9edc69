"""Safetensors files of any size: names and shapes by their headers, then one tensor at a time.

`weight_files.read` takes a whole file at once, in twice its memory, which would be 5 GB for a SAM ViT-H. Files are
read, not memory-mapped: truncating a mapped file kills the process.
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from container.engines.weight_files import MAX_HEADER
from container.errors import ModelError

MAX_DIMENSIONS = 8
_DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


class Place(NamedTuple):
    """Where a tensor lies in a file."""

    file: Path
    dtype: torch.dtype
    shape: tuple[int, ...]
    offset: int  # of its first byte


def places(files: Sequence[Path]) -> Mapping[str, Place]:
    """Return the place of each tensor of floating-point numbers in `files`, by name; ModelError with the reason."""
    found: dict[str, Place] = {}
    for file in files:
        try:
            found |= _header(file)
        except (OSError, ValueError, TypeError, KeyError, RecursionError, AttributeError) as error:
            raise ModelError(f"weights {file.name!r} are not a whole safetensors file") from error
    return found


def _header(file: Path) -> Mapping[str, Place]:
    with file.open("rb") as content:
        length, size = int.from_bytes(content.read(8), "little"), file.stat().st_size
        if length > MAX_HEADER:
            raise ModelError(f"weights {file.name!r} are no safetensors with a header of up to {MAX_HEADER >> 20} MB")
        if 8 + length > size:
            raise ValueError("header longer than the file")
        described: dict[str, Any] = json.loads(content.read(length))
    described.pop("__metadata__", None)
    found = {name: _place(file, 8 + length, size, one) for name, one in described.items() if one["dtype"] in _DTYPES}
    if sum(math.prod(one.shape) * one.dtype.itemsize for one in found.values()) > size:
        raise ValueError("tensors overlap")
    return found


def _place(file: Path, start: int, size: int, described: Mapping[str, Any]) -> Place:
    dtype, shape, (begin, end) = _DTYPES[described["dtype"]], described["shape"], described["data_offsets"]
    if len(shape) > MAX_DIMENSIONS or not all(type(one) is int and one >= 0 for one in (*shape, begin, end)):
        raise ValueError("no sizes")
    if end - begin != math.prod(shape) * dtype.itemsize or start + end > size:
        raise ValueError("sizes do not fit the file")
    return Place(file, dtype, tuple(shape), start + begin)


def read(place: Place) -> torch.Tensor:
    """Return a tensor as float32 on the CPU; OSError, or ModelError for a file that has become shorter."""
    tensor = torch.empty(place.shape, dtype=place.dtype)
    content = memoryview(tensor.view(-1).view(torch.uint8).numpy())  # type: ignore[arg-type]  # numpy's stubs
    with place.file.open("rb") as file:
        file.seek(place.offset)
        if file.readinto(content) != len(content):
            raise ModelError(f"weights {place.file.name!r} are shorter than their header says")
    return tensor.float()
