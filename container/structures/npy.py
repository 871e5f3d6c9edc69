"""Arrays of floats as files of NumPy: .npy and .npz, of which no pickle is ever read."""

import io
import math
import zipfile
from collections.abc import Mapping, Sequence

import numpy as np

from container.cancellation import checkpoint

_PIECE = 1 << 24  # bytes that are compressed between two checkpoints


def read(data: bytes) -> np.ndarray:
    """Return the array in a .npy file of float16, float32 or float64 as float32; ValueError in one line."""
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        headers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, fortran, dtype = headers[version](file)
    except (ValueError, KeyError):
        raise ValueError("it is no .npy file") from None
    if dtype.kind != "f" or dtype.itemsize > 8:
        raise ValueError(f"its values are {dtype}; wanted: float32")
    wanted, there = math.prod(shape) * dtype.itemsize, len(data) - file.tell()
    if min(shape, default=0) < 0 or wanted != there:
        raise ValueError(f"its shape {shape} takes {wanted} bytes, and {there} follow the header")
    array = np.frombuffer(data, dtype, offset=file.tell()).reshape(shape, order="F" if fortran else "C")
    return np.ascontiguousarray(array, np.float32)


def write(array: np.ndarray) -> bytes:
    """Return a .npy file."""
    file = io.BytesIO()
    np.lib.format.write_array(file, array, allow_pickle=False)
    return file.getvalue()


def write_all(arrays: Mapping[str, Sequence[np.ndarray]]) -> bytes:
    """Return a .npz file of arrays of float32 by name, each in parts along the first axis.

    Compressed a little: NumPy's own level takes four times as long. A checkpoint of cancellation every 16 MB.
    """
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, parts in arrays.items():
            shape = (sum(map(len, parts)), *parts[0].shape[1:])
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                header = {"descr": "<f4", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(member, header)
                for part in parts:
                    data = np.ascontiguousarray(part, "<f4").data.cast("B")
                    for start in range(0, len(data), _PIECE):
                        checkpoint()
                        member.write(data[start : start + _PIECE])
    return file.getvalue()
