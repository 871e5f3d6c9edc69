"""The colours of classes and instances: stable, and apart for every kind of sight."""

import itertools
import json
import time

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from container.rendering import palette
from container.structures import Instances

# Machado, Oliveira, Fernandes (2009), severity 1.0, on linear RGB.
SIGHTS = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def seen(colors: np.ndarray, sight: str) -> np.ndarray:
    """Lab N×3 of sRGB N×3 (0–255) under a kind of sight."""
    values = colors / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ np.array(SIGHTS[sight]).T, 0, 1)
    return rgb2lab(np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055))


@pytest.mark.parametrize("sight", SIGHTS)
def test_every_two_colors_differ(sight: str) -> None:
    lab = seen(np.array(palette.COLORS, float), sight)
    closest = min(deltaE_ciede2000(a, b) for a, b in itertools.combinations(lab, 2))
    assert closest > 8.6


def test_there_are_24_colors_and_then_they_come_again() -> None:
    assert len(set(palette.COLORS)) == 24
    assert palette.color(0) == palette.color(24) == (230, 159, 0)
    assert palette.color(90) == palette.COLORS[90 % 24]


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        ([], []),
        ([1, 2], [(86, 180, 233), (0, 158, 115)]),
        ([1, 1, 1, 1], [(86, 180, 233), (137, 202, 240), (64, 135, 175), (86, 180, 233)]),
        ([1, 2, 1], [(86, 180, 233), (0, 158, 115), (137, 202, 240)]),
    ],
)
def test_instances_of_one_class_differ_in_lightness(classes: list[int], expected: list[palette.Color]) -> None:
    assert palette.shades(np.array(classes, np.int64)) == expected


ROW = np.arange(12)[:, None] * [10.0, 0.0, 10.0, 0.0] + [0.0, 0.0, 8.0, 20.0]  # twelve boxes beside each other
CROWD = np.random.default_rng(0).random((100, 2))[:, [0, 1, 0, 1]]


def one_class(boxes: np.ndarray) -> Instances:
    """Instances of one class."""
    n = len(boxes)
    return Instances((100, 200), boxes, np.full(n, 0.9, np.float32), np.ones(n, np.int64), ("person",) * n)


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("order", [0, 1, 2])
def test_twelve_neighbours_of_one_class_are_told_apart(order: int, sight: str) -> None:
    boxes = ROW[np.random.default_rng(order).permutation(12)]
    lab = seen(np.array(palette.of(one_class(boxes), "instance"), float), sight)
    assert min(deltaE_ciede2000(a, b) for a, b in itertools.combinations(lab, 2)) >= 8


def test_in_a_crowd_neighbours_seldom_share_a_color() -> None:
    numbers, centers = np.array(palette.apart(CROWD)), CROWD[:, :2]
    near = [np.hypot(*(centers - center).T).argsort()[:12] for center in centers]
    assert np.mean([len(set(numbers[some])) == 12 for some in near]) > 0.9  # 0.05 if they took turns


def test_an_instance_keeps_its_color_without_the_worse_ones() -> None:
    assert palette.apart(CROWD[:60]) == palette.apart(CROWD)[:60]
    assert palette.apart(CROWD[:24]) == list(range(24))
    assert palette.apart(CROWD[:0]) == []


def test_many_instances_are_colored_in_bounded_time() -> None:
    begun = time.process_time()
    palette.apart(np.random.default_rng(0).random((5000, 4)))
    assert time.process_time() - begun < 5  # 0.3 s


def test_by_class_instances_are_shades_of_it() -> None:
    scene = one_class(ROW)
    assert palette.of(scene, "class") == palette.shades(scene.classes)


def test_the_palettes_are_json_of_what_is_drawn() -> None:
    published = json.loads(json.dumps(palette.palettes()))
    assert published["instance"] == ["#{:02x}{:02x}{:02x}".format(*one) for one in palette.COLORS]
    for class_id, shades in enumerate(published["class"]):
        drawn = palette.shades(np.array([class_id] * 3))
        assert shades == ["#{:02x}{:02x}{:02x}".format(*one) for one in drawn]


@pytest.mark.parametrize("turn", range(3))
@pytest.mark.parametrize("class_id", range(24))
def test_letters_have_contrast_on_every_color(class_id: int, turn: int) -> None:
    background = palette.shades(np.array([class_id] * 3))[turn]
    low, high = sorted(palette.luminance(c) for c in (background, palette.contrasting(background)))
    assert (high + 0.05) / (low + 0.05) >= 4.5  # WCAG 2, level AA
