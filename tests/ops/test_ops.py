"""Array functions against torchvision, pycocotools and torch."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as coco
from scipy import ndimage
from torch.nn import functional
from torchvision.models.detection.roi_heads import paste_masks_in_image

from container.ops import argmax, paste, polygons, rle

SIZE = (90, 120)
BOXES = st.tuples(st.floats(-20, 110), st.floats(-20, 80), st.floats(0.01, 90), st.floats(0.01, 70))


def blob(seed: int, side: int = 28) -> np.ndarray:
    """Smooth probabilities between 0 and 1, as a mask head gives them."""
    noise = np.random.default_rng(seed).random((side, side), np.float32)
    return np.clip((cv2.GaussianBlur(noise, (0, 0), 3) - 0.5) * 8 + 0.5, 0, 1)


@given(st.integers(0, 10_000), BOXES)
def test_paste_equals_torchvision(seed: int, box: tuple[float, float, float, float]) -> None:
    x, y, width, height = box
    xyxy = np.array([max(x, 0), max(y, 0), min(x + width, SIZE[1]), min(y + height, SIZE[0])], np.float32)
    if xyxy[2] <= xyxy[0] or xyxy[3] <= xyxy[1]:
        return
    probabilities = blob(seed)
    expected = paste_masks_in_image(torch.tensor(probabilities)[None, None], torch.tensor(xyxy)[None], SIZE)[0, 0]
    crop, left, top = paste.paste(probabilities, xyxy, SIZE)
    full = np.zeros(SIZE, np.float32)
    full[top : top + crop.shape[0], left : left + crop.shape[1]] = crop
    wrong = full.astype(bool) != (expected.numpy() >= 0.5)
    # Only where torch's own value is a rounding away from the threshold.
    assert (np.abs(expected.numpy()[wrong] - 0.5) < 1e-5).all()


@given(
    arrays.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))), st.integers(0, 5), st.integers(0, 5),
    st.integers(0, 3), st.integers(0, 3),
)  # fmt: skip
def test_rle_equals_pycocotools(crop: np.ndarray, x: int, y: int, right: int, bottom: int) -> None:
    full = np.pad(crop, ((y, bottom), (x, right)))
    expected = coco.encode(np.asfortranarray(full.astype(np.uint8)))
    found = rle.encode(crop, x, y, full.shape)
    assert (found["size"], found["counts"]) == (expected["size"], expected["counts"].decode())
    np.testing.assert_array_equal(coco.decode(found), full)


def rasterised(outlines: list[list[float]], size: tuple[int, int]) -> np.ndarray:
    full = np.zeros(size, np.uint8)
    for outline in outlines:
        cv2.fillPoly(full, [np.array(outline).reshape(-1, 2).astype(np.int32)], 1)
    return full.astype(bool)


@pytest.mark.parametrize("seed", range(12))
def test_polygons_rasterise_to_the_same_mask(seed: int) -> None:
    crop = cv2.resize(blob(seed), (170, 130)) >= 0.5
    full = np.pad(crop, ((7, 3), (11, 5)))
    again = rasterised(polygons.trace(crop, 11, 7), full.shape)
    assert (again & full).sum() / (again | full).sum() >= 0.98


def test_polygons_keep_holes_and_parts() -> None:
    crop = np.zeros((40, 40), bool)
    crop[5:35, 5:25] = True
    crop[12:22, 9:19] = False
    crop[30, 38] = True
    outlines = polygons.trace(crop, 0, 0)
    assert len(outlines) == 2 and all(len(outline) >= 6 for outline in outlines)
    again = rasterised(outlines, crop.shape)
    assert (again & crop).sum() / (again | crop).sum() >= 0.98
    assert not again[15:19, 12:16].any()


BITMAPS = arrays.arrays(bool, st.tuples(st.integers(1, 14), st.integers(1, 14)))


def filled_parts(bitmap: np.ndarray) -> list[np.ndarray]:
    """The connected parts that lie in no other's hole, their own holes filled."""
    filled = ndimage.binary_fill_holes(bitmap)  # the ground is connected by sides only, so parts by corners, too
    labels, count = ndimage.label(filled, np.ones((3, 3)))
    return [labels == i for i in range(1, count + 1)]


