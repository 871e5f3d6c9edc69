"""Masks blended once, and pictures of every size and kind left whole."""

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from container.cancellation import cancelled_by
from container.errors import DeadlineExceeded
from container.rendering import draw, palette
from container.structures import Appearance, Classification, Instances, Prediction, RoiMasks, SemanticMap
from tests.fakes import EndsAt
from tests.rendering.scenes import Box, found, photo

BARE = Appearance(draw_boxes=False, draw_labels=False)
OUTLINE = 4  # pixels to each side of a mask's border that a line may reach in small pictures


def blend(pixels: np.ndarray, color: palette.Color, opacity: float) -> np.ndarray:
    return np.rint(pixels * (1 - opacity) + np.array(color) * opacity).astype(np.uint8)


@pytest.mark.parametrize("opacity", [0.0, 0.25, 0.5, 1.0])
def test_a_mask_is_blended_inside_and_nothing_changes_outside(opacity: float) -> None:
    pixels = photo(60, 80)
    drawn = draw(
        pixels, found((60, 80), (20, 15, 60, 45)), Appearance(opacity=opacity, draw_boxes=False, draw_labels=False)
    )
    inner = np.s_[15 + OUTLINE : 45 - OUTLINE, 20 + OUTLINE : 60 - OUTLINE]
    np.testing.assert_array_equal(drawn[inner], blend(pixels[inner], palette.color(1), opacity))
    outside = np.ones((60, 80), bool)
    outside[15 - OUTLINE : 45 + OUTLINE, 20 - OUTLINE : 60 + OUTLINE] = False
    np.testing.assert_array_equal(drawn[outside], pixels[outside])
    assert (drawn != pixels)[15, 20:60].any()


def test_the_outline_has_a_white_core_and_colored_edges() -> None:
    drawn = draw(np.zeros((80, 80, 3), np.uint8), found((80, 80), (20, 20, 60, 60)), BARE)
    across = drawn[40, 16:25]
    assert across.min(axis=1).max() > 230
    assert any(np.abs(pixel.astype(int) - palette.color(1)).max() < 12 for pixel in across)


def test_without_outlines_there_are_masks_alone() -> None:
    pixels = photo(60, 80)
    drawn = draw(pixels, found((60, 80), (20, 15, 60, 45)), replace(BARE, draw_outlines=False))
    expected = pixels.copy()
    expected[15:45, 20:60] = blend(pixels[15:45, 20:60], palette.color(1), 0.5)
    np.testing.assert_array_equal(drawn, expected)


def test_by_instance_neighbours_of_one_class_have_colors_of_their_own() -> None:
    scene = found((60, 300), *[(100 * i, 0, 100 * i + 100, 60) for i in range(3)], classes=(1, 1, 1))
    drawn = draw(np.zeros((60, 300, 3), np.uint8), scene, replace(BARE, colors="instance", opacity=1))
    assert [drawn[30, 50 + 100 * i].tolist() for i in range(3)] == [list(c) for c in palette.COLORS[:3]]


def width_of(line: np.ndarray) -> int:
    """Pixels of N×3 at least half as bright as the brightest; of antialiased lines they are one more at each side."""
    brightness = line.max(axis=1)
    return int((brightness >= brightness.max() / 2).sum())


BLACK = np.zeros((600, 600, 3), np.uint8)


@pytest.mark.parametrize("width", [1, 2, 5, 20, 100])
def test_lines_are_as_wide_as_asked_for(width: int) -> None:
    box, lines = (100, 100, 500, 500), Appearance(line_width=width, opacity=0, draw_labels=False)
    frame = draw(BLACK, found((600, 600), box, masks=False), lines)[300, :300]
    outline = draw(BLACK, found((600, 600), box), replace(lines, draw_boxes=False))[300, :300]
    for across in (frame, outline):
        assert 0 <= width_of(across) - width <= 2
        assert abs(np.flatnonzero(across.any(axis=1)).mean() - 100) <= 1
    core = width // 2 if width < 100 else 0  # 400 pixels are too few for one of 50
    assert 0 <= int((outline.min(axis=1) > 128).sum()) - core <= 2


def test_around_a_small_region_it_has_no_core() -> None:
    lines = Appearance(line_width=8, opacity=0, draw_boxes=False, draw_labels=False)
    across = draw(BLACK, found((600, 600), (100, 100, 130, 130)), lines)[115, :115]
    assert 0 <= width_of(across) - 8 <= 2 and across.min(axis=1).max() < 128


