"""Run lengths as files bring them: decoded as pycocotools does, and refused where that would read anything."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as coco

from container.ops import rle
from container.structures.masks import tight_box

SIZE = (4, 5)  # (height, width)
MASKS = arrays.arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40)))


def packed(mask: np.ndarray) -> str:
    return coco.encode(np.asfortranarray(mask, np.uint8))["counts"].decode()


@given(MASKS)
def test_compressed_run_lengths_are_those_of_pycocotools(mask: np.ndarray) -> None:
    size = [*mask.shape]
    lengths = rle.counts({"size": size, "counts": packed(mask)}, mask.shape)
    ends = np.flatnonzero(np.diff(mask.ravel(order="F"), prepend=False, append=~mask[-1, -1]))
    assert lengths.tolist() == np.diff(ends, prepend=0).tolist()
    assert coco.frPyObjects({"size": size, "counts": lengths.tolist()}, *size)["counts"].decode() == packed(mask)
    np.testing.assert_array_equal(rle.from_segmentation({"size": size, "counts": lengths.tolist()}, mask.shape), mask)


@given(MASKS)
def test_the_box_of_run_lengths_is_that_of_the_mask(mask: np.ndarray) -> None:
    found = rle.box(rle.counts({"size": [*mask.shape], "counts": packed(mask)}, mask.shape), mask.shape[0])
    assert found == (tight_box(mask) if mask.any() else None)


def test_long_runs_are_read() -> None:
    size = [30_000, 35_000]
    lengths = [2**29, 1, 2**28, 3, size[0] * size[1] - 2**29 - 2**28 - 4]
    text = coco.frPyObjects({"size": size, "counts": lengths}, *size)["counts"].decode()
    assert rle.counts({"size": size, "counts": text}, (size[0], size[1])).tolist() == lengths


@given(st.text(st.characters(min_codepoint=40, max_codepoint=120), max_size=30), st.integers(1, 9), st.integers(1, 9))
def test_any_text_is_read_or_refused(text: str, height: int, width: int) -> None:
    run_lengths = {"size": [height, width], "counts": text}
    try:
        lengths = rle.counts(run_lengths, (height, width))
    except ValueError:
        return
    assert lengths.sum() == height * width and lengths.min() >= 0
    expected = np.asarray(coco.decode(run_lengths), bool)
    np.testing.assert_array_equal(rle.from_segmentation(run_lengths, (height, width)), expected)


def test_whole_numbers_may_be_written_with_a_point() -> None:
    assert rle.counts({"size": [4.0, 5.0], "counts": [1.0, 19]}, SIZE).tolist() == [1, 19]


WHOLE = packed(np.eye(4, 5, dtype=bool))


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        (str(WHOLE.encode()), "no text that COCO's tools write"),  # "b'...'"
        ("", "cut short"),
        ("P", "cut short"),  # its last digit says that more follow
        (WHOLE[:-1], "cover 16 pixels, the picture has 20"),
        ("ÄÖ", "no text that COCO's tools write"),
        ("\x00" + WHOLE, "no text that COCO's tools write"),
        ("o" * 20 + "0", "more than 7 digits"),
        ("N", "negative"),
        ([], "cover 0 pixels"),
        ([5, 5], "cover 10 pixels"),
        ([-5, 25], "negative"),
        ([2**62] * 4 + [20], "pixels, the picture has 20"),  # in 64 bits their sum is 20
        ([2**70], "not whole numbers"),
        ([19.5, 0.5], "not whole numbers"),
        ([float("nan")], "not whole numbers"),
        ([float("inf")], "cover inf pixels"),
        (["20"], "not whole numbers"),
        ([[20]], "not whole numbers"),
        (None, "no list and no text"),
        (20, "no list and no text"),
        ({"a": 1}, "no list and no text"),
    ],
)
def test_what_is_no_run_lengths_is_refused(counts: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        rle.counts({"size": [*SIZE], "counts": counts}, SIZE)


@pytest.mark.parametrize("size", [[5, 4], [4], None, "4x5", [4, 5, 1], 20])
def test_run_lengths_of_another_size_are_refused(size: object) -> None:
    with pytest.raises(ValueError, match="run lengths are of size"):
        rle.counts({"size": size, "counts": [20]}, SIZE)
