"""The process that reads one weights file: standard input → safetensors, and one line of JSON on standard output.

{"taken": ["model_ema"], "maker": "Lightning"}, or {"refused": "it is an ONNX model; …"}. See `container.checkpoints`.
"""

import json
import os
import resource
import struct
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, BinaryIO

from container.checkpoints import layouts
from container.checkpoints.state_dicts import chosen, maker
from container.checkpoints.values import ITEM_SIZES, Tensor, Unreadable

MAX_MEMORY = 512 << 20  # bytes of memory besides twice the file
MAX_SECONDS = 6  # of computing, besides one for every SECOND_BYTES
SECOND_BYTES = 20 << 20
MAX_HEADER = 4 << 20  # bytes of names and shapes
NICE = 5  # requests go first

_NAMES = {
    "float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "complex64": "C64", "bool": "BOOL",
    "float8_e4m3fn": "F8_E4M3", "float8_e4m3fnuz": "F8_E4M3FNUZ", "float8_e5m2": "F8_E5M2",
    "float8_e5m2fnuz": "F8_E5M2FNUZ",
    **{f"{kind}{bits}": f"{kind[0].upper()}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)},
}  # fmt: skip


def main(output: int) -> None:
    """Read the file on standard input and write safetensors into the file descriptor `output`."""
    file = sys.stdin.buffer
    size = os.fstat(file.fileno()).st_size
    _limit(size)
    try:
        saved, read = layouts.read(file, size)
        found = chosen(saved)
        try:
            with open(output, "wb") as out:
                _write(found.tensors, read, size, out)
        except OSError as error:
            raise Unreadable(f"its tensors cannot be written into the temporary folder: {error.strerror}") from error
        said: dict[str, Any] = {"taken": found.path, "maker": maker(saved)}
    except Unreadable as error:
        said = {"refused": str(error)}
    except MemoryError:
        said = {"refused": f"reading it takes more than {(2 * size + MAX_MEMORY) >> 20} MB"}
    except Exception as error:  # whatever damaged files raise in zipfile and pickletools
        said = {"refused": f"it is cut short or damaged ({type(error).__name__})"}
    print(json.dumps(said), flush=True)
    os._exit(0)  # without freeing what was read


def _limit(size: int) -> None:
    os.nice(NICE)
    limits = {
        resource.RLIMIT_AS: 2 * size + MAX_MEMORY,
        resource.RLIMIT_CPU: MAX_SECONDS + size // SECOND_BYTES,
        resource.RLIMIT_FSIZE: size + 2 * MAX_HEADER,
        resource.RLIMIT_CORE: 0,
    }
    for limit, most in limits.items():
        _, hard = resource.getrlimit(limit)
        with suppress(ValueError, OSError):  # macOS has no limit of memory
            resource.setrlimit(limit, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _write(tensors: Mapping[str, Tensor], read: layouts.Read, size: int, out: BinaryIO) -> None:
    """Write safetensors (https://github.com/huggingface/safetensors), one tensor at a time, unlike the library."""
    for name, tensor in tensors.items():
        if tensor.dtype not in _NAMES:
            raise Unreadable(f"{name} is torch.{tensor.dtype} in the file")
    # The widest numbers first, so that all are aligned; those of a storage together, so that it is read once.
    ordered = sorted(tensors.items(), key=lambda item: (-ITEM_SIZES[item[1].dtype], _key(item[1])))
    header: dict[str, Any] = {}
    end = 0
    for name, tensor in ordered:
        begin, end = end, end + _bytes(tensor)
        if end > size:
            raise Unreadable("it holds tensors of more numbers than the file has")
        header[name] = {"dtype": _NAMES[tensor.dtype], "shape": tensor.shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    if len(text) > MAX_HEADER:
        raise Unreadable(f"the names of its tensors take over {MAX_HEADER >> 20} MB")
    text += b" " * (-len(text) % 8)
    out.write(struct.pack("<Q", len(text)) + text)
    key, content = "", b""
    for _, tensor in ordered:
        source = tensor.source
        if isinstance(source, bytes):
            out.write(_numbers(memoryview(source), tensor))
            continue
        if source.key != key:
            key, content = source.key, read(source)
        begin, end = (number * ITEM_SIZES[source.dtype] for number in (source.begin, source.begin + source.count))
        if end > len(content):
            raise Unreadable("it says that it holds more numbers than it has bytes")
        out.write(_numbers(memoryview(content)[begin:end], tensor))


def _key(tensor: Tensor) -> str:
    return "" if isinstance(tensor.source, bytes) else tensor.source.key


def _bytes(tensor: Tensor) -> int:
    count = ITEM_SIZES[tensor.dtype]
    for side in tensor.shape:
        count *= side
    return count


def _numbers(content: memoryview, tensor: Tensor) -> Any:
    """Return the numbers of a tensor in the order of its indices."""
    size, count = ITEM_SIZES[tensor.dtype], _bytes(tensor)
    if not count:
        return b""
    begin = tensor.offset * size
    last = begin + sum((side - 1) * stride for side, stride in zip(tensor.shape, tensor.strides, strict=True)) * size
    if last + size > len(content):
        raise Unreadable("it says that it holds more numbers than it has bytes")
    if last + size - begin == count and list(tensor.strides) == _contiguous(tensor.shape, tensor.strides):
        return content[begin : begin + count]
    import numpy as np  # 0.1 s, for the few files that need it

    items = np.frombuffer(content, np.dtype(f"V{size}"), (len(content) - begin) // size, begin)
    steps = tuple(stride * size for stride in tensor.strides)
    return np.ascontiguousarray(np.lib.stride_tricks.as_strided(items, tensor.shape, steps, writeable=False)).data


def _contiguous(shape: tuple[int, ...], strides: tuple[int, ...]) -> list[int]:
    """Return the strides of a contiguous tensor; a side of 1 has any."""
    expected, step = [], 1
    for side, stride in zip(shape[::-1], strides[::-1], strict=True):
        expected.append(stride if side == 1 else step)
        step *= side
    return expected[::-1]


if __name__ == "__main__":
    main(int(sys.argv[1]))
