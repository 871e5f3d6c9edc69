"""Parts of items compared: pairs of every kind, by hand and against a brute force, and what is told as an error."""

import json
import time
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from container.evaluation.geometry import TooManyPairs
from container.evaluation.sample import Sample
from container.scoring.config import Config
from container.scoring.masks import MaskError
from container.scoring.objects import Object
from container.scoring.parts import Item, Match, Part

ANY_LABEL, LABELS = Config(), Config(class_agnostic=False)
MASKS = {
    "found": np.array([[1, 1, 0, 0], [2, 2, 2, 0]]),
    "truth": np.array([[7, 7, 7, 0], [0, 2, 2, 2]]),
    "large": np.zeros((3, 4), int),
}


def one(kind: str, name: str | None, label: str, shape: Any = None, **more: Any) -> Object:
    """An object without confidence that is no crowd."""
    return Object(
        **{"key": 1, "kind": kind, "id": name, "label": label, "confidence": None, "crowd": False, "shape": shape}
        | more
    )


def read_mask(sha256: str) -> np.ndarray:
    """A mask by its name."""
    if sha256 not in MASKS:
        raise MaskError("its mask is no PNG")
    return MASKS[sha256]


def compared(
    truth: list[Object], found: list[Object], config: Config = ANY_LABEL, size: tuple[int, int] | None = None
) -> tuple[list[Match], dict[str, Sample], Part]:
    """The matches of one item, its samples and the part."""
    part = Part(config, read_mask, with_matches=True)
    part.add(Item(5, "item", size, truth, found))
    arrays, texts = part.finish()
    rows = [Match(*row) for key, text in texts for row in json.loads(text) if key == 5]
    return rows, {kind: Sample.from_bytes(data) for kind, data in arrays.items()}, part


def pairs(rows: list[Match]) -> list[tuple[str | None, str | None, float, bool]]:
    return [(row.found_id, row.truth_id, row.iou, row.true_positive) for row in rows]


SQUARE = np.array([(0, 0), (10, 0), (10, 10), (0, 10)], float)
TRIANGLE = np.array([(0, 0), (10, 0), (0, 10)], float)
LINE = np.array([(0, 0), (5, 5), (10, 10)], float)


@pytest.mark.parametrize(
    ("truth", "found", "expected"),
    [
        pytest.param(
            [one("polygon", "t", "roof", SQUARE)],
            [one("polygon", "f", "roof", TRIANGLE)],
            [("f", "t", 0.5, True)],
            id="polygons by area",
        ),
        pytest.param(
            [one("cuboid", "t", "car", (0, 0, 0, 2, 2, 2, 0))],
            [one("cuboid", "f", "car", (0, 0, 1, 2, 2, 2, np.pi / 2))],
            [("f", "t", pytest.approx(1 / 3), True)],
            id="cuboids turned, half as high",
        ),
        pytest.param(
            [one("segmentation", "t", "sky", 7, mask="truth"), one("segmentation", "t", "road", 2, mask="truth")],
            [one("segmentation", "f", "sky", 1, mask="found"), one("segmentation", "f", "road", 2, mask="found")],
            [("f", "t", 2 / 3, True), ("f", "t", 0.5, True)],
            id="segments by pixels",
        ),
        pytest.param(
            [one("category", None, "sun", taxonomy="weather"), one("category", None, "day", taxonomy="time")],
            [one("category", None, "sun", taxonomy="weather"), one("category", None, "night", taxonomy="time")],
            [(None, None, 1.0, True), (None, None, 1.0, False)],
            id="a category for each taxonomy",
        ),
        pytest.param(
            [one("category", None, "sun, wind", labels=("sun", "wind"))],
            [one("category", None, "wind")],
            [(None, None, 1.0, True)],
            id="one of several categories",
        ),
        pytest.param(
            [one("box", "t", "car", (0, 0, 4, 4)), one("polygon", "t", "car", SQUARE)],
            [one("box", "f", "car", (0, 0, 4, 4)), one("polygon", "f", "car", SQUARE)],
            [("f", "t", 1.0, True), ("f", "t", 1.0, True)],
            id="kinds apart",
        ),
        pytest.param(
            [one("box", "t1", "car", (0, 0, 10, 10)), one("box", "t2", "car", (0, 0, 10, 5))],
            [one("box", "f", "car", (0, 0, 10, 6), confidence=0.1)],
            [("f", "t2", 5 / 6, True), (None, "t1", 0.0, False)],
            id="the greater IoU, no threshold",
        ),
        pytest.param(
            [one("box", "t", "car", (0, 0, 10, 10))],
            [
                one("box", "none", "car", (0, 0, 10, 5)),
                one("box", "low", "car", (0, 5, 10, 5), confidence=0.1),
                one("box", "high", "car", (0, 0, 5, 10), confidence=0.9),
            ],
            [("high", "t", 0.5, True), ("none", None, 0.0, False), ("low", None, 0.0, False)],
            id="the greater confidence, none last",
        ),
        pytest.param(
            [one("box", "t1", "car", (0, 0, 4, 4)), one("box", "t2", "car", (0, 0, 4, 4))],
            [one("box", "f1", "car", (0, 0, 4, 4)), one("box", "f2", "car", (0, 0, 4, 4))],
            [("f1", "t1", 1.0, True), ("f2", "t2", 1.0, True)],
            id="the order of the upload",
        ),
        pytest.param(
            [one("box", "t", "car", (0, 0, 4, 4))],
            [one("box", "f", "car", (4, 0, 4, 4))],
            [("f", None, 0.0, False), (None, "t", 0.0, False)],
            id="boxes that touch",
        ),
    ],
)
def test_pairs(truth: list[Object], found: list[Object], expected: Any) -> None:
    assert pairs(compared(truth, found)[0]) == expected


