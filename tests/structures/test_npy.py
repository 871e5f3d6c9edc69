"""Arrays as files of NumPy."""

import io

import numpy as np
import pytest

from container.structures import npy

A = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


def saved(array: np.ndarray, **how: bool) -> bytes:
    out = io.BytesIO()
    np.save(out, array, **how)
    return out.getvalue()


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", "<f2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_floats_of_every_kind_are_read(dtype: str, order: str) -> None:
    array = npy.read(saved(np.array(A, dtype, order=order)))
    assert array.dtype == np.float32
    assert (array == A).all()


def test_what_is_written_is_read_by_numpy() -> None:
    assert (np.load(io.BytesIO(npy.write(A))) == A).all()
    with np.load(io.BytesIO(npy.write_all({"a": [A], "b": [A, A[:1]]})), allow_pickle=False) as arrays:
        assert (arrays["a"] == A).all()
        assert (arrays["b"] == np.concatenate([A, A[:1]])).all()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no .npy file"),
        (b"nothing", "no .npy file"),
        (saved(A)[:60], "no .npy file"),
        (saved(A)[:-1], "takes 96 bytes, and 95 follow"),
        (saved(A) + b"x", "takes 96 bytes, and 97 follow"),
        (saved(A.astype(int)), "int64; wanted: float32"),
        (saved(np.array([{"a": 1}], object), allow_pickle=True), "object; wanted: float32"),
        (saved(A).replace(b"(2, 3, 4)", b"(2, -3,4)"), "takes"),
        (saved(A).replace(b"(2, 3, 4)", b"(9e9, 3) "), "no .npy file"),
        (saved(A).replace(b"(2, 3, 4)", b"(99999,9)"), "takes 3599964 bytes"),
    ],
)
def test_what_is_no_array_of_floats(data: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        npy.read(data)
