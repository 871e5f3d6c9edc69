"""Points of boxes, and where labels and enlarged parts go from them."""

import numpy as np
import pytest

from container.rendering.anchors import POSITIONS, anchor_points, enlarged_corner, label_corner
from tests.rendering.scenes import found

BOX = (10.0, 20.0, 50.0, 40.0)


@pytest.mark.parametrize(
    ("position", "point", "label", "enlarged"),
    [
        ("CENTER", (30, 30), (25, 28), (25, 28)),
        ("CENTER_LEFT", (10, 30), (0, 28), (0, 28)),
        ("CENTER_RIGHT", (50, 30), (50, 28), (50, 28)),
        ("TOP_CENTER", (30, 20), (25, 16), (25, 16)),
        ("TOP_LEFT", (10, 20), (10, 16), (0, 16)),
        ("TOP_RIGHT", (50, 20), (40, 16), (50, 16)),
        ("BOTTOM_LEFT", (10, 40), (10, 40), (0, 40)),
        ("BOTTOM_CENTER", (30, 40), (25, 40), (25, 40)),
        ("BOTTOM_RIGHT", (50, 40), (40, 40), (50, 40)),
        ("CENTER_OF_MASS", (29.5, 29.5), (24, 28), (24, 28)),  # of pixels 10 to 49 and 20 to 39
    ],
)
def test_positions(
    position: str, point: tuple[float, float], label: tuple[int, int], enlarged: tuple[int, int]
) -> None:
    points = anchor_points(found((60, 80), BOX), position)
    assert points.tolist() == [[*point]]
    size = (4, 10)
    assert label_corner(points[0], size, position, (60, 80)) == label
    assert enlarged_corner(points[0], size, position) == enlarged


def test_there_are_ten() -> None:
    assert len(POSITIONS) == 10


def test_the_center_of_mass_needs_masks_and_follows_them() -> None:
    scene = found((60, 80), BOX, (0, 0, 4, 4))
    assert scene.masks is not None
    scene.masks.bitmaps[0, :, 20:] = False  # type: ignore[attr-defined]
    scene.masks.bitmaps[1] = False  # type: ignore[attr-defined]
    assert anchor_points(scene, "CENTER_OF_MASS").tolist() == [[14.5, 29.5], [2, 2]]  # an empty one: of its box
    with pytest.raises(ValueError, match="masks"):
        anchor_points(found((60, 80), BOX, masks=False), "CENTER_OF_MASS")


@pytest.mark.parametrize(
    ("point", "corner"), [((-5, 2), (0, 0)), ((75, 58), (70, 54)), ((40, -9), (40, 0)), ((1e9, 1e9), (70, 56))]
)
def test_labels_are_moved_into_the_picture(point: tuple[float, float], corner: tuple[int, int]) -> None:
    assert label_corner(np.array(point), (4, 10), "TOP_LEFT", (60, 80)) == corner


def test_a_label_larger_than_the_picture_begins_at_its_corner() -> None:
    assert label_corner(np.array([5, 5]), (90, 90), "BOTTOM_RIGHT", (60, 80)) == (0, 0)


def test_no_instance_has_no_point() -> None:
    assert (
        anchor_points(found((6, 8)), "CENTER").shape == anchor_points(found((6, 8)), "CENTER_OF_MASS").shape == (0, 2)
    )
