"""Blurs, squares, halos and enlarged parts: what changes where."""

import time
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from container.cancellation import cancelled_by
from container.errors import DeadlineExceeded
from container.rendering.effects import blur, blur_by_size, draw_halos, enlarge, pixelate, pixelate_by_size
from container.structures import Instances
from tests.fakes import EndsAt
from tests.rendering.scenes import found, photo

SIZE = (60, 80)
RED, BLUE = (255, 0, 0), (0, 0, 255)
INSIDE = np.s_[20:40, 30:60]
BOX = (30.0, 20.0, 60.0, 40.0)


def changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    return np.asarray((before != after).any(axis=2))


@pytest.mark.parametrize("masks", [True, False])
def test_a_blur_is_a_mean_inside_and_nothing_outside(masks: bool) -> None:
    before = photo(*SIZE)
    after = before.copy()
    blur(after, found(SIZE, BOX, masks=masks), 5, 0)
    np.testing.assert_allclose(after[30, 45], before[28:33, 43:48].reshape(-1, 3).mean(axis=0), atol=1)
    outside = np.ones(SIZE, bool)
    outside[INSIDE] = False
    assert not changed(before, after)[outside].any()
    assert changed(before, after)[INSIDE].mean() > 0.99


def test_a_larger_kernel_blurs_more() -> None:
    spread = []
    for kernel in (1, 5, 25, 200):
        after = photo(*SIZE)
        blur(after, found(SIZE, BOX), kernel, 0)
        spread.append(float(after[INSIDE].std()))
    assert spread == sorted(spread, reverse=True) and spread[-1] < 5


def test_padding_grows_masks_to_all_sides_and_round_corners() -> None:
    before = photo(*SIZE)
    after = before.copy()
    blur(after, found(SIZE, BOX), 9, 6)
    where = changed(before, after)
    assert where[14:20, 45].all() and where[30, 60:66].all() and where[39:46, 45].all()
    assert not where[:14].any() and not where[:, 66:].any() and not where[14, 24]


def test_masks_are_blurred_and_not_their_boxes() -> None:
    scene, before = found(SIZE, BOX), photo(*SIZE)
    scene.masks.bitmaps[0, 20:30] = False  # type: ignore[union-attr]
    after = before.copy()
    blur(after, scene, 5, 0)
    assert not changed(before, after)[20:30].any() and changed(before, after)[31:39, 32:58].all()


@pytest.mark.parametrize("padding", [0, 6])
def test_without_a_kernel_each_is_blurred_by_its_size(padding: int) -> None:
    before = photo(*SIZE)
    together, apart = before.copy(), before.copy()
    small, large = (2.0, 2.0, 11.0, 14.0), (25.0, 25.0, 70.0, 55.0)
    blur(together, found(SIZE, small, large), None, padding)
    blur(apart, found(SIZE, small), 3, padding)
    blur(apart, found(SIZE, large), 10, padding)
    np.testing.assert_array_equal(together, apart)
    assert changed(before, together)[0, 6] == (padding > 0)
    blur(before.copy(), found(SIZE, (0, 0, 80, 60), (0, 0, 1, 1), (79, 59, 80, 60), masks=False), None, 100)


def test_squares_are_means_of_what_was_there() -> None:
    before = photo(*SIZE)
    after = before.copy()
    pixelate(after, found(SIZE, BOX), 10)
    for top in (20, 30):
        for left in (30, 40, 50):
            square = np.s_[top : top + 10, left : left + 10]
            assert (after[square] == after[top, left]).all()
            np.testing.assert_allclose(after[top, left], before[square].reshape(-1, 3).mean(axis=0), atol=1)
    outside = np.ones(SIZE, bool)
    outside[INSIDE] = False
    assert not changed(before, after)[outside].any()


def test_a_box_smaller_than_a_square_is_one() -> None:
    after = photo(*SIZE)
    pixelate(after, found(SIZE, BOX, (-20, -20, 3, 3), (90, 90, 95, 95), (5, 5, 5, 9)), 1000)
    assert (after[INSIDE] == after[20, 30]).all() and (after[:3, :3] == after[0, 0]).all()


