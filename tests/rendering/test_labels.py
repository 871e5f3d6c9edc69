"""Labels, numbers and lines leave figures in sight: how much of an object, and of the picture, lies under ink."""

import itertools

import numpy as np
import pytest

from container.rendering import draw
from container.structures import Appearance, Bitmasks, Classification, Instances, SemanticMap
from tests.rendering.scenes import found

LABELS = Appearance(opacity=0, draw_boxes=False, draw_outlines=False)
INK = Appearance(opacity=0)
PLACES = [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0), (0.0, 0.5), (0.97, 0.1)]  # of the free room, across and down


def grey(size: tuple[int, int]) -> np.ndarray:
    return np.full((*size, 3), 128, np.uint8)


def inked(scene: Instances, appearance: Appearance) -> np.ndarray:
    """Bool H×W: what is drawn on a grey picture."""
    before = grey(scene.image_size)
    return np.asarray((draw(before, scene, appearance) != before).any(axis=2))


def figure(size: tuple[int, int], height: int, width: int, place: tuple[float, float], shape: str) -> Instances:
    """One object of a shape in a picture."""
    left, top = int(place[0] * (size[1] - width)), int(place[1] * (size[0] - height))
    scene = found(size, (left, top, left + width, top + height), labels=("pedestrian",))
    assert isinstance(scene.masks, Bitmasks)
    part = scene.masks.bitmaps[0, top : top + height, left : left + width]
    rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    if shape == "round":
        part &= rows**2 + columns**2 <= 1.1
    elif shape == "slope":
        part &= np.abs(rows - columns) <= 0.4
    elif shape == "ring":
        part &= rows**2 + columns**2 >= 0.3
    return scene


@pytest.mark.parametrize("shape", ["square", "round", "slope", "ring"])
@pytest.mark.parametrize("size", [(64, 96), (480, 640), (1080, 1920)])
def test_a_small_figure_stays_visible(size: tuple[int, int], shape: str) -> None:
    sides = [(39, 39), (39, 13), (12, 38), (20, 20), (9, 9), (5, 3)]
    for (height, width), place in itertools.product(sides, PLACES):
        scene = figure(size, height, width, place, shape)
        assert isinstance(scene.masks, Bitmasks)
        ink = inked(scene, INK)
        assert ink.any()
        assert (ink & scene.masks.bitmaps[0]).sum() <= scene.masks.bitmaps[0].sum() / 3, (height, width, place)


def test_in_a_crowd_of_small_figures_most_stay_visible() -> None:
    rng = np.random.default_rng(0)
    corners = rng.uniform((0, 0), (620, 450), (60, 2)).astype(int)
    scene = found((480, 640), *[(x, y, x + 16, y + 26) for x, y in corners.tolist()], labels=("person",) * 60)
    assert isinstance(scene.masks, Bitmasks)
    ink = inked(scene, LABELS)
    covered = np.array([(ink & bitmap).sum() / bitmap.sum() for bitmap in scene.masks.bitmaps])
    assert (covered <= 1 / 3).mean() >= 0.9


@pytest.mark.parametrize("size", [(30, 30), (64, 96), (40, 300), (300, 40), (200, 300), (480, 640)])
@pytest.mark.parametrize("count", [1, 5, 40, 400])
def test_labels_and_legend_cover_a_part_of_the_picture(size: tuple[int, int], count: int) -> None:
    rng = np.random.default_rng(count)
    corners = rng.uniform(0, 0.8, (count, 2)) * [size[1], size[0]]
    boxes = np.concatenate([corners, corners + rng.uniform(3, 30, (count, 2))], axis=1)
    scene = found(size, *map(tuple, boxes.tolist()), masks=False, labels=("pedestrian",) * count)
    assert inked(scene, LABELS).mean() <= 0.5  # a quarter the chips, and one the legend; lines are none of these


def test_where_words_have_no_room_there_are_numbers_and_a_legend() -> None:
    size = (64, 96)
    whole = found(size, (4, 20, 44, 60), labels=("pedestrian crossing",))
    chips = inked(whole, LABELS)
    assert chips[:32, 48:].any() and not chips[20:60, 4:44].all()
    wide = found((400, 600), (40, 200, 440, 380), labels=("pedestrian crossing",))
    assert not inked(wide, LABELS)[:150].any()  # enough room, and no legend


def test_a_label_is_the_objects_own_size() -> None:
    heights = []
    for side in (20, 45, 80, 300):
        ink = inked(found((480, 640), (200, 150, 200 + side, 150 + side), labels=("m",)), LABELS)
        heights.append(int(ink.any(axis=1).sum()))
    assert heights == sorted(heights) and heights[0] < heights[-1]


@pytest.mark.parametrize("boxed", [True, False])
def test_a_label_away_from_its_object_has_a_line_to_it(boxed: bool) -> None:
    # The labels of eight objects on one place have to go away.
    scene = found((480, 640), *[(300, 200, 330, 230)] * 8, classes=tuple(range(8)), labels=("pedestrian",) * 8)
    drawn = draw(grey((480, 640)), scene, Appearance(opacity=0, draw_boxes=boxed, draw_outlines=False))
    assert (drawn[200:230, 300:330] != 128).any()  # nothing else is on a small object


def test_a_region_of_a_map_that_is_smaller_than_its_label_has_it_beside() -> None:
    ids = np.zeros((200, 300), np.uint8)
    ids[100:112, 100:112] = 1
    semantic = SemanticMap(ids, {1: 0.9}, ("background", "traffic light"))
    drawn = draw(grey((200, 300)), semantic, LABELS)
    assert (drawn[100:112, 100:112] == 128).all() and (drawn != 128).any()


def test_many_classes_of_a_picture_leave_three_quarters_of_it() -> None:
    names = tuple(f"class {i}" for i in range(200))
    classes = Classification((100, 200), np.linspace(0.9, 0, 200, dtype=np.float32), np.arange(200), names)
    before = grey((100, 200))
    ink = (draw(before, classes, Appearance()) != before).any(axis=2)
    assert ink.any() and ink.mean() <= 0.25
