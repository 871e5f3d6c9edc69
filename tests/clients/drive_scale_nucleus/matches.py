"""Matches of a commit: random boxes against the rule as it is written, and each kind against what can be reckoned."""

import math
import random
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import nucleus
from commits import MISSED, MODES, RIGHT, WRONG, Row, in_order, matches, rows
from judging import FOLDER, Checks, connect, dataset_of, exact, finished, item_id, model_of
from nucleus import (
    BoxAnnotation,
    CategoryAnnotation,
    CategoryPrediction,
    CuboidAnnotation,
    CuboidPrediction,
    LineAnnotation,
    LinePrediction,
    MultiCategoryAnnotation,
    Point,
    Point3D,
    PolygonAnnotation,
    PolygonPrediction,
    Segment,
    SegmentationAnnotation,
    SegmentationPrediction,
)
from PIL import Image
from samples import box

ITEMS = 260  # more than are compared at a time, and than are on two pages
LABELS = ("car", "bus", "van")
ALLOWED = (("car", "bus"), ("bus", "van"))  # ground truth, prediction
CLOSE = 1e-12


class Corner(NamedTuple):
    """A box of whole numbers, of either side."""

    id: str
    label: str
    x: int
    y: int
    width: int
    height: int
    confidence: float | None


def corners(numbers: random.Random, side: str) -> list[Corner]:
    """Up to seven boxes on a grid of 6 × 6, so that many overlap equally."""
    return [
        Corner(
            f"{side}{i}",
            numbers.choice(LABELS),
            *(numbers.randrange(4) for _ in "xy"),
            *(numbers.randrange(1, 4) for _ in "wh"),
            numbers.choice([None, 0.25, 0.5, 0.5]),
        )
        for i in range(numbers.randrange(8))
    ]


def overlap(one: Corner, other: Corner) -> Fraction:
    """Their IoU."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    shared = max(width, 0) * max(height, 0)
    return Fraction(shared, one.width * one.height + other.width * other.height - shared)


def by_the_rule(
    truth: Sequence[Corner], found: Sequence[Corner], agnostic: bool, allowed: Sequence[tuple[str, str]]
) -> dict[str, list[Row]]:
    """The rows of an item: the greatest IoU first, then confidence, the order of ground truth, that of predictions."""

    def fits(i: int, j: int) -> bool:
        return truth[i].label == found[j].label or (truth[i].label, found[j].label) in allowed

    near = {
        (i, j): iou
        for i in range(len(truth))
        for j in range(len(found))
        if (iou := overlap(truth[i], found[j])) > 0 and (agnostic or fits(i, j))
    }

    def rank(pair: tuple[int, int]) -> tuple[Any, ...]:
        confidence = found[pair[1]].confidence
        return -near[pair], confidence is None, -(confidence or 0), *pair

    taken: dict[int, int] = {}
    for i, j in sorted(near, key=rank):
        if i not in taken and j not in taken.values():
            taken[i] = j
    pairs: list[Row] = [
        (found[j].id, truth[i].id, float(near[i, j]), RIGHT if fits(i, j) else WRONG) for i, j in taken.items()
    ]
    alone: list[Row] = [(one.id, None, 0.0, WRONG) for j, one in enumerate(found) if j not in taken.values()]
    return {
        "iou": pairs,
        "false_positive": [row for row in pairs if row[3] == WRONG] + alone,
        "false_negative": [(None, one.id, 0.0, MISSED) for i, one in enumerate(truth) if i not in taken],
    }


def random_boxes(checks: Checks) -> None:
    """Of many items, by three rules; IoUs are equal to the last bit, and many of them tie."""
    numbers, client = random.Random(24), connect()
    names = [f"item {i}" for i in range(ITEMS)]
    dataset, model = dataset_of(client, "random boxes", names), model_of(client, "random boxes")
    objects = {name: (corners(numbers, "t"), corners(numbers, "p")) for name in names}
    dataset.annotate([BoxAnnotation(t.label, *t[2:6], name, t.id) for name, (some, _) in objects.items() for t in some])
    run = dataset.create_model_run("random boxes", reference_id=model.reference_id)
    sent = [
        box(name, p.id, label=p.label, x=p.x, y=p.y, width=p.width, height=p.height, confidence=p.confidence)
        for name, (_, some) in objects.items()
        for p in some
    ]
    run.predict(sent)
    places = {one["item"].reference_id: None for one in dataset.items_and_annotations()}
    checks.same("the order of items", list(places), names)
    pairs = [{"ground_truth_label": truth, "model_prediction_label": found} for truth, found in ALLOWED]
    rules: dict[str, tuple[dict[str, Any], bool, Sequence[tuple[str, str]]]] = {
        "all labels": ({}, True, ()),
        "equal labels": ({"class_agnostic": False}, False, ()),
        "allowed labels": ({"allowed_label_matches": pairs}, False, ALLOWED),
    }
    for name, (payload, agnostic, allowed) in rules.items():
        run.commit(payload)
        wanted = [by_the_rule(*one, agnostic, allowed) for one in objects.values()]
        numbers_of = {mode.value: 0 for mode in MODES}
        for mode in MODES:
            found = matches(dataset, run.model_run_id, mode)
            of_items: dict[str, list[Any]] = {}
            for row in found:
                of_items.setdefault(row.dataset_item_id, []).append(row)
            predicted = [in_order(one[mode.value]) for one in wanted if one[mode.value]]
            checks.same(f"{name}: {mode.value}", [rows(some) for some in of_items.values()], predicted)
            numbers_of[mode.value] = len(found)
        fits = sum(row[3] == RIGHT for one in wanted for row in one["iou"])
        truth = sum(len(some) for some, _ in objects.values())
        checks.same(f"{name}: predictions", fits + numbers_of["false_positive"], len(sent))
        checks.same(f"{name}: ground truth", numbers_of["iou"] + numbers_of["false_negative"], truth)


class Reckoned(NamedTuple):
    """Objects of one kind on an item of their own, and their IoU."""

    truth: Any
    found: Any
    iou: float  # 0: they are no pair


def ring(*points: tuple[float, float]) -> list[Point]:
    """A polygon's vertices."""
    return [Point(x, y) for x, y in points]


