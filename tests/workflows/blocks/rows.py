"""Literal pictures and detections, and steps that run on them without an engine."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from container.structures import Bitmasks, Instances
from container.workflows.definition import convert
from container.workflows.manifest import REQUIRED, Step, blocks
from container.workflows.values import Detections, Frame, Picture

WHOLE = Frame("image", (60, 80))  # of every test's picture, unless it says otherwise
Box = Sequence[float]


def run(name: str, room: Callable[[int], None] = lambda pixels: None, **given: Any) -> Any:
    """Return what a block gives for the values of its fields: literals, pictures and detections."""
    block, row = blocks[name], {}
    for field in block.fields:
        value = next((given.pop(key) for key in (field.name, *field.aliases) if key in given), field.default)
        assert value is not REQUIRED, field.name
        plain = field.takes is not None and value is not field.default and not isinstance(value, Detections)
        row[field.name] = convert(field, value) if plain else value
    assert not given
    step = Step("s", None, lambda: None, room)  # type: ignore[arg-type]
    return block.run_all([row], step)[0]


def picture(frame: Frame = WHOLE) -> Picture:
    """Return a picture of noise."""
    return Picture(np.random.default_rng(1).integers(0, 256, (*frame.size, 3), np.uint8), frame)


def found(
    *boxes: Box,
    scores: Sequence[float] | None = None,
    classes: Sequence[int] | None = None,
    labels: Sequence[str] | None = None,
    masks: Sequence[Box] | None = None,
    frame: Frame = WHOLE,
) -> Detections:
    """Return detections called a, b, …, with rectangles as masks if any are given."""
    count = len(boxes)
    bitmaps = np.zeros((count, *frame.size), bool)
    for bitmap, (left, top, right, bottom) in zip(bitmaps, masks or [], strict=bool(masks)):
        bitmap[int(top) : int(bottom), int(left) : int(right)] = True
    classes = [0] * count if classes is None else classes
    instances = Instances(
        frame.size,
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(np.linspace(0.9, 0.5, count) if scores is None else scores, np.float32),
        np.array(classes, np.int64),
        tuple(labels) if labels else tuple(f"class {one}" for one in classes),
        None if masks is None else Bitmasks(bitmaps),
    )
    return Detections(instances, frame, tuple("abcdefghijklmnopqrstuvwxyz"[:count]), "inference")


def with_ids(detections: Detections, *ids: str) -> Detections:
    """Return the same with other names."""
    return replace(detections, ids=ids)


def rectangle(detections: Detections, i: int) -> list[int]:
    """Return the box around the mask of a detection, after checking that it fills it: xyxy."""
    assert detections.instances.masks is not None
    bitmap = detections.instances.masks.bitmap(i)
    assert bitmap.shape == detections.frame.size
    rows, columns = np.nonzero(bitmap)
    left, top, right, bottom = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    assert bitmap.sum() == (right - left) * (bottom - top)
    return [int(left), int(top), int(right), int(bottom)]
