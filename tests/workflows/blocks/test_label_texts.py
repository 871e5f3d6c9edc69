"""What labels say."""

import numpy as np
import pytest

from container.workflows.blocks.label_visualization import texts_of
from container.workflows.values import Frame, Picture
from tests.workflows.blocks.rows import found, run

BOXES = (10.0, 20.0, 40.5, 50.0), (0.0, 0.0, 8.0, 6.0)
SEEN = found(*BOXES, scores=[0.987, 0.5], labels=["cat", "dog"], masks=[(10, 20, 30, 40), (0, 0, 8, 6)])
TOLD = SEEN.with_data("area_px", [400.0, None]).with_data("area_converted", [1.5, 2]).with_data("tracker_id", [7, None])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Class", ["cat", "dog"]),
        ("Confidence", ["0.99", "0.50"]),
        ("Class and Confidence", ["cat 0.99", "dog 0.50"]),
        ("Index", ["0", "1"]),
        ("Dimensions", ["25, 35 30x30", "4, 3 8x6"]),
        ("Area", ["400", "48"]),
        ("Area (mask)", ["Area (mask): 400.00", "Area (mask): N/A"]),
        ("Area (converted)", ["Area (conv): 1.50", "Area (conv): 2"]),
        ("Tracker Id", ["7", "N/A"]),
        ("Time In Zone", ["In zone: 1.25s", "In zone: N/A"]),
    ],
)
def test_texts(text: str, expected: list[str]) -> None:
    assert texts_of(TOLD.with_data("time_in_zone", [1.25, None]), text) == expected


def test_the_area_of_boxes_is_told_where_there_are_no_masks() -> None:
    assert texts_of(found(*BOXES), "Area") == ["915", "48"]


def height_of(side: int, **given: object) -> int:
    """The pixels from the top to the bottom of a label in a square picture."""
    frame = Frame("image", (side, side))
    picture, box = Picture(np.zeros((side, side, 3), np.uint8), frame), (0.3 * side, 0.5 * side, 0.6 * side, 0.8 * side)
    name = "roboflow_core/label_visualization@v2"
    drawn = run(name, image=picture, predictions=found(box, frame=frame), **given)["image"].pixels
    return int(drawn.any(axis=(1, 2)).sum())


@pytest.mark.parametrize(
    ("side", "manual", "automatic"), [(200, 41, 11), (540, 41, 21), (1080, 41, 41), (2160, 41, 82), (8000, 41, 205)]
)
def test_automatic_sizes_grow_with_the_picture(side: int, manual: int, automatic: int) -> None:
    assert abs(height_of(side) - manual) <= 1
    assert abs(height_of(side, text_size_mode="Automatic") - automatic) <= 4


@pytest.mark.parametrize(("scale", "height"), [(0.5, 30), (1.0, 41), (2.0, 66)])
def test_a_scale_is_of_the_letters(scale: float, height: int) -> None:
    assert abs(height_of(1080, text_scale=scale) - height) <= 2