SQUARE = ring((0, 0), (10, 0), (10, 10), (0, 10))
CONCAVE = ring((0, 0), (10, 0), (10, 5), (5, 5), (5, 10), (0, 10))
RINGS = {  # against SQUARE
    "shifted": (ring((5, 0), (15, 0), (15, 10), (5, 10)), 1 / 3),
    "concave": (CONCAVE, 0.75),
    "the other way round": (CONCAVE[::-1], 0.75),
    "crossing itself": (ring((0, 0), (10, 10), (10, 0), (0, 10)), 0.5),
    "a triangle": (ring((0, 0), (10, 0), (0, 10)), 0.5),
    "within": (ring((2, 2), (4, 2), (4, 4), (2, 4)), 0.04),
    "touching": (ring((10, 0), (20, 0), (20, 10), (10, 10)), 0),
    "flat": (ring((0, 0), (5, 5), (10, 10)), 0),
    "far": (ring((50, 50), (60, 50), (60, 60)), 0),
}
BLOCKS = {  # position, dimensions and yaw, against one of 4 × 2 × 2 in the origin
    "the same": ((0, 0, 0), (4, 2, 2), 0, 1),
    "along x": ((1, 0, 0), (4, 2, 2), 0, 12 / 20),
    "above": ((0, 0, 1), (4, 2, 2), 0, 8 / 24),
    "turned around": ((1, 0, 0), (4, 2, 2), math.pi, 12 / 20),
    "turned by a quarter": ((0, 0, 0), (2, 4, 2), math.pi / 2, 1),
    "across": ((0, 0, 0), (4, 2, 2), math.pi / 2, 8 / 24),
    "smaller": ((0.5, 0.25, 0), (1, 1, 1), 0, 1 / 16),
    "on it": ((0, 0, 2), (4, 2, 2), 0, 0),
    "far": ((9, 9, 9), (4, 2, 2), 1, 0),
}
OCTAGON = 1 / math.sqrt(2)  # the IoU of a square with itself, turned by an eighth


def polygons_and_cuboids() -> dict[str, Reckoned]:
    """A pair an item."""
    pairs: dict[str, Reckoned] = {}
    for name, (vertices, iou) in RINGS.items():
        ref = f"polygon {name}"
        pairs[ref] = Reckoned(
            PolygonAnnotation("roof", SQUARE, ref, "t"),
            PolygonPrediction("roof", vertices, ref, annotation_id="p"),
            iou,
        )
    for name, (position, size, yaw, iou) in BLOCKS.items():
        pairs[f"cuboid {name}"] = blocks(f"cuboid {name}", (4, 2, 2), (position, size, yaw), iou)
    pairs["cuboid eighth"] = blocks("cuboid eighth", (2, 2, 5), ((0, 0, 0), (2, 2, 5), math.pi / 4), OCTAGON)
    return pairs


