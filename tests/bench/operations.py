"""What is done with masks and maps after the model: ours against torchvision, pycocotools and numpy, equal results.

Processor time of one thread, since it is the steadier figure for work of milliseconds.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import skimage.data
import torch
from pycocotools import mask as coco
from torch.nn import functional
from torchvision.models.detection.roi_heads import paste_masks_in_image
from torchvision.utils import draw_segmentation_masks

from container.ops import argmax, polygons, rle
from container.rendering import draw
from container.structures import Appearance, Instances, RoiMasks
from tests.bench.cases import SIZES

ROUNDS = 5
CLASSES = 21
Pair = tuple[Callable[[], Any], Callable[[], Any]]


def scene(size: tuple[int, int], count: int) -> tuple[np.ndarray, Instances]:
    """A photo and `count` round masks of all sizes on it."""
    height, width = size
    rng = np.random.default_rng(0)
    sides = rng.uniform((0.05, 0.1), (0.35, 0.5), (count, 2)) * (width, height)
    corners = rng.uniform(0, 1, (count, 2)) * ((width, height) - sides)
    boxes = np.concatenate([corners, corners + sides], 1).astype(np.float32)
    rows, columns = np.mgrid[-1:1:28j, -1:1:28j]  # type: ignore[misc]  # numpy's own notation
    probabilities = (1.2 - rows**2 - columns**2 + rng.uniform(-0.2, 0.2, (count, 28, 28))).clip(0, 1)
    masks = RoiMasks(probabilities.astype(np.float32), boxes, size)
    classes = np.arange(count) % 80 + 1
    scores = np.linspace(0.99, 0.5, count, dtype=np.float32)
    photo = cv2.resize(skimage.data.coffee(), (width, height))
    return photo, Instances(size, boxes, scores, classes, tuple(f"class {c}" for c in classes), masks)


def pairs(size: tuple[int, int], count: int) -> dict[str, Pair]:
    """For each operation (theirs, ours), after the results were found to be the same."""
    photo, instances = scene(size, count)
    masks = instances.masks
    assert isinstance(masks, RoiMasks)
    grids, boxes = torch.from_numpy(masks.probabilities)[:, None], torch.from_numpy(masks.boxes)
    full = (paste_masks_in_image(grids, boxes, size) >= 0.5)[:, 0]
    frames = list(full.numpy().astype(np.uint8))
    pixels = torch.from_numpy(photo).permute(2, 0, 1).contiguous()
    bare = Appearance(draw_boxes=False, draw_labels=False)
    logits = np.random.default_rng(1).normal(size=(CLASSES, 65, 87)).astype(np.float32)
    scores = torch.from_numpy(logits)[None]
    every = range(count)
    crops = [masks.crop(i) for i in every]

    found: dict[str, Pair] = {
        "paste": (lambda: paste_masks_in_image(grids, boxes, size) >= 0.5, lambda: [masks.crop(i) for i in every]),
        "run lengths": (
            lambda: [coco.encode(np.asfortranarray(frame))["counts"].decode() for frame in frames],
            lambda: [rle.encode(*crop, size)["counts"] for crop in crops],
        ),
        "polygons": (
            lambda: [_outlines(frame) for frame in frames],
            lambda: [polygons.trace(*crop) for crop in crops],
        ),
        # Ours pastes the masks and draws their outlines too.
        "overlay": (lambda: draw_segmentation_masks(pixels, full, alpha=0.5), lambda: draw(photo, instances, bare)),
        "label map": (
            lambda: functional.interpolate(scores, size, mode="bilinear", align_corners=False)[0].argmax(0),
            lambda: argmax.argmax_resized(logits, size),
        ),
    }
    differing = sum(int((masks.bitmap(i) != full[i].numpy()).sum()) for i in every)
    assert differing <= 1e-5 * full.numel(), differing
    theirs, ours = found["run lengths"]
    assert sum(one == other for one, other in zip(theirs(), ours(), strict=True)) >= 0.9 * count
    theirs, ours = found["label map"]
    assert (theirs().numpy() != ours()).mean() <= 1e-4
    return found


def _outlines(frame: np.ndarray) -> list[list[float]]:
    contours, _ = cv2.findContours(frame, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    return [contour.ravel().astype(float).tolist() for contour in contours]


def measure() -> str:
    """A Markdown table: milliseconds of theirs and ours, and how many times as fast, in turn, medians."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    lines = ["| ms, theirs / ours | " + " | ".join(CASES) + " |", "|---" * (len(CASES) + 1) + "|"]
    columns = [_times(pairs(SIZES[size], count)) for size, count in CASES.values()]
    for name in columns[0]:
        cells = [f"{a:.1f} / {b:.1f}, {a / b:.1f}×" for a, b in (column[name] for column in columns)]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


CASES = {"480x640, 10": ("480x640", 10), "480x640, 100": ("480x640", 100), "1080p, 100": ("1080p", 100)}


def _times(operations: dict[str, Pair]) -> dict[str, tuple[float, float]]:
    found = {}
    for name, pair in operations.items():
        seconds: tuple[list[float], list[float]] = ([], [])
        for _ in range(ROUNDS):
            for taken, run in zip(seconds, pair, strict=True):
                begun = time.process_time()
                run()
                taken.append(time.process_time() - begun)
        theirs, ours = (1000 * statistics.median(one) for one in seconds)
        found[name] = theirs, ours
    return found


if __name__ == "__main__":
    print(measure())
