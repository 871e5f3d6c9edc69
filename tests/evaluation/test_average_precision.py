"""Average precision: by hand, against pycocotools, and that perfect predictions are perfect."""

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from container.evaluation.average_precision import AveragePrecision, Scores, average_precision
from container.evaluation.objects import Detections, Truth
from container.evaluation.photos import Kind, samples
from tests.evaluation.scenes import SIZE, Box, seen, there

A, B, FAR = (0, 0, 100, 100), (150, 50, 250, 150), (200, 0, 290, 40)
TALL = (0, 0, 100, 72)  # IoU with A: 0.72
SMALL = (10, 10, 20, 20)

CASES: list[tuple[str, list[Truth], list[Detections], dict[str, float | None]]] = [
    ("perfect", [there((0, A))], [seen((0.9, 0, A))], {"ap": 1, "ap50": 1, "ap75": 1, "ar100": 1, "ap_large": 1}),
    ("nothing found", [there((0, A))], [seen()], {"ap": 0, "ap50": 0, "ar100": 0}),
    ("nothing to find", [there()], [seen((0.9, 0, A))], {"ap": None, "ap50": None, "ar100": None}),
    # Precision is 1 up to recall 0.5 (51 of the 101 points), 2/3 beyond.
    (
        "one wrong between two right",
        [there((0, A), (0, B))],
        [seen((0.9, 0, A), (0.8, 0, FAR), (0.7, 0, B))],
        {"ap": (51 + 50 * 2 / 3) / 101, "ap50": (51 + 50 * 2 / 3) / 101, "ar100": 1},
    ),
    ("half missed", [there((0, A), (0, B))], [seen((0.9, 0, A))], {"ap": 51 / 101, "ar100": 0.5}),
    ("another class", [there((0, A))], [seen((0.9, 1, A))], {"ap": 0}),
    ("IoU 0.72 is right five times of ten", [there((0, A))], [seen((0.9, 0, TALL))], {"ap": 0.5, "ap50": 1, "ap75": 0}),
    ("sizes", [there((0, A), (0, SMALL))], [seen((0.9, 0, A))], {"ap_small": 0, "ap_medium": None, "ap_large": 1}),
    ("a mean of classes", [there((0, A), (1, B))], [seen((0.9, 0, A))], {"ap": 0.5}),
    (
        "crowds forgive and are not asked for",
        [there((0, A), (0, B), crowd=[False, True])],
        [seen((0.9, 0, (160, 60, 200, 100)), (0.8, 0, A))],
        {"ap": 1, "ar100": 1},
    ),
    # The one that is wrong has the better score: precision is 1/2 up to recall 1/2.
    ("two photos", [there((0, A)), there((0, A))], [seen((0.9, 0, A)), seen((0.95, 0, B))], {"ap": 51 / 101 * 0.5}),
]


def measured_of(truth: list[Truth], found: list[Detections], classes: int) -> dict[Kind, AveragePrecision]:
    several = samples(truth, found, [str(i) for i in range(classes)])
    return {kind: average_precision(sample) for kind, sample in several.items()}


