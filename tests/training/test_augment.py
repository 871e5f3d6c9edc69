"""Views of a photo: what is drawn on it moves with it."""

import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from container.training.augment import GREY, LEAST_CLOSE, View
from container.training.objects import _boxes_around

SIZE = 48
PHOTOS = st.tuples(st.integers(20, 90), st.integers(20, 90))
BOXES = st.tuples(st.floats(0, 0.7), st.floats(0, 0.7), st.floats(0.15, 1), st.floats(0.15, 1))


def scene(
    photo: tuple[int, int], part: tuple[float, float, float, float]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A white rectangle on black: pixels, its box, and two masks, of the rectangle and of the whole photo."""
    height, width = photo
    x1, y1 = int(part[0] * width), int(part[1] * height)
    x2, y2 = min(width, x1 + max(3, int(part[2] * width))), min(height, y1 + max(3, int(part[3] * height)))
    masks = torch.ones(2, height, width, dtype=torch.bool)
    masks[0] = False
    masks[0, y1:y2, x1:x2] = True
    return (masks[:1] * 255).to(torch.uint8).expand(3, -1, -1), torch.tensor([[x1, y1, x2, y2]]).float(), masks


@settings(deadline=None, max_examples=120)
@given(PHOTOS, BOXES, st.integers(0, 10**6), st.booleans())
def test_boxes_masks_and_pixels_move_together(
    photo: tuple[int, int], part: tuple[float, float, float, float], seed: int, near: bool
) -> None:
    pixels, box, masks = scene(photo, part)
    torch.manual_seed(seed)
    random.seed(seed)
    seen, moved, left = View(SIZE, (0.7, 2.2), mask_fill=0)(pixels, box, masks, near)
    assert moved is not None and left is not None
    assert (seen.shape, seen.dtype) == ((3, SIZE, SIZE), torch.uint8)
    assert moved.shape == (1, 4) and (left.shape, left.dtype) == ((2, SIZE, SIZE), torch.bool)
    if left[0].any():
        assert (moved - _boxes_around(left[:1])).abs().max() <= 2
    else:
        assert (moved[:, 2:] - moved[:, :2]).min() <= 2
    black = left[1] & ~left[0]
    if left[0].sum() > 20 and black.sum() > 20:
        assert seen[:, left[0]].float().mean() > seen[:, black].float().mean() + 20


@settings(deadline=None, max_examples=60)
@given(PHOTOS, st.integers(0, 10**6))
def test_a_photo_that_is_too_short_lies_in_grey(photo: tuple[int, int], seed: int) -> None:
    torch.manual_seed(seed)
    pixels = torch.full((3, *photo), GREY, dtype=torch.uint8)
    masks = torch.zeros((1, *photo), dtype=torch.uint8)
    seen, _, left = View(SIZE, (0.4, 0.6), mask_fill=255)(pixels, masks=masks)
    assert left is not None
    covered = (left[0] == 0).sum().item()
    longer = max(photo)
    assert 0.35**2 < covered / (SIZE**2 * min(photo) / longer) < 0.65**2
    assert ((left[0] == 0) | (left[0] == 255)).all()
    assert (seen[:, left[0] == 255].float().std() < 1e-3).all()


def test_views_are_flipped_half_of_the_time() -> None:
    pixels, box, _ = scene((40, 40), (0, 0.2, 0.2, 0.5))
    view = View(SIZE, (1.0, 1.0), mask_fill=0)
    torch.manual_seed(0)
    boxes = [view(pixels, box)[1] for _ in range(60)]
    left = sum(bool(moved is not None and moved[0, 0] < SIZE / 2) for moved in boxes)
    assert 15 < left < 45


@pytest.mark.parametrize(("side", "near"), [(LEAST_CLOSE, True), (LEAST_CLOSE - 1, False)])
def test_a_close_up_shows_an_object_that_is_large_enough(side: int, near: bool) -> None:
    photo, box = torch.zeros(3, 400, 500, dtype=torch.uint8), torch.tensor([[300, 100, 300 + side, 120]]).float()
    view = View(SIZE, (1.0, 1.0), mask_fill=0)
    widths = []
    for seed in range(20):
        torch.manual_seed(seed)
        random.seed(seed)
        _, seen, _ = view(photo, box, near=True)
        assert seen is not None
        widths.append((seen[0, 2] - seen[0, 0]).item())
    assert min(widths) > SIZE * 0.3 and max(widths) > SIZE * 0.8 if near else max(widths) < SIZE * 0.2


def test_a_photo_without_objects_has_no_close_up() -> None:
    seen, boxes, _ = View(SIZE, (1.0, 1.0), mask_fill=0)(torch.zeros(3, 60, 60), torch.zeros(0, 4), near=True)
    assert seen.shape == (3, SIZE, SIZE) and boxes is not None and len(boxes) == 0


@pytest.mark.parametrize("count", [0, 3])
def test_none_stays_none_and_no_objects_are_no_objects(count: int) -> None:
    view = View(SIZE, (0.7, 2.2), mask_fill=0)
    pixels = torch.zeros(3, 30, 40, dtype=torch.uint8)
    seen, boxes, masks = view(pixels, torch.ones(count, 4), torch.ones(count, 30, 40, dtype=torch.bool))
    assert boxes is not None and masks is not None
    assert (seen.shape, boxes.shape, masks.shape) == ((3, SIZE, SIZE), (count, 4), (count, SIZE, SIZE))
    assert view(pixels)[1:] == (None, None)
    assert not any(type(tensor) is not torch.Tensor for tensor in (seen, boxes, masks))


def test_the_same_seed_is_the_same_view() -> None:
    pixels = torch.randint(0, 255, (3, 50, 40), dtype=torch.uint8)
    view = View(SIZE, (0.7, 2.2), mask_fill=0)
    seen = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        seen.append(view(pixels)[0])
    assert torch.equal(seen[0], seen[1]) and not torch.equal(seen[0], seen[2])