@pytest.mark.parametrize(("width", "limb", "dot"), [(1, 1, 2), (5, 5, 5), (20, 20, 20)])
def test_keypoints_are_as_wide_as_asked_for(width: int, limb: int, dot: int) -> None:
    points = np.zeros((1, 17, 3))
    points[0, 7], points[0, 9] = (100, 300, 1), (400, 300, 1)  # elbow and wrist
    scene = found((600, 600), (0, 0, 1, 1), masks=False, keypoints=points)
    drawn = draw(BLACK, scene, Appearance(line_width=width, draw_boxes=False, draw_labels=False))
    assert 0 <= width_of(drawn[:, 250]) - limb <= 2
    assert abs(width_of(drawn[:, 100]) - (2 * dot + 3)) <= 1  # with a white edge


def test_drawing_of_many_lines_ends_between_two_pieces() -> None:
    ids = np.zeros((200, 400), np.uint8)
    ids[::2, ::2] = 1  # 20,000 dots
    late = EndsAt(5, DeadlineExceeded("late"))
    with pytest.raises(DeadlineExceeded), cancelled_by(late):
        draw(photo(200, 400), SemanticMap(ids, {1: 0.9}, ("background", "dot")), BARE)


@pytest.mark.parametrize(
    ("boxes", "on_top"),
    [
        ([(0, 0, 80, 80), (20, 20, 60, 60)], 1),
        ([(20, 20, 60, 60), (0, 0, 80, 80)], 0),
    ],
)
def test_where_two_masks_overlap_the_smaller_alone_is_blended(boxes: list[Box], on_top: int) -> None:
    pixels = photo(80, 80)
    instances = found((80, 80), *boxes)
    drawn = draw(pixels, instances, BARE)
    inner = np.s_[30:50, 30:50]
    np.testing.assert_array_equal(
        drawn[inner], blend(pixels[inner], palette.color(int(instances.classes[on_top])), 0.5)
    )


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(*[st.integers(-10, 70)] * 4), max_size=5), st.sampled_from([0.3, 1.0]))
def test_no_pixel_is_blended_twice(corners: list[tuple[int, int, int, int]], opacity: float) -> None:
    boxes = [(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in corners]
    pixels = np.full((60, 60, 3), 255, np.uint8)
    instances = found((60, 60), *boxes, classes=(1,) * len(boxes))
    drawn = draw(pixels, instances, Appearance(opacity=opacity, draw_boxes=False, draw_labels=False))
    darkest = np.min([blend(pixels[0, 0], color, opacity) for color in palette.shades(np.array([1] * 3))], axis=0)
    line = np.min(palette.shades(np.array([1] * 3)), axis=0)
    assert (drawn >= np.minimum(darkest, line) - 1).all()


def test_a_box_is_a_line_around_it_and_labels_are_chips() -> None:
    pixels = np.zeros((100, 200, 3), np.uint8)
    instances = found((100, 200), (60, 40, 150, 90), masks=False)
    lines = draw(pixels, instances, Appearance(draw_labels=False))
    assert (lines[40, 60:150] == palette.color(1)).all()
    assert (lines[40:90, 149] == palette.color(1)).all()
    assert not lines[50:80, 70:140].any()
    assert not lines[:35].any()
    chips = draw(pixels, instances, Appearance(draw_boxes=False))
    assert chips[20:40, 60:100].any()
    assert not chips[45:].any()


def test_a_side_out_of_sight_is_not_drawn() -> None:
    instances = found((50, 50), (-1e9, -1e9, 1e9, 1e9), masks=False)
    assert not draw(np.zeros((50, 50, 3), np.uint8), instances, Appearance(draw_labels=False)).any()


SIZES = [(1, 1), (1, 60), (60, 1), (3, 200), (200, 3), (12, 12), (15, 300)]


def predictions(size: tuple[int, int]) -> dict[str, Prediction]:
    height, width = size
    whole, outside, empty = (0, 0, width, height), (-50, -50, -10, -10), (1, 1, 1, 1)
    labels = ("person", "x" * 5000, "猫 żółw")
    boxes = found(size, whole, outside, empty, masks=False, labels=labels, keypoints=np.full((3, 17, 3), 0.9))
    small = np.ones((3, 28, 28), np.float32)
    masks = RoiMasks(small, boxes.boxes, size)
    return {
        "boxes": boxes,
        "bitmasks": found(size, whole, outside, empty, labels=labels),
        "roi masks": Instances(size, boxes.boxes, boxes.scores, boxes.classes, labels, masks),
        "nothing": found(size),
        "classes": Classification(size, boxes.scores, boxes.classes, labels),
        "map": SemanticMap(np.ones(size, np.uint8), {1: 0.5, 2: 0.1}, ("background", *labels)),
        "wide map": SemanticMap(np.full(size, 300, np.uint16), {300: 0.5}, ("x",) * 301),
    }


@pytest.mark.parametrize("kind", predictions((1, 1)))
@pytest.mark.parametrize("size", SIZES)
def test_every_prediction_can_be_drawn_at_every_size(size: tuple[int, int], kind: str) -> None:
    pixels = photo(*size)
    pixels.setflags(write=False)  # drawing on the input would raise
    before = pixels.copy()
    for appearance in (
        Appearance(),
        Appearance(line_width=100),
        Appearance(colors="instance", draw_boxes=False),
        *(Appearance(render=render) for render in ("mask", "cutout", "ids", "blur", "pixelate", "crops")),
    ):
        if kind == "classes" and appearance.render in ("ids", "blur", "pixelate", "crops"):
            continue
        drawn = draw(pixels, predictions(size)[kind], appearance)
        channels = {"cutout": (4,), "ids": ()}.get(appearance.render, (3,))
        assert drawn.shape[2:] == channels and (appearance.render == "crops" or drawn.shape[:2] == size)
        assert drawn.dtype == (np.uint16 if appearance.render == "ids" else np.uint8)
        assert not np.shares_memory(drawn, pixels)
    np.testing.assert_array_equal(pixels, before)


def test_a_classification_of_many_is_drawn_in_bounded_time() -> None:
    many = 1000
    scores, names = np.linspace(0.9, 0, many, dtype=np.float32), tuple(f"class {i}" for i in range(many))
    begun = time.process_time()
    draw(photo(100, 200), Classification((100, 200), scores, np.arange(many), names), Appearance())
    assert time.process_time() - begun < 10  # 0.3 s


def test_nothing_found_leaves_the_picture_as_it_was() -> None:
    pixels = photo(30, 40)
    np.testing.assert_array_equal(draw(pixels, found((30, 40)), Appearance()), pixels)


def test_a_flipped_view_is_drawn_as_its_copy() -> None:
    view = photo(60, 80)[::-1, :, ::-1]
    instances = found((60, 80), (10, 20, 60, 50))
    np.testing.assert_array_equal(draw(view, instances, Appearance()), draw(view.copy(), instances, Appearance()))


def test_a_semantic_map_blends_its_classes_and_not_the_background() -> None:
    ids = np.zeros((60, 90), np.uint8)
    ids[:, 30:60], ids[:, 60:] = 2, 3
    pixels = photo(60, 90)
    semantic = SemanticMap(ids, {2: 0.9, 3: 0.8}, ("background", "x", "road", "tree"))
    drawn = draw(pixels, semantic, BARE)
    np.testing.assert_array_equal(drawn[:, : 30 - OUTLINE], pixels[:, : 30 - OUTLINE])
    for class_id, columns in ((2, slice(36, 54)), (3, slice(66, 84))):
        inner = np.s_[10:50, columns]
        np.testing.assert_array_equal(drawn[inner], blend(pixels[inner], palette.color(class_id), 0.5))
    labelled = draw(pixels, semantic, Appearance())
    assert (labelled != drawn)[20:40, 30:].any()


def test_a_classification_is_a_stack_of_chips_in_the_corner() -> None:
    pixels = np.zeros((100, 200, 3), np.uint8)
    classes = Classification((100, 200), np.array([0.8, 0.1], np.float32), np.array([1, 2]), ("tabby", "lynx"))
    drawn = draw(pixels, classes, Appearance())
    assert not drawn[:, 120:].any()
    assert not drawn[60:].any()
    assert (drawn == palette.color(1)).all(axis=2).any()
    assert (drawn == palette.color(2)).all(axis=2).any()
    rows = [np.flatnonzero((drawn == palette.color(c)).all(axis=2).any(axis=1)) for c in (1, 2)]
    assert rows[0].max() < rows[1].min()
    assert not draw(pixels, classes, BARE).any()
