"""Both forms of masks answer alike."""

import numpy as np
import pytest

from container.structures import Bitmasks, Instances, Masks, RoiMasks, SemanticMap

SQUARE = np.zeros((6, 8), bool)
SQUARE[2:4, 3:7] = True
BITMASKS = Bitmasks(np.stack([SQUARE, np.zeros((6, 8), bool), ~SQUARE]))
ROI_MASKS = RoiMasks(np.ones((2, 28, 28), np.float32), np.array([[3, 2, 7, 4], [20, 20, 30, 30]], np.float32), (6, 8))


def test_a_bitmap_is_its_crop_in_its_place() -> None:
    crop, x, y = BITMASKS.crop(0)
    assert (crop.shape, x, y) == ((2, 4), 3, 2) and crop.all()
    np.testing.assert_array_equal(BITMASKS.bitmap(0), SQUARE)


@pytest.mark.parametrize(("masks", "i"), [(BITMASKS, 1), (ROI_MASKS, 1)])
def test_nothing_there_is_nothing_in_every_form(masks: Masks, i: int) -> None:
    assert masks.crop(i)[0].size == 0
    assert not masks.bitmap(i).any()
    assert masks.polygons(i) == []
    assert masks.outline(i).shape == (0, 2)
    assert masks.rle(i) == {"size": [6, 8], "counts": "`1"}


@pytest.mark.parametrize("masks", [BITMASKS, ROI_MASKS])
def test_an_outline_lies_in_the_picture_as_its_crop_does(masks: Masks) -> None:
    rows, columns = np.nonzero(masks.bitmap(0))
    corners = {(x, y) for x in (columns.min(), columns.max()) for y in (rows.min(), rows.max())}
    assert {tuple(point) for point in masks.outline(0).tolist()} == corners


@pytest.mark.parametrize("mode", ["accurate", "tradeoff", "fast"])
def test_modes_agree_on_a_full_box(mode: str) -> None:
    masks = RoiMasks(ROI_MASKS.probabilities, np.array([[10, 10, 90, 70]] * 2, np.float32), (100, 100), mode, 0.5)
    assert abs(int(masks.bitmap(0).sum()) - 80 * 60) < 0.06 * 80 * 60


def test_finer_modes_follow_a_slope_more_closely() -> None:
    slope = np.tri(28, dtype=np.float32)[None]
    box = np.array([[0, 0, 280, 280]], np.float32)
    exact = RoiMasks(slope, box, (280, 280)).bitmap(0)
    wrong = [
        (RoiMasks(slope, box, (280, 280), mode, factor).bitmap(0) ^ exact).sum()
        for mode, factor in (("fast", 0), ("tradeoff", 0.2), ("tradeoff", 1))
    ]
    assert wrong[0] > wrong[1] > wrong[2] == 0


def test_indexing_filters_every_field() -> None:
    instances = Instances(
        (6, 8), np.arange(12, dtype=np.float32).reshape(3, 4), np.array([0.9, 0.8, 0.7], np.float32),
        np.array([1, 2, 1]), ("a", "b", "a"), BITMASKS, np.zeros((3, 17, 3), np.float32),
    )  # fmt: skip
    kept = instances[instances.classes == 1]
    assert (len(kept), kept.labels, kept.boxes[1].tolist()) == (2, ("a", "a"), [8, 9, 10, 11])
    assert kept.masks is not None and kept.keypoints is not None
    assert (len(kept.masks), len(kept.keypoints), kept.masks.bitmap(1).sum()) == (2, 2, 40)


def test_unequal_fields_are_refused() -> None:
    with pytest.raises(ValueError, match="unequal length.*'labels': 1"):
        Instances((1, 1), np.zeros((2, 4), np.float32), np.zeros(2, np.float32), np.zeros(2, np.int64), ("a",))


def test_a_semantic_map_as_instances() -> None:
    ids = np.zeros((4, 5), np.uint8)
    ids[1:3, 2:4] = 2
    ids[3, 0] = 1
    instances = SemanticMap(ids, {1: 0.6, 2: 0.9}, ("background", "cat", "dog")).instances()
    assert instances.labels == ("dog", "cat")
    assert instances.boxes.tolist() == [[2, 1, 4, 3], [0, 3, 1, 4]]
    assert instances.masks is not None and instances.masks.bitmap(0).sum() == 4
    assert len(SemanticMap(ids * 0, {}, ("background",)).instances()) == 0


def test_a_semantic_map_without_probabilities_has_the_means_of_its_classes() -> None:
    ids = np.array([[0, 1, 1], [300, 300, 0]], np.uint16)
    found = SemanticMap(ids, {1: 0.6, 300: 1.0}, ("background",) * 301).pixel_confidences()
    assert found.tolist() == [[0, 153, 153], [255, 255, 0]] and found.dtype == np.uint8
    assert SemanticMap(ids[:0], {}, ()).pixel_confidences().shape == (0, 3)