def blocks(ref: str, size: Sequence[float], other: tuple[Any, Any, float], iou: float) -> Reckoned:
    """A cuboid in the origin and another one."""
    position, dimensions, yaw = other
    there = CuboidAnnotation("van", Point3D(0, 0, 0), Point3D(*size), 0, ref, "t")
    seen = CuboidPrediction("van", Point3D(*position), Point3D(*dimensions), yaw, ref, annotation_id="p")
    return Reckoned(there, seen, iou)


def shapes(checks: Checks) -> None:
    """Polygons by their exact area, cuboids turned and with their height, and lines, which are not matched."""
    client, pairs = connect(), polygons_and_cuboids()
    dataset, model = dataset_of(client, "shapes", [*pairs, "line"]), model_of(client, "shapes")
    line = ring((0, 0), (10, 10))
    dataset.annotate([*(one.truth for one in pairs.values()), LineAnnotation("lane", line, "line", "t")])
    sent = [*(one.found for one in pairs.values()), LinePrediction("lane", line, "line", annotation_id="p")]
    run_id = dataset.upload_predictions(model, sent)["model_run_id"]
    job = finished(client.get_job(dataset.calculate_evaluation_metrics(model)["job_id"]))
    ids = {one: item_id(dataset, i) for i, one in enumerate(pairs)}
    found = {one.dataset_item_id: one for one in matches(dataset, run_id, MODES[0])}
    for name, one in pairs.items():
        got = found[ids[name]].iou if ids[name] in found else 0
        checks.holds(name, abs(got - one.iou) <= CLOSE, [got, one.iou])
    apart = sorted(ids[name] for name, one in pairs.items() if one.iou == 0)
    for mode in MODES[1:]:
        alone = sorted(one.dataset_item_id for one in matches(dataset, run_id, mode))
        checks.same(f"{mode.value}: those apart", alone, apart)
    told = job.errors()
    checks.holds("a flat polygon is told", len(told) == 1 and "polygon flat" in told[0] and "no area" in told[0], told)


def categories(checks: Checks) -> None:
    """One of each taxonomy, without IoU; several labels of ground truth fit any of them."""
    client = connect()
    dataset, model = dataset_of(client, "categories", ["a", "b"]), model_of(client, "categories")
    dataset.add_taxonomy("weather", "category", ["sun", "rain"])
    dataset.add_taxonomy("surface", "multicategory", ["wet", "dry", "icy"])
    truth = [
        CategoryAnnotation("day", "a"),
        CategoryAnnotation("sun", "a", taxonomy_name="weather"),
        MultiCategoryAnnotation(["wet", "icy"], "a", taxonomy_name="surface"),
        CategoryAnnotation("rain", "b", taxonomy_name="weather"),
        MultiCategoryAnnotation(["dry"], "b", taxonomy_name="surface"),
    ]
    found = [
        CategoryPrediction("day", "a", confidence=0.5),
        CategoryPrediction("rain", "a", taxonomy_name="weather", confidence=0.5),
        CategoryPrediction("icy", "a", taxonomy_name="surface", confidence=0.5),
        CategoryPrediction("night", "b"),  # of a taxonomy that the item has no ground truth of
        CategoryPrediction("wet", "b", taxonomy_name="surface"),
    ]
    checks.same("ground truth", dataset.annotate(truth)["annotations_processed"], len(truth))
    run = dataset.create_model_run("categories", reference_id=model.reference_id)
    checks.same("predictions", run.predict(found)["predictions_processed"], len(found))
    pairs = [["day", "day", 1, RIGHT], ["icy", "icy", 1, RIGHT]]
    unfit = [["rain", "sun", 1, WRONG], ["wet", "dry", 1, WRONG]]
    alone, missed = [["night", None, 0, WRONG]], [[None, "rain", 0, MISSED]]
    run.commit()
    compare_labels(checks, "all labels", dataset, run.model_run_id, [pairs + unfit, unfit + alone, missed])
    run.commit({"class_agnostic": False})
    alone += [["rain", None, 0, WRONG], ["wet", None, 0, WRONG]]
    missed += [[None, "sun", 0, MISSED], [None, "dry", 0, MISSED]]
    compare_labels(checks, "equal labels", dataset, run.model_run_id, [pairs, alone, missed])
    run.commit({"allowed_label_matches": [{"ground_truth_label": "sun", "model_prediction_label": "rain"}]})
    pairs.append(["rain", "sun", 1, RIGHT])
    alone.remove(["rain", None, 0, WRONG])
    missed.remove([None, "sun", 0, MISSED])
    compare_labels(checks, "allowed labels", dataset, run.model_run_id, [pairs, alone, missed])


