"""Slices cover a picture, and their number is bounded before they are made."""

import numpy as np
import pytest

from container.errors import BadRequest
from container.workflows.values import Frame, Picture
from tests.workflows.blocks.rows import picture, run

V1, V2 = (f"roboflow_core/image_slicer@v{version}" for version in (1, 2))


@pytest.mark.parametrize(
    ("name", "width", "height", "overlap", "spans"),
    [
        # Across, then down; the picture has 80 × 60 pixels.
        (V1, 40, 30, 0, ([(0, 40), (40, 80)], [(0, 30), (30, 60)])),
        (V1, 50, 60, 0.2, ([(0, 50), (40, 80)], [(0, 60), (48, 60)])),
        (V2, 50, 60, 0.2, ([(0, 50), (30, 80)], [(0, 60)])),
        (V2, 30, 25, 0.5, ([(0, 30), (15, 45), (30, 60), (45, 75), (50, 80)], [(0, 25), (13, 38), (26, 51), (35, 60)])),
        (V1, 640, 640, 0.2, ([(0, 80)], [(0, 60)])),
        (V2, 640, 640, 0.2, ([(0, 80)], [(0, 60)])),
        (V1, 40, 30, 0.99, ([(x, min(x + 40, 80)) for x in range(80)], [(y, min(y + 30, 60)) for y in range(60)])),
    ],
)
def test_slices(
    name: str, width: int, height: int, overlap: float, spans: tuple[list[tuple[int, int]], list[tuple[int, int]]]
) -> None:
    whole, asked = picture(), list[int]()
    fields = {"slice_width": width, "slice_height": height, "overlap_ratio_width": overlap}
    if len(spans[0]) * len(spans[1]) > 1000:
        with pytest.raises(BadRequest, match="divide a picture of 80 × 60 pixels into 4,800 parts; 1,000 are allowed"):
            run(name, asked.append, images=whole, **fields, overlap_ratio_height=overlap)
        assert not asked
        return
    slices = run(name, asked.append, images=whole, **fields, overlap_ratio_height=overlap)
    places = [(x, y) for y in spans[1] for x in spans[0]]
    assert len(slices) == len(places) == len({one["slices"].frame.id for one in slices})
    for one, ((left, right), (top, bottom)) in zip(slices, places, strict=True):
        np.testing.assert_array_equal(one["slices"].pixels, whole.pixels[top:bottom, left:right])
        assert (one["slices"].frame.parent.x, one["slices"].frame.parent.y) == (left, top)
    assert asked == [sum(one["slices"].pixels[..., 0].size for one in slices)]


def test_defaults_are_slices_of_640_with_a_fifth_in_common() -> None:
    whole = Picture(np.zeros((700, 1200, 3), np.uint8), Frame("image", (700, 1200)))
    places = [(one["slices"].frame.root.x, one["slices"].frame.root.y) for one in run(V1, image=whole)]
    assert places == [(x, y) for y in (0, 512) for x in (0, 512, 1024)]


@pytest.mark.parametrize("name", [V1, V2])
def test_single_pixels_of_a_large_picture_are_refused_at_once(name: str) -> None:
    pixels = np.broadcast_to(np.uint8(0), (3000, 4000, 3))
    with pytest.raises(BadRequest, match="slices of 1 × 1 pixels .* into 12,000,000 parts"):
        run(name, image=Picture(pixels, Frame("image", (3000, 4000))), slice_width=1, slice_height=1)


@pytest.mark.parametrize(
    ("field", "value"),
    [("slice_width", 0), ("slice_height", 2.5), ("overlap_ratio_width", 1), ("overlap_ratio_height", -1)],
)
def test_what_cannot_be_a_slice_is_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{field} is {value}; it takes a"):
        run(V1, image=picture(), **{field: value})