@pytest.mark.parametrize(("truth", "found", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_by_hand(truth: list[Truth], found: list[Detections], expected: dict[str, float | None]) -> None:
    for measured in measured_of(truth, found, 2).values():
        assert {name: getattr(measured.scores, name) for name in expected} == pytest.approx(expected)


def test_each_class_has_its_own() -> None:
    scores = measured_of([there((0, A), (1, B))], [seen((0.9, 0, A), (0.9, 1, FAR))], 3)["box"].scores
    assert scores.class_ap == pytest.approx((1, 0, None)) and scores.class_ap50 == pytest.approx((1, 0, None))


@pytest.mark.parametrize(
    ("truth", "found", "measured"),
    [
        (there((0, A)), seen((0.9, 0, A)), True),
        (there((0, A), masks=False), seen((0.9, 0, A)), False),
        (there((0, A)), seen((0.9, 0, A), masks=False), False),
    ],
)
def test_masks_are_measured_where_both_have_them(truth: Truth, found: Detections, measured: bool) -> None:
    assert ("mask" in measured_of([truth], [found], 1)) == measured


def test_photos_without_masks_count_for_boxes_only() -> None:
    measured = measured_of([there((0, B), masks=False), there((0, A))], [seen(), seen((0.9, 0, A))], 1)
    assert measured["mask"].scores.ap == pytest.approx(1) and measured["box"].scores.ap == pytest.approx(51 / 101)


def test_matches_tell_hits_and_what_was_missed() -> None:
    truth = [there((0, A), (1, B)), there((0, A), (0, B), crowd=[False, True])]
    found = [seen((0.9, 0, TALL), (0.6, 0, A)), seen((0.8, 0, B), (0.3, 0, A))]
    matches = measured_of(truth, found, 2)["box"].matches
    detections = zip(matches.photos, matches.classes, matches.scores, matches.hits, strict=True)
    # The better score takes the object, whatever fits best; what is found in a crowd is left out.
    assert sorted(detections) == [(0, 0, 0.6, False), (0, 0, 0.9, True), (1, 0, 0.3, True)]
    objects = zip(matches.truth_photos, matches.truth_classes, matches.found_at, strict=True)
    assert list(objects) == [(0, 0, 0.9), (1, 0, 0.3), (0, 1, -1)]
    assert matches.truth.tolist() == [0, 2, 1]


def test_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    measured_of([there((0, A))], [seen((0.9, 0, A))], 1)
    assert capsys.readouterr().out == ""


def random_box(rng: np.random.Generator) -> Box:
    left, top = rng.integers(0, 200), rng.integers(0, 120)
    return float(left), float(top), float(left + rng.integers(4, 100)), float(top + rng.integers(4, 80))


def near(box: Box, rng: np.random.Generator) -> Box:
    left, top, right, bottom = (value + rng.integers(-4, 5) for value in box)
    return max(left, 0), max(top, 0), max(right, left + 2), max(bottom, top + 2)


@pytest.mark.parametrize("seed", range(3))
def test_the_same_as_pycocotools_out_of_files(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    truth, found = [], []
    for _ in range(6):
        objects = [(int(rng.integers(3)), random_box(rng)) for _ in range(rng.integers(0, 9))]
        truth.append(there(*objects, crowd=[bool(rng.random() < 0.1) for _ in objects]))
        scored = [(rng.random(), number, near(box, rng)) for number, box in objects if rng.random() < 0.8]
        found.append(seen(*scored, *((rng.random(), int(rng.integers(3)), random_box(rng)) for _ in range(3))))
    measured = measured_of(truth, found, 3)
    for kind, scores in (("bbox", measured["box"].scores), ("segm", measured["mask"].scores)):
        stats = reference(truth, found, kind, tmp_path)
        ours = (scores.ap, scores.ap50, scores.ap75, scores.ap_small, scores.ap_medium, scores.ap_large, scores.ar100)
        assert [-1 if value is None else value for value in ours] == [*stats[:6], stats[8]]  # to the last bit


def reference(truth: list[Truth], found: list[Detections], kind: str, folder: Path) -> list[float]:
    """COCOeval's twelve numbers, through files and `loadRes` as its documentation does it."""
    annotations, results = [], []
    for photo, (one, other) in enumerate(zip(truth, found, strict=True)):
        for i, (left, top, right, bottom) in enumerate(one.boxes.tolist()):
            annotations.append({"id": len(annotations) + 1, "image_id": photo, "category_id": int(one.classes[i])})
            annotations[-1] |= {"bbox": [left, top, right - left, bottom - top], "area": one.areas[i]}
            annotations[-1] |= {"iscrowd": int(one.crowd[i]), "segmentation": text(one.masks[i])}
        for i, (left, top, right, bottom) in enumerate(other.boxes.tolist()):
            results.append({"image_id": photo, "category_id": int(other.classes[i]), "score": other.scores[i]})
            shape = {"bbox": [left, top, right - left, bottom - top]} if kind == "bbox" else {}
            results[-1] |= shape or {"segmentation": text(other.masks[i])}
    images = [{"id": i, "height": SIZE[0], "width": SIZE[1]} for i in range(len(truth))]
    described = {"info": {}, "images": images, "annotations": annotations, "categories": [{"id": i} for i in range(3)]}
    (folder / "truth.json").write_text(json.dumps(described))
    with contextlib.redirect_stdout(io.StringIO()):
        data = COCO(folder / "truth.json")
        evaluation = COCOeval(data, data.loadRes(results), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return list(evaluation.stats)


def text(mask: dict) -> dict:
    return {"size": mask["size"], "counts": mask["counts"].decode("ascii")}


BOXES = st.builds(
    lambda x, y, width, height: (float(x), float(y), float(x + width), float(y + height)),
    *(st.integers(0, 150), st.integers(0, 100), st.integers(1, 150), st.integers(1, 100)),
)


@given(st.lists(st.lists(st.tuples(st.integers(0, 2), BOXES), max_size=4), min_size=1, max_size=4))
def test_perfect_predictions_are_perfect(photos: list[list[tuple[int, Box]]]) -> None:
    # Two equal boxes of one class may swap, which is as good.
    several = measured_of(
        [there(*objects) for objects in photos],
        [seen(*((0.9, number, box) for number, box in objects)) for objects in photos],
        3,
    )
    present = {number for objects in photos for number, _ in objects}
    for measured in several.values():
        assert perfect(measured.scores, present)
        assert measured.matches.hits.all() and (measured.matches.found_at == 0.9).all()


def perfect(scores: Scores, present: set[int]) -> bool:
    expected = [1.0 if number in present else None for number in range(3)]
    return list(scores.class_ap) == pytest.approx(expected) and (not present or scores.ap == pytest.approx(1))


def test_the_area_of_a_found_mask_decides_its_size() -> None:
    found = seen((0.9, 0, FAR))
    assert found.masks is not None and coco_mask.area(found.masks[0]) == 90 * 40