def compare_labels(
    checks: Checks, name: str, dataset: nucleus.Dataset, run_id: str, wanted: Sequence[Sequence[list[Any]]]
) -> None:
    """Compare the labels, IoUs and categories of the rows of all modes."""
    for mode, some in zip(MODES, wanted, strict=True):
        told = [
            [one.model_prediction_label, one.ground_truth_annotation_label, one.iou, one.confusion_category.value]
            for one in matches(dataset, run_id, mode)
        ]
        told = [[found, truth, float(iou), category] for found, truth, iou, category in told]
        predicted = [[found, truth, float(iou), category] for found, truth, iou, category in some]
        checks.same(f"{name}: {mode.value}", sorted(told, key=exact), sorted(predicted, key=exact))


def segments(checks: Checks) -> None:
    """Segments of uploaded masks by their pixels; those without a label in the mask's list are background."""
    client = connect()
    names = ["masks", "of other sizes", "at an address"]
    dataset, model = dataset_of(client, "segments", names), model_of(client, "segments")
    there, seen = Image.new("L", (20, 10)), Image.new("L", (20, 10))
    there.paste(1, (0, 0, 10, 10))  # 100 pixels
    there.paste(2, (10, 0, 20, 4))  # 40
    there.paste(3, (10, 8, 20, 10))  # 20
    seen.paste(7, (0, 0, 8, 10))  # 80, all of them on 1
    seen.paste(8, (8, 0, 20, 5))  # 60, of which 10 on 1 and 40 on 2
    seen.paste(9, (10, 9, 20, 10))  # 10 on 3, and nobody says what 9 is
    for name, mask in (("there", there), ("seen", seen), ("small", there.resize((10, 10)))):
        mask.save(FOLDER / f"{name}.png")
    of_truth = [Segment("road", 1), Segment("car", 2), Segment("sky", 3)]
    of_found = [Segment("road", 7), Segment("bus", 8), Segment("tree", 6)]  # 6 has no pixels
    dataset.annotate(
        [
            SegmentationAnnotation(str(FOLDER / "there.png"), of_truth, names[0], "t"),
            SegmentationAnnotation(str(FOLDER / "small.png"), [Segment("road", 1)], names[1], "t"),
            SegmentationAnnotation("s3://bucket/mask.png", [Segment("road", 1)], names[2], "t"),
        ]
    )
    sent = [
        SegmentationPrediction(str(FOLDER / "seen.png"), of_found, names[0], "p"),
        SegmentationPrediction(str(FOLDER / "seen.png"), [Segment("road", 7)], names[1], "p"),
        SegmentationPrediction(str(FOLDER / "seen.png"), [Segment("road", 7)], names[2], "p"),
    ]
    run_id = dataset.upload_predictions(model, sent)["model_run_id"]
    job = finished(client.get_job(dataset.calculate_evaluation_metrics(model)["job_id"]))
    unfit = [["bus", "car", 40 / 60, WRONG]]
    alone = [["tree", None, 0, WRONG], *[["road", None, 0, WRONG]] * 2]
    missed = [[None, "sky", 0, MISSED], *[[None, "road", 0, MISSED]] * 2]
    wanted = [[["road", "road", 80 / 100, RIGHT], *unfit], unfit + alone, missed]
    compare_labels(checks, "segments", dataset, run_id, wanted)
    ids = {(one.model_prediction_id, one.ground_truth_annotation_id) for one in matches(dataset, run_id, MODES[0])}
    checks.same("ids of the masks", sorted(ids), [["p", "t"]])
    told = job.errors()
    checks.holds("sizes that differ are told", sum(names[1] in line for line in told) >= 1, told)
    checks.holds("addresses are told", sum(names[2] in line and "address" in line for line in told) == 1, told)