@pytest.mark.parametrize("masks", [True, False])
def test_a_halo_is_strongest_at_the_border_and_fades(masks: bool) -> None:
    canvas = np.zeros((*SIZE, 3), np.uint8)
    draw_halos(canvas, found(SIZE, BOX, masks=masks), [RED], 1.0, 20)
    assert not canvas[..., 1:].any() and not canvas[INSIDE].any()
    right = canvas[30, 60:, 0].astype(int)
    assert right[0] > 200 and (np.diff(right) <= 0).all() and right[5] > 30
    assert right[11:].max() == 0  # half of the kernel's size, and a pixel
    np.testing.assert_array_equal(canvas[30, 60:75], canvas[30, 29:14:-1])


def test_opacity_and_kernel_of_a_halo() -> None:
    strength = {}
    for opacity in (0.0, 0.4, 0.8):
        canvas = np.zeros((*SIZE, 3), np.uint8)
        draw_halos(canvas, found(SIZE, BOX), [RED], opacity, 20)
        strength[opacity] = canvas[30, 60, 0]
    assert strength[0.0] == 0 and abs(strength[0.8] - 2.0 * strength[0.4]) <= 2
    reach = []
    for kernel in (1, 10, 40, 500):
        canvas = np.zeros((*SIZE, 3), np.uint8)
        draw_halos(canvas, found(SIZE, BOX), [RED], 1.0, kernel)
        reach.append(int((canvas[30, 60:, 0] > 2).sum()))
    assert reach[0] == 0 and reach == sorted(reach) and reach[-1] == 20


def test_halos_blend_with_the_picture_and_with_each_other() -> None:
    before = photo(*SIZE)
    after = before.copy()
    scene = found(SIZE, (10, 20, 30, 40), (50, 20, 70, 40))
    draw_halos(after, scene, [RED, BLUE], 1.0, 30)
    assert after[30, 31, 0] > 200 and after[30, 48, 2] > 200
    np.testing.assert_array_equal(after[20:40, 10:30], before[20:40, 10:30])
    np.testing.assert_array_equal(after[:4], before[:4])