def test_a_label_that_fits_is_asked_for_where_labels_count() -> None:
    truth = [one("box", "bus", "bus", (0, 0, 4, 4)), one("box", "car", "car", (0, 0, 4, 3))]
    found = [one("box", "f", "car", (0, 0, 4, 4))]
    assert pairs(compared(truth, found)[0])[0] == ("f", "bus", 1.0, False)
    assert pairs(compared(truth, found, LABELS)[0])[0] == ("f", "car", 0.75, True)
    allowed = Config(class_agnostic=False, allowed=(("bus", "car"),))
    assert pairs(compared(truth, found, allowed)[0])[0] == ("f", "bus", 1.0, True)
    other_way = Config(class_agnostic=False, allowed=(("car", "bus"),))
    assert pairs(compared(truth, found, other_way)[0])[0] == ("f", "car", 0.75, True)


sides = st.integers(0, 4)
boxes = st.lists(
    st.tuples(sides, sides, sides, sides, st.sampled_from("ab"), st.sampled_from([None, 0.5, 0.7])), max_size=5
)


@settings(max_examples=300, deadline=None)
@given(boxes, boxes, st.sampled_from([Config(), LABELS, Config(False, (("a", "b"),))]))
def test_boxes_pair_as_a_brute_force_pairs_them(truth: list[Any], found: list[Any], config: Config) -> None:
    of_truth = [one("box", f"t{i}", label, shape) for i, (*shape, label, _) in enumerate(truth)]
    of_found = [one("box", f"f{i}", label, shape, confidence=c) for i, (*shape, label, c) in enumerate(found)]
    rows, samples, part = compared(of_truth, of_found, config)
    expected = sorted(brute_force(of_truth, of_found, config))  # rows are in the order of predictions
    assert [row[:3] for row in pairs(rows) if None not in row[:2]] == expected
    assert [row.found_id for row in rows if row.truth_id is None] == [
        o.id for o in of_found if o.id not in {pair[0] for pair in expected}
    ]
    assert [row.truth_id for row in rows if row.found_id is None] == [
        o.id for o in of_truth if o.id not in {pair[1] for pair in expected}
    ]
    assert len(samples["bbox"].found) == len(found) and len(samples["bbox"].truth) == len(truth)
    assert sum(part.counts.values()) == len(rows)


