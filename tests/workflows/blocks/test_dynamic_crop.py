"""Crops of detections are the picture's pixels, and what was found in them lies where it did."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from container.errors import PayloadTooLarge
from container.structures import Bitmasks
from container.workflows.errors import StepFailed
from container.workflows.values import Frame, Place
from tests.workflows.blocks.rows import WHOLE, found, picture, rectangle, run

DYNAMIC = "roboflow_core/dynamic_crop@v1"


@pytest.mark.parametrize("name", [DYNAMIC, "DynamicCrop", "Crop"])
def test_a_crop_is_the_part_of_the_picture_in_its_box(name: str) -> None:
    whole = picture()
    crops = run(name, image=whole, detections=found([10, 20, 30, 50], [0.4, 0.6, 79.6, 60]))
    np.testing.assert_array_equal(crops[0]["crops"].pixels, whole.pixels[20:50, 10:30])
    np.testing.assert_array_equal(crops[1]["crops"].pixels, whole.pixels[1:60, 0:80])
    assert not np.shares_memory(crops[0]["crops"].pixels, whole.pixels)
    assert crops[0]["crops"].frame == Frame(
        "a", (30, 20), Place("image", 10, 20, (60, 80)), Place("image", 10, 20, (60, 80))
    )


def test_the_detection_of_a_crop_has_its_coordinates() -> None:
    boxes, masks = ([10.5, 20, 30, 50], [0, 0, 8, 8]), ([12, 22, 28, 48], [0, 0, 8, 8])
    first, second = run(DYNAMIC, images=picture(), predictions=found(*boxes, masks=masks, classes=[3, 4]))
    own = first["predictions"]
    assert (own.ids, own.frame, own.instances.labels, len(own)) == (("a",), first["crops"].frame, ("class 3",), 1)
    assert own.instances.boxes.tolist() == [[0.5, 0, 20, 30]]
    assert rectangle(own, 0) == [2, 2, 18, 28]
    assert rectangle(second["predictions"], 0) == [0, 0, 8, 8]
    assert own.in_root().instances.boxes.tolist() == [boxes[0]]
    assert rectangle(own.in_root(), 0) == masks[0]


def test_crops_of_crops_know_their_place_in_both() -> None:
    whole = picture()
    (first,) = run(DYNAMIC, images=whole, predictions=found([10, 20, 50, 60]))
    (second,) = run(DYNAMIC, images=first["crops"], predictions=found([5, 5, 25, 15], frame=first["crops"].frame))
    np.testing.assert_array_equal(second["crops"].pixels, whole.pixels[25:35, 15:35])
    assert second["crops"].frame == Frame("a", (10, 20), Place("a", 5, 5, (40, 40)), Place("image", 15, 25, (60, 80)))
    assert second["predictions"].in_root().instances.boxes.tolist() == [[15, 25, 35, 35]]


@pytest.mark.parametrize(
    "box", [[10, 10, 10, 20], [10, 10, 20, 10], [10.4, 10, 10.5, 20], [-20, 0, -5, 9], [80, 0, 99, 9], [20, 20, 10, 10]]
)
def test_an_empty_box_gives_no_crop_and_the_others_keep_their_order(box: list[float]) -> None:
    crops = run(DYNAMIC, images=picture(), predictions=found([0, 0, 5, 5], box, [0, 0, 7, 5]))
    assert crops[1] == {"crops": None, "predictions": None}
    assert [one["crops"].frame.size for one in (crops[0], crops[2])] == [(5, 5), (5, 7)]


def test_without_detections_there_are_no_crops() -> None:
    assert run(DYNAMIC, images=picture(), predictions=found()) == []


@pytest.mark.parametrize(
    ("opacity", "color", "expected"),
    [
        (1, "#ff8000", (255, 128, 0)),
        (1, "#f80", (255, 136, 0)),
        (1, "(1, 2, 3)", (1, 2, 3)),
        (1, [1, 2, 3], (1, 2, 3)),
        (0.5, [100, 200, 0], None),
    ],
)
def test_what_the_mask_leaves_out_is_covered(opacity: float, color: object, expected: tuple[int, ...] | None) -> None:
    whole, masks = picture(), ([12, 22, 28, 48],)
    predictions = found([10, 20, 30, 50], masks=masks)
    (crop,) = run(
        DYNAMIC, images=whole, predictions=predictions, mask_opacity=opacity, background_color=color
    )  # fmt: skip
    pixels, before = crop["crops"].pixels, whole.pixels[20:50, 10:30]
    np.testing.assert_array_equal(pixels[2:28, 2:18], before[2:28, 2:18])
    outside = np.ones((30, 20), bool)
    outside[2:28, 2:18] = False
    goal = before[outside] * 0.5 + [50, 100, 0] if expected is None else np.broadcast_to(expected, (outside.sum(), 3))
    assert abs(pixels[outside] - goal).max() <= 0.5


@pytest.mark.parametrize("masks", [None, ([12, 22, 28, 48],)])
def test_without_opacity_or_masks_a_crop_stays_as_it_is(masks: tuple[list[int]] | None) -> None:
    whole, opacity = picture(), 1.0 if masks is None else 0.0
    (crop,) = run(DYNAMIC, images=whole, predictions=found([10, 20, 30, 50], masks=masks), mask_opacity=opacity)
    np.testing.assert_array_equal(crop["crops"].pixels, whole.pixels[20:50, 10:30])


def test_room_is_asked_for_all_crops_before_the_first() -> None:
    def room(pixels: int) -> None:
        assert pixels == 20 * 30 + 80 * 60
        raise PayloadTooLarge("too much")

    with pytest.raises(PayloadTooLarge):
        run(DYNAMIC, room, images=picture(), predictions=found([10, 20, 30, 50], [0, 0, 80, 60]))


def test_detections_of_the_picture_are_cut_from_a_part_of_it_where_they_lie_there() -> None:
    whole = picture()
    part = whole.crop("part", 20, 10, 60, 50)
    crops = run(DYNAMIC, images=part, predictions=found([10, 20, 30, 40], [0, 0, 9, 9]))
    np.testing.assert_array_equal(crops[0]["crops"].pixels, whole.pixels[20:40, 20:30])
    assert crops[1]["crops"] is None


def test_detections_of_another_picture_are_refused() -> None:
    with pytest.raises(StepFailed, match="picture 'other' of 80 × 60 pixels cannot be placed in picture 'image'"):
        run(DYNAMIC, images=picture(), predictions=found([0, 0, 9, 9], frame=Frame("other", WHOLE.size)))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"images": 3}, "images is a number; it takes a picture"),
        ({"predictions": ["x"]}, "predictions is a list; it takes detections"),
    ],
)
def test_values_of_another_kind_are_named(given: dict[str, object], message: str) -> None:
    with pytest.raises(StepFailed, match=message):
        run(DYNAMIC, **{"images": picture(), "predictions": found(), **given})


@given(st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_mask_and_box_agree_after_every_crop(seed: int) -> None:
    """A mask that fills its box still does, to the pixel, in the crop, in a crop of it, and back in the picture."""
    random = np.random.default_rng(seed)
    corners = random.integers(0, [70, 50], (4, 2))
    boxes = np.concatenate([corners, np.minimum(corners + random.integers(1, 30, (4, 2)), [80, 60])], axis=1).tolist()
    whole, predictions = picture(), found(*boxes, masks=boxes)
    assert isinstance(predictions.instances.masks, Bitmasks)
    for crop, box in zip(run(DYNAMIC, images=whole, predictions=predictions), boxes, strict=True):
        own = crop["predictions"]
        assert rectangle(own, 0) == own.instances.boxes[0].tolist()
        (again,) = run(DYNAMIC, images=crop["crops"], predictions=own)
        np.testing.assert_array_equal(again["crops"].pixels, crop["crops"].pixels)
        assert (
            rectangle(again["predictions"].in_root(), 0)
            == box
            == again["predictions"].in_root().instances.boxes[0].tolist()
        )