def test_halos_are_the_same_in_bands() -> None:
    """Parts of a picture are worked on by themselves, and no seam is seen."""
    canvas = np.zeros((700, 40, 3), np.uint8)
    draw_halos(canvas, found((700, 40), (15, 100, 25, 600), masks=False), [RED], 1.0, 20)
    assert (canvas[150:550] == canvas[150]).all()


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0, 3.0])
def test_a_box_is_enlarged_at_its_point(factor: float) -> None:
    source = cv2.GaussianBlur(photo(200, 300), (0, 0), 3)
    canvas = np.zeros_like(source)
    box = np.array([100, 120, 140, 150], np.float32)
    place = enlarge(canvas, source, box, np.array([120, 120]), "TOP_CENTER", factor)
    height, width = round(30 * factor), round(40 * factor)
    assert place is not None and place.tolist() == [120 - width // 2, 120 - height, 120 + width // 2, 120]
    expected = cv2.resize(source[120:150, 100:140], (width, height), interpolation=cv2.INTER_LINEAR)
    drawn = canvas[120 - height : 120, 120 - width // 2 : 120 + width // 2]
    assert np.abs(drawn.astype(int) - expected).mean() < 2
    canvas[120 - height : 120, 120 - width // 2 : 120 + width // 2] = 0
    assert not canvas.any()


def test_what_lies_outside_of_the_picture_is_not_computed() -> None:
    source = photo(*SIZE)
    canvas = source.copy()
    place = enlarge(canvas, source, np.array([0, 0, 80, 60]), np.array([40, 30]), "CENTER", 50.0)
    assert place is not None and place.tolist() == [-1960, -1470, 2040, 1530]
    assert np.abs(canvas[30, 40].astype(int) - source[29:31, 39:41].reshape(-1, 3).mean(axis=0)).max() < 40
    for box, point in (((90, 90, 99, 99), (95, 95)), ((5, 5, 5, 9), (5, 7))):
        assert enlarge(canvas, source, np.array(box), np.array(point), "CENTER", 2.0) is None


def large(count: int, size: tuple[int, int]) -> Instances:
    """Boxes that each cover at least a quarter of a picture."""
    rng = np.random.default_rng(0)
    corners = np.concatenate([rng.uniform(0, 0.25, (count, 2)), rng.uniform(0.75, 1, (count, 2))], axis=1)
    boxes = (corners * [size[1], size[0], size[1], size[0]]).astype(np.float32)
    return Instances(size, boxes, np.ones(count, np.float32), np.ones(count, np.int64), ("a",) * count)


def test_many_large_boxes_share_a_grid_of_squares() -> None:
    boxes = [(60 + i, 40 + i, 360, 280) for i in range(30)]
    before = photo(300, 400)
    after = before.copy()
    pixelate(after, found((300, 400), *boxes, masks=False, labels=("a",) * 30), 20)
    for square in (np.s_[100:120, 100:120], np.s_[140:160, 200:220]):
        assert (after[square] == after[square][0, 0]).all()
        np.testing.assert_allclose(after[square][0, 0], before[square].reshape(-1, 3).mean(axis=0), atol=1)
    np.testing.assert_array_equal(after[:, :60], before[:, :60])


@pytest.mark.parametrize("effect", ["pixelate", "blur", "blur_by_size", "pixelate_by_size"])
def test_large_boxes_in_a_large_picture_take_bounded_time(effect: str) -> None:
    scene, canvas = large(300, (3000, 4000)), np.zeros((3000, 4000, 3), np.uint8)
    begun = time.process_time()
    if effect == "pixelate":
        pixelate(canvas, scene, 20)
    elif effect == "blur":
        blur(canvas, scene, None, 0)
    else:
        (blur_by_size if effect == "blur_by_size" else pixelate_by_size)(canvas, scene)
    assert time.process_time() - begun < 3  # 0.1 s; 12 to 21 one by one


@pytest.mark.parametrize("masks", [True, False])
@pytest.mark.parametrize("effect", [blur_by_size, pixelate_by_size])
def test_what_is_found_cannot_be_recognised(effect: Callable[..., None], masks: bool) -> None:
    size = (300, 400)
    before = cv2.GaussianBlur(photo(*size), (0, 0), 1)
    after = before.copy()
    boxes = (20, 20, 60, 60), (150, 50, 350, 290), (200, 100, 220, 120), (399, 299, 400, 300)
    effect(after, found(size, *boxes, masks=masks))
    outside = np.ones(size, bool)
    for left, top, right, bottom in boxes:
        outside[top:bottom, left:right] = False
    np.testing.assert_array_equal(after[outside], before[outside])
    for left, top, right, bottom in boxes[:3]:
        inside = np.s_[top:bottom, left:right]
        one, other = (cv2.cvtColor(p[inside], cv2.COLOR_RGB2GRAY).ravel().astype(float) for p in (before, after))
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.5  # little of the pattern is left
        assert other.std() < 0.5 * one.std()


@pytest.mark.parametrize("effect", [blur_by_size, pixelate_by_size])
def test_nothing_found_leaves_the_picture(effect: Callable[..., None]) -> None:
    before = photo(*SIZE)
    for scene in (found(SIZE), found(SIZE, (90, 90, 95, 95), (5, 5, 5, 9)), found((0, 0))):
        after = before[: scene.image_size[0], : scene.image_size[1]].copy()
        effect(after, scene)
        np.testing.assert_array_equal(after, before[: scene.image_size[0], : scene.image_size[1]])


@pytest.mark.parametrize("effect", [blur_by_size, pixelate_by_size])
def test_it_can_be_ended_between_passes(effect: Callable[..., None]) -> None:
    scene = found((300, 400), (0, 0, 9, 9), (20, 20, 60, 60), (100, 50, 350, 290))
    counting = EndsAt(10**6, DeadlineExceeded("late"))
    with cancelled_by(counting):
        effect(photo(300, 400), scene)
    for count in (1, counting.asked):
        with pytest.raises(DeadlineExceeded), cancelled_by(EndsAt(count, DeadlineExceeded("late"))):
            effect(photo(300, 400), scene)
    assert counting.asked > 3
