"""What slices have found comes back to its place in the picture, once."""

import numpy as np
import pytest

from container.errors import BadRequest
from container.workflows.errors import StepFailed
from container.workflows.values import Detections, Picture
from tests.workflows.blocks.rows import Box, found, picture, rectangle, run, with_ids

STITCH = "roboflow_core/detections_stitch@v1"
PICTURE = picture()
LEFT, RIGHT = PICTURE.crop("left", 0, 0, 50, 60), PICTURE.crop("right", 30, 0, 80, 60)


def in_slice(part: Picture, *boxes: Box, masked: bool = True, ids: str = "ab", **more: object) -> Detections:
    """Return what was found in a slice, given in pixels of the whole picture; masks fill their boxes."""
    assert part.frame.root is not None
    x = part.frame.root.x
    own = [(left - x, top, right - x, bottom) for left, top, right, bottom in boxes]
    detections = found(*own, masks=own if masked else None, frame=part.frame, **more)  # type: ignore[arg-type]
    return with_ids(detections, *ids[: len(boxes)])


# A thing in the left slice, one that both see, of which the right slice sees more, and one in the right.
PARTS = [
    in_slice(LEFT, (5, 5, 15, 15), (34, 10, 48, 20), scores=(0.9, 0.6), ids="ab"),
    in_slice(RIGHT, (34, 10, 50, 20), (60, 30, 70, 50), scores=(0.8, 0.7), ids="cd"),
]
UNMASKED = [
    in_slice(LEFT, (5, 5, 15, 15), (34, 10, 48, 20), scores=(0.9, 0.6), ids="ab", masked=False),
    in_slice(RIGHT, (34, 10, 50, 20), (60, 30, 70, 50), scores=(0.8, 0.7), ids="cd", masked=False),
]


@pytest.mark.parametrize("parts", [PARTS, UNMASKED], ids=["masks", "boxes"])
@pytest.mark.parametrize(
    ("fields", "ids", "boxes", "scores"),
    [
        (
            {"overlap_filtering_strategy": "none"},
            "abcd",
            [(5, 5, 15, 15), (34, 10, 48, 20), (34, 10, 50, 20), (60, 30, 70, 50)],
            [0.9, 0.6, 0.8, 0.7],
        ),
        ({}, "acd", [(5, 5, 15, 15), (34, 10, 50, 20), (60, 30, 70, 50)], [0.9, 0.8, 0.7]),
        # 14 × 10 of 16 × 10 pixels are common: an IoU of 0.875.
        ({"iou_threshold": 0.88}, "acdb", [(5, 5, 15, 15), (34, 10, 50, 20), (60, 30, 70, 50), (34, 10, 48, 20)],
         [0.9, 0.8, 0.7, 0.6]),
        # The score of both is their mean, weighted by the areas of 160 and 140 pixels.
        ({"overlap_filtering_strategy": "nmm"}, "acd", [(5, 5, 15, 15), (34, 10, 50, 20), (60, 30, 70, 50)],
         [0.9, (0.8 * 160 + 0.6 * 140) / 300, 0.7]),
    ],
)  # fmt: skip
def test_what_two_slices_see_is_one(
    parts: list[Detections], fields: dict[str, object], ids: str, boxes: list[Box], scores: list[float]
) -> None:
    whole = run(STITCH, reference_image=PICTURE, predictions=parts, **fields)["predictions"]
    assert (whole.ids, whole.frame) == (tuple(ids), PICTURE.frame)
    assert whole.instances.boxes.tolist() == [list(box) for box in boxes]
    assert whole.instances.scores.tolist() == pytest.approx(scores)
    if whole.instances.masks is None:
        assert parts is UNMASKED
    else:
        assert [rectangle(whole, i) for i in range(len(whole))] == [list(box) for box in boxes]