@given(BITMAPS, st.integers(0, 5), st.integers(0, 5))
def test_an_outline_rasterises_to_the_largest_part_without_holes(crop: np.ndarray, x: int, y: int) -> None:
    points = polygons.outline(crop, x, y)
    full = np.pad(crop, ((y, 2), (x, 2)))
    if not crop.any():
        assert points.shape == (0, 2)
        return
    assert len(points) >= 3 and points.dtype == np.int32
    assert full[points[:, 1], points[:, 0]].all()  # corners are pixels of the mask, and so inside the picture
    drawn = np.zeros(full.shape, np.uint8)
    cv2.fillPoly(drawn, [points], 1)
    (part,) = (part for part in filled_parts(full) if (part == drawn.astype(bool)).all())
    contours, _ = cv2.findContours(full.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    assert cv2.contourArea(points) == max(map(cv2.contourArea, contours)) and part.any()


@pytest.mark.parametrize("seed", range(12))
def test_an_outline_of_a_smooth_mask_is_its_largest_part(seed: int) -> None:
    crop = cv2.resize(blob(seed), (170, 130)) >= 0.5
    drawn = np.zeros(crop.shape, np.uint8)
    cv2.fillPoly(drawn, [polygons.outline(crop, 0, 0)], 1)
    largest = max(filled_parts(crop), key=np.sum)
    np.testing.assert_array_equal(drawn.astype(bool), largest)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], []),
        ([[0, 0]], []),
        ([[1]], [[5, 7]] * 3),
        ([[0, 1, 1, 0]], [[6, 7], [7, 7], [7, 7]]),
        ([[1, 0, 1, 1, 1]], [[7, 7], [9, 7], [9, 7]]),  # the longer line
        ([[1, 1, 1, 1, 1], [0, 0, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 0, 0, 0]], [[5, 9], [5, 10], [6, 10], [6, 9]]),
        ([[1, 1, 1], [1, 0, 1], [1, 1, 1]], [[5, 7], [5, 9], [7, 9], [7, 7]]),  # no way to the hole
    ],
)
def test_outlines_of_thin_and_holed_parts(rows: list[list[int]], expected: list[list[int]]) -> None:
    assert polygons.outline(np.array(rows, bool), 5, 7).tolist() == expected


@pytest.mark.parametrize("size", [(90, 130), (40, 30), (1, 1), (300, 7)])
def test_label_map_equals_interpolate_and_argmax(size: tuple[int, int]) -> None:
    logits = torch.nn.functional.interpolate(
        torch.randn(1, 6, 9, 13, generator=torch.Generator().manual_seed(1)), (72, 104), mode="bilinear"
    )
    expected = functional.interpolate(logits, size, mode="bilinear", align_corners=False).argmax(1)[0].numpy()
    assert (argmax.argmax_resized(logits[0].numpy(), size) != expected).mean() <= 1e-5


def test_label_map_counts_over_256_classes() -> None:
    logits = np.zeros((300, 2, 2), np.float32)
    logits[299] = 1
    found = argmax.argmax_resized(logits, (4, 4))
    assert found.dtype == np.uint16 and (found == 299).all()


TRIANGLE = [4.0, 4.0, 40.0, 10.0, 12.5, 50.25]
SQUARE = [60.0, 20.0, 80.0, 20.0, 80.0, 40.0, 60.0, 40.0]


@pytest.mark.parametrize(
    ("outlines", "drawn"),
    [
        ([TRIANGLE], [TRIANGLE]),
        ([TRIANGLE, SQUARE], [TRIANGLE, SQUARE]),
        ([SQUARE, SQUARE], [SQUARE]),
        ([[1.0, 1.0, 9.0, 9.0], SQUARE], [SQUARE]),  # two corners are no polygon
        ([[-20.0, -20.0, 30.0, -20.0, 30.0, 200.0, -20.0, 200.0]], [[0.0, 0.0, 30.0, 0.0, 30.0, 90.0, 0.0, 90.0]]),
    ],
)
def test_polygons_are_drawn_as_pycocotools_draws_them(outlines: list[list[float]], drawn: list[list[float]]) -> None:
    expected = coco.decode(coco.frPyObjects(drawn, *SIZE)).any(axis=2)
    found = rle.from_segmentation(outlines, SIZE)
    assert (found.shape, found.dtype) == (SIZE, bool) and found.any()
    np.testing.assert_array_equal(found, expected)


def test_a_square_of_whole_pixels_is_drawn_as_it_is() -> None:
    expected = np.zeros(SIZE, bool)
    expected[20:40, 60:80] = True
    np.testing.assert_array_equal(rle.from_segmentation([SQUARE], SIZE), expected)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([6], [[0, 0, 0], [0, 0, 0]]),
        ([0, 6], [[1, 1, 1], [1, 1, 1]]),
        ([1, 2, 3], [[0, 1, 0], [1, 0, 0]]),  # down the columns
        ([0, 1, 4, 1], [[1, 0, 0], [0, 0, 1]]),
    ],
)
def test_run_lengths_are_read_down_the_columns(counts: list[int], expected: list[list[int]]) -> None:
    found = rle.from_segmentation({"size": [2, 3], "counts": counts}, (2, 3))
    assert found.dtype == bool and found.astype(int).tolist() == expected


@given(arrays.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_compressed_run_lengths_are_read_again(mask: np.ndarray) -> None:
    packed = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    as_text = {**packed, "counts": packed["counts"].decode()}
    for segmentation in (packed, as_text, rle.encode(mask, 0, 0, mask.shape)):
        np.testing.assert_array_equal(rle.from_segmentation(segmentation, mask.shape), mask)


@pytest.mark.parametrize(
    ("segmentation", "reason"),
    [
        ([], "at least three corners"),
        ([[1.0, 1.0, 5.0, 5.0]], "at least three corners"),
        ({"size": [120, 90], "counts": [120 * 90]}, "are of size"),
        ({"counts": [120 * 90]}, "are of size None"),
    ],
)
def test_what_is_no_segmentation_is_refused(segmentation: list[list[float]] | dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        rle.from_segmentation(segmentation, SIZE)
