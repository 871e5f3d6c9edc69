"""The random scenes of the plan, uploaded, and how figures are compared with pycocotools' of them."""

import json
import math
from pathlib import Path
from typing import Any

import nucleus
from judging import NAME, PLAN, Checks, finished, model_of
from nucleus import BoxAnnotation, BoxPrediction, DatasetItem, Point, PolygonAnnotation, PolygonPrediction

SCENES = json.loads(Path(PLAN["scenes"]).read_text())
CLOSE = 1e-12
FILTER = SCENES["filter"]
TRUTH, FOUND = SCENES["allowed"]
ALLOWED = [{"ground_truth_label": TRUTH, "model_prediction_label": FOUND}]


def upload(client: nucleus.NucleusClient, name: str, kinds: tuple[str, ...]) -> tuple[nucleus.Dataset, Any]:
    """Make a dataset of the scenes and a run on it, with objects of some kinds: "box", "polygon"."""
    dataset = client.create_dataset(f"{NAME}: {name}", is_scene=False)
    names = [f"scene {i}" for i in range(len(SCENES["pictures"]))]
    side = SCENES["size"]
    address = "https://pictures.example/1.jpg"
    items = [
        DatasetItem(address, reference_id=ref, metadata={"number": i, "odd": bool(i % 2)}, width=side, height=side)
        for i, ref in enumerate(names)
    ]
    finished(dataset.append(items))
    truth: list[Any] = []
    found: list[Any] = []
    for ref, (there, seen) in zip(names, SCENES["pictures"], strict=True):
        for i, one in enumerate(there):
            more = {"reference_id": ref, "metadata": {"iscrowd": one["crowd"]}}
            if "box" in kinds:
                truth.append(BoxAnnotation(one["label"], *one["box"], annotation_id=f"t{i}", **more))
            if "polygon" in kinds:
                truth.append(PolygonAnnotation(one["label"], ring(one), annotation_id=f"outline {i}", **more))
        for i, one in enumerate(seen):
            more = {"reference_id": ref, "confidence": one["score"], "metadata": {"place": i}}
            if "box" in kinds:
                found.append(BoxPrediction(one["label"], *one["box"], annotation_id=f"p{i}", **more))
            if "polygon" in kinds:
                found.append(PolygonPrediction(one["label"], ring(one), annotation_id=f"outline {i}", **more))
    dataset.annotate(truth)
    run = dataset.create_model_run(name, reference_id=model_of(client, name).reference_id)
    run.predict(found)
    return dataset, run


def ring(one: dict[str, Any]) -> list[Point]:
    """The polygon of an object."""
    return [Point(x, y) for x, y in one["triangle"]]


def wanted(way: str, kind: str = "bbox") -> dict[str, Any]:
    """pycocotools' figures of the scenes in one way, for boxes ("bbox") or polygons ("segm")."""
    figures: dict[str, Any] = SCENES["wanted"][way][kind]
    return figures


def close(checks: Checks, name: str, got: Any, expected: Any) -> None:
    """Note whether two values are the same but for 1e-12 in their numbers."""
    checks.note(name, "" if _close(got, expected) else f"got {got!r}, wanted {expected!r}"[:600])


def _close(got: Any, expected: Any) -> bool:
    if isinstance(expected, dict):
        return isinstance(got, dict) and got.keys() == expected.keys() and all(_close(got[k], expected[k]) for k in got)
    if isinstance(expected, list):
        return isinstance(got, list) and len(got) == len(expected) and all(map(_close, got, expected))
    if isinstance(expected, float) and isinstance(got, int | float):
        return math.isclose(got, expected, rel_tol=0, abs_tol=CLOSE)
    return bool(got == expected)
