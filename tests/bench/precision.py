"""Average precision of many predictions: pycocotools against the arrays of container/evaluation, at equal output."""

import contextlib
import io
import multiprocessing
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from container.evaluation.charts import charts
from container.evaluation.coco import evaluated, ranked
from container.evaluation.geometry.boxes import box_overlaps
from container.evaluation.sample import LOWEST_IOU, Pairs, Sample, Side

IMAGES, FOUND, TRUTH, LABELS = 5000, 36, 7, 80
_SPAWN = multiprocessing.get_context("spawn")  # each starts with as little memory


class _Side(NamedTuple):
    image: np.ndarray
    label: np.ndarray
    box: np.ndarray
    score: np.ndarray


def _sides() -> tuple[_Side, _Side]:
    """Truth, and predictions half of which are near it, nine of ten of these at its label."""
    numbers = np.random.default_rng(0)

    def boxes(count: int) -> np.ndarray:
        return np.concatenate((numbers.uniform(0, 500, (count, 2)), numbers.uniform(10, 200, (count, 2))), axis=1)

    count, objects = IMAGES * FOUND, IMAGES * TRUTH
    truth = _Side(
        np.repeat(np.arange(IMAGES), TRUTH),
        numbers.integers(0, LABELS, objects),
        boxes(objects),
        np.full(objects, np.nan),
    )
    image = np.repeat(np.arange(IMAGES), FOUND)
    meant = image * TRUTH + numbers.integers(0, TRUTH, count)
    near = numbers.random(count) < 0.5
    same = near & (numbers.random(count) < 0.9)
    box = np.where(near[:, None], truth.box[meant] + numbers.normal(0, 10, (count, 4)), boxes(count))
    box[:, 2:] = np.maximum(box[:, 2:], 2)
    label = np.where(same, truth.label[meant], numbers.integers(0, LABELS, count))
    return truth, _Side(image, label, box, numbers.random(count).round(3))


def _pycocotools(truth: _Side, found: _Side) -> list[float]:
    def coco(side: _Side) -> COCO:
        columns = (side.image.tolist(), side.label.tolist(), side.box.tolist(), side.score.tolist())
        data = COCO()
        data.dataset = {
            "images": [{"id": i} for i in range(IMAGES)],
            "categories": [{"id": i} for i in range(LABELS)],
            "annotations": [
                {
                    "id": number,
                    "image_id": image,
                    "category_id": label,
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": 0,
                    "score": score,
                }
                for number, (image, label, box, score) in enumerate(zip(*columns, strict=True), 1)
            ],
        }
        data.createIndex()
        return data

    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(coco(truth), coco(found), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [float(one) for one in evaluation.stats]


def _sample(truth: _Side, found: _Side) -> Sample:
    parts = []
    for image in range(IMAGES):
        first, start = image * FOUND, image * TRUTH
        overlap = box_overlaps(found.box[first : first + FOUND], truth.box[start : start + TRUTH])
        near = overlap.iou >= LOWEST_IOU
        parts.append((overlap.found[near] + first, overlap.truth[near] + start, overlap.iou[near]))

    def side(one: _Side) -> Side:
        area = one.box[:, 2] * one.box[:, 3]
        nothing = np.zeros(len(area), np.int64)
        return Side(one.image, one.label, one.label, area, nothing, one.score, nothing.astype(bool))

    pairs = Pairs(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    return Sample(tuple(f"{i:02}" for i in range(LABELS)), np.arange(IMAGES), side(truth), side(found), pairs)


def _arrays(truth: _Side, found: _Side) -> list[float]:
    stats = evaluated(ranked(_sample(truth, found))).stats
    return [-1.0 if one is None else one for one in stats.as_dict().values()]


def _charts(truth: _Side, found: _Side) -> list[float]:
    stats = charts(_sample(truth, found), 0.5)["mapSummary"]
    return [stats["mapAt5095"], stats["mapAt50"], stats["mapAt75"]]


def _measured(work: Callable[[_Side, _Side], list[float]]) -> tuple[float, float, list[float]]:
    """Return CPU seconds, peak memory in MB beyond what the boxes need, and the figures."""
    sides = _sides()
    Path("/proc/self/clear_refs").write_text("5")  # what imports have needed is no part of the peak
    before, begun = _memory("VmRSS"), time.process_time()
    figures = work(*sides)
    return time.process_time() - begun, _memory("VmHWM") - before, figures


def _memory(name: str) -> float:
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(name)) / 1000  # of kB


def measure() -> Iterator[str]:
    """Yield the cost of each, from boxes to numbers, in a process of its own."""
    yield f"{IMAGES} images × {FOUND} predictions × {TRUTH} objects of {LABELS} labels"
    found = {}
    for name, work in (("pycocotools", _pycocotools), ("arrays", _arrays), ("arrays, all charts", _charts)):
        with _SPAWN.Pool(1) as pool:
            seconds, megabytes, found[name] = pool.apply(_measured, (work,))
        yield f"{name}: {seconds:.1f} s of CPU, {megabytes:.0f} MB"
    alike = found["pycocotools"] == found["arrays"] and found["arrays"][:3] == found["arrays, all charts"]
    yield f"the twelve numbers are {'equal to the last bit' if alike else 'NOT EQUAL'}; AP {found['arrays'][0]:.4f}"