def test_parts_of_one_thing_are_joined_by_region() -> None:
    """Neither slice sees all of it: 20 of 50 columns are common, so the IoU is 0.4."""
    parts = [in_slice(LEFT, (15, 10, 50, 20), ids="a", scores=(0.5,)), in_slice(RIGHT, (30, 12, 65, 20), ids="b")]
    whole = run(STITCH, reference_image=PICTURE, predictions=parts, overlap_filtering_strategy="nmm", iou_threshold=0.3)
    (one,) = [whole["predictions"]]
    assert (one.ids, one.instances.boxes.tolist()) == (("b",), [[15, 10, 65, 20]])
    bitmap = one.instances.masks.bitmap(0)
    expected = np.zeros((60, 80), bool)
    expected[10:20, 15:50] = expected[12:20, 30:65] = True
    np.testing.assert_array_equal(bitmap, expected)


def test_classes_are_kept_apart() -> None:
    parts = [
        in_slice(LEFT, (34, 10, 48, 20), ids="a", classes=(1,)),
        in_slice(RIGHT, (34, 10, 48, 20), ids="b", classes=(2,)),
    ]
    whole = run(STITCH, reference_image=PICTURE, predictions=parts, iou_threshold=0)["predictions"]
    assert whole.instances.labels == ("class 1", "class 2")


@pytest.mark.parametrize("parts", [[], [in_slice(LEFT, ids="")], [in_slice(LEFT, ids=""), in_slice(RIGHT, ids="")]])
@pytest.mark.parametrize("strategy", ["none", "nms", "nmm"])
def test_nothing_found_is_nothing_in_the_picture(parts: list[Detections], strategy: str) -> None:
    whole = run(STITCH, reference_image=PICTURE, predictions=parts, overlap_filtering_strategy=strategy)["predictions"]
    assert (len(whole), whole.frame) == (0, PICTURE.frame)


def test_a_slice_without_findings_needs_no_masks() -> None:
    parts = [in_slice(LEFT, (5, 5, 15, 15), ids="a"), in_slice(RIGHT, ids="", masked=False)]
    assert run(STITCH, reference_image=PICTURE, predictions=parts)["predictions"].ids == ("a",)


def test_masks_and_boxes_cannot_be_mixed() -> None:
    with pytest.raises(StepFailed, match="some of the detections have masks and some have none"):
        run(STITCH, reference_image=PICTURE, predictions=[PARTS[0], UNMASKED[1]])


def test_slices_of_a_crop_are_stitched_in_the_crop() -> None:
    crop = PICTURE.crop("crop", 20, 10, 60, 50)
    part = crop.crop("part", 10, 5, 40, 40)
    seen = found([0, 0, 10, 10], [2, 3, 20, 30], masks=([0, 0, 10, 10], [2, 3, 20, 30]), frame=part.frame)
    whole = run(STITCH, reference_image=crop, predictions=[seen])["predictions"]
    assert whole.frame == crop.frame
    assert whole.instances.boxes.tolist() == [[10, 5, 20, 15], [12, 8, 30, 35]]
    assert [rectangle(whole, i) for i in range(2)] == [[10, 5, 20, 15], [12, 8, 30, 35]]
    assert rectangle(whole.in_root(), 1) == [32, 18, 50, 45]


def test_members_that_all_have_stay() -> None:
    parts = [PARTS[0].with_data("area", (1, 2)).with_data("more", (3, 4)), PARTS[1].with_data("area", (5, 6))]
    whole = run(STITCH, reference_image=PICTURE, predictions=parts)["predictions"]
    assert whole.data == {"area": (1, 5, 6)}


def test_room_for_joined_detections_and_masks_is_asked() -> None:
    asked: list[int] = []
    run(STITCH, asked.append, reference_image=PICTURE, predictions=PARTS, overlap_filtering_strategy="nmm")
    assert asked == [4 * 32, 160 // 24 + 1]


def test_too_many_detections_are_named() -> None:
    part = in_slice(LEFT, *[(5, 5, 15, 15)] * 2)
    with pytest.raises(BadRequest, match="there are 100,002 detections together; 100,000 are allowed"):
        run(STITCH, reference_image=PICTURE, predictions=[part] * 50_001)