def brute_force(truth: list[Object], found: list[Object], config: Config) -> Iterator[tuple[str, str, float]]:
    """Greedy pairs, one by one over a sorted list of all."""
    candidates = []
    for (j, t), (i, f) in product(enumerate(truth), enumerate(found)):
        width = min(t.shape[0] + t.shape[2], f.shape[0] + f.shape[2]) - max(t.shape[0], f.shape[0])
        height = min(t.shape[1] + t.shape[3], f.shape[1] + f.shape[3]) - max(t.shape[1], f.shape[1])
        fits = t.label == f.label or (t.label, f.label) in config.allowed
        if width > 0 and height > 0 and (config.class_agnostic or fits):
            shared = width * height
            iou = shared / (t.shape[2] * t.shape[3] + f.shape[2] * f.shape[3] - shared)
            candidates.append((-iou, -1 if f.confidence is None else -1 - f.confidence, j, i))
    taken: set[str] = set()
    for iou, _, j, i in sorted(candidates):
        if f"t{j}" not in taken and f"f{i}" not in taken:
            taken |= {f"t{j}", f"f{i}"}
            yield f"f{i}", f"t{j}", -iou


@pytest.mark.parametrize(
    ("truth", "found", "says"),
    [
        ([one("polygon", "t", "a", SQUARE)], [one("polygon", "f", "a", LINE)], ["polygon 'f' has no area"]),
        ([one("segmentation", "t", "a", 1)], [], ["truth lies at an address"]),
        ([], [one("segmentation", "f", "a", 1, mask="gone")], ["of its predictions, its mask is no PNG"]),
        (
            [one("segmentation", "t", "a", 1, mask="truth")],
            [one("segmentation", "f", "a", 1, mask="large")],
            ["4 × 3 and 4 × 2 pixels"],
        ),
        ([one("polygon", "t", "a", SQUARE * 1e6)], [], ["beyond 100,000 pixels"]),
        ([one("polygon", "t", "a", SQUARE * 9e3)], [], ["it has 90000 × 90000 pixels"]),
    ],
)
def test_what_cannot_be_compared_is_told(truth: list[Object], found: list[Object], says: list[str]) -> None:
    rows, _, part = compared(truth, found)
    assert not [row for row in rows if row.truth_id and row.found_id]
    assert len(part.errors) >= len(says)
    for text, error in zip(says, part.errors, strict=False):
        assert text in error and error.startswith("Item item: ")


def test_masks_are_polygons_and_segments() -> None:
    truth = [one("polygon", "p", "roof", SQUARE), one("segmentation", "s", "sky", 7, mask="truth", crowd=True)]
    found = [one("segmentation", "f", "sky", 1, mask="found", confidence=0.5)]
    _, samples, part = compared(truth, found, size=(2, 4))
    sample = samples["segm"]
    assert not part.errors and sample.truth.crowd.tolist() == [False, True]
    assert sample.truth.area.tolist() == [8, 3] and sample.found.area.tolist() == [2]
    assert sample.found.score.tolist() == [0.5]
    assert dict(zip(sample.pairs.truth.tolist(), sample.pairs.iou.tolist(), strict=True)) == {0: 0.25, 1: 1.0}


def test_an_item_without_a_size_holds_its_polygons() -> None:
    _, samples, _ = compared([one("polygon", "t", "a", SQUARE)], [one("polygon", "f", "a", TRIANGLE)])
    assert samples["segm"].truth.area.tolist() == [100]


def test_the_item_with_too_many_pairs_is_named() -> None:
    several = 2300  # whose pairs are over 5,000,000
    truth, found = ([one("box", f"{name}{i}", "a", (0, 0, 1, 1)) for i in range(several)] for name in "tf")
    with pytest.raises(TooManyPairs, match=r"Item item: over 5,000,000 pairs"):
        compared(truth, found)


def test_categories_of_many_taxonomies_are_not_compared_each_with_each() -> None:
    many = 20_000  # else 400,000,000 pairs, and 40 s
    truth, found = ([one("category", None, "a", taxonomy=str(i)) for i in range(many)] for _ in range(2))
    begun = time.process_time()
    rows, _, _ = compared(truth, found[::-1])
    assert len(rows) == many and all(row.true_positive for row in rows)
    assert time.process_time() - begun < 10
