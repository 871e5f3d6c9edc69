"""Crops at fixed places."""

import numpy as np
import pytest

from container.workflows.errors import StepFailed
from tests.workflows.blocks.rows import picture, run

ABSOLUTE, RELATIVE = "roboflow_core/absolute_static_crop@v1", "roboflow_core/relative_static_crop@v1"


@pytest.mark.parametrize(
    ("name", "x", "y", "width", "height", "part"),
    [
        (ABSOLUTE, 40, 30, 20, 10, (30, 25, 50, 35)),
        ("AbsoluteStaticCrop", 40, 30, 21, 11, (30, 24, 51, 35)),  # halves are rounded to even
        (ABSOLUTE, 5, 5, 20, 20, (0, 0, 15, 15)),
        (ABSOLUTE, 75, 55, 20, 20, (65, 45, 80, 60)),
        (ABSOLUTE, 40, 30, 1_000_000, 1_000_000, (0, 0, 80, 60)),
        (ABSOLUTE, 200, 30, 20, 10, None),
        (RELATIVE, 0.5, 0.5, 0.25, 0.5, (30, 15, 50, 45)),
        ("roboflow_core/relative_statoic_crop@v1", 0.5, 0.5, 1, 1, (0, 0, 80, 60)),
        ("RelativeStaticCrop", 0, 0, 0.5, 0.5, (0, 0, 20, 15)),
        (RELATIVE, 1, 1, 0.5, 0.5, (60, 45, 80, 60)),
        (RELATIVE, 0.5, 0.5, 0, 0.5, None),
    ],
)
def test_a_part_around_a_point(
    name: str, x: float, y: float, width: float, height: float, part: tuple[int, int, int, int] | None
) -> None:
    whole, asked = picture(), list[int]()
    crop = run(name, asked.append, image=whole, x_center=x, y_center=y, width=width, height=height)["crops"]
    if part is None:
        assert crop is None
        return
    left, top, right, bottom = part
    np.testing.assert_array_equal(crop.pixels, whole.pixels[top:bottom, left:right])
    assert (crop.frame.root.x, crop.frame.root.y, crop.frame.parent.id) == (left, top, "image")
    assert crop.frame.id.startswith(name.split("/")[-1].split("@")[0] if name in (ABSOLUTE, RELATIVE) else "")
    assert asked == [(right - left) * (bottom - top)]


def test_two_crops_have_two_ids() -> None:
    fields = {"x_center": 9, "y_center": 9, "width": 4, "height": 4}
    one, other = (run(ABSOLUTE, images=picture(), **fields)["crops"] for _ in range(2))
    assert one.frame.id != other.frame.id


def test_a_number_of_a_step_that_is_none_is_named() -> None:
    from container.workflows.manifest import blocks

    row = {"images": picture(), "x_center": "wide", "y_center": 1, "width": 2, "height": 2}
    with pytest.raises(StepFailed, match="x_center is 'wide'; it takes a whole number"):
        blocks[ABSOLUTE].run(row, None)  # type: ignore[arg-type]
