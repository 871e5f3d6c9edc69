"""One annotation of a COCO file: what can be learnt from it, and what is wrong with it.

Only numbers are looked at, nothing is drawn: the size that the file gives a photo is not compared with the photo yet.
"""

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

from container.datasets.account import Broken
from container.datasets.annotation_files import Id, as_id
from container.datasets.base import Annotation, Segmentation
from container.ops import rle

Box = tuple[float, float, float, float]
Size = tuple[int, int]  # width, height

MIN_SIDE = 1  # pixel; smaller boxes cover nothing
# Sides of the photo that a corner may lie from its first pixel: pycocotools fills all memory with far outlines.
NEAR = 2
MIN_CORNERS = 3
_FLAGS = {None: False, False: False, True: True, "": False, "0": False, "1": True, "false": False, "true": True}


class BrokenMask(Broken):
    """An annotation whose mask cannot be drawn; `box` is the annotation without it."""

    def __init__(self, reason: str, box: Annotation) -> None:
        super().__init__(reason)
        self.box = box


def label(value: Mapping[str, Any], names: Mapping[Id, list[str]]) -> str:
    """The name of the annotation's category; Broken where there is none, or more than one."""
    given = value.get("category_id")
    found = names.get(as_id(given, "category_id"), [])
    if not found:
        raise Broken(f"has category_id {given!r:.60}, which `categories` lacks")
    if len(found) > 1:
        raise Broken(f"has category_id {given!r:.60}, which `categories` calls {' and '.join(map(repr, found))}")
    return found[0]


def read(value: Mapping[str, Any], label: str, size: Size, mend: Callable[[str], None]) -> Annotation | None:
    """The annotation, or None for one that covers nothing; Broken or BrokenMask says why it cannot be used.

    Args:
        mend: told what is left out or taken from elsewhere.
    """
    crowd = _flag(value.get("iscrowd"))
    broken, segmentation, around = None, None, None
    try:
        segmentation, around = _outline(value.get("segmentation"), size, mend)
    except Broken as reason:
        broken = reason
    try:
        box = _box(value.get("bbox"), size, around)
    except Broken as reason:
        raise Broken(f"{broken}, and {reason}" if broken else str(reason)) from reason
    if box is around is not None:
        mend("boxes that are missing, unreadable or empty, and are taken from their masks")
    score = _score(value.get("score"), mend)
    annotation = Annotation(box, label, segmentation, crowd, _area(value.get("area"), box), score)
    if broken is not None:
        raise BrokenMask(str(broken), annotation) if _covers(box) else broken
    return annotation if _covers(box) else None


def _flag(value: object) -> bool:
    key = value.strip().lower() if isinstance(value, str) else value
    if isinstance(key, str | int | float | None) and key in _FLAGS:
        return _FLAGS[key]  # type: ignore[index]  # 0.0 and 1.0 are the keys False and True
    raise Broken(f"has {value!r:.60} for `iscrowd`; it takes 0 and 1")


def _box(value: object, size: Size, around: Box | None) -> Box:
    """The xyxy box, cut at the borders of the photo; the one around the mask where none is given."""
    numbers = _numbers(value)
    if numbers is None or len(numbers) != 4 or min(numbers[2:]) < 0:
        if around is None:
            raise Broken(f"has no mask, and for its `bbox` {value!r:.60}; it takes x, y, width and height")
        return around
    x, y, width, height = numbers
    if around is not None and width == height == 0:
        return around
    if x >= size[0] or y >= size[1] or x + width < 0 or y + height < 0:
        raise Broken(f"has box {[x, y, width, height]}, outside of its photo of {size[0]}×{size[1]} pixels")
    return max(x, 0.0), max(y, 0.0), min(x + width, size[0]), min(y + height, size[1])


def _covers(box: Box) -> bool:
    x1, y1, x2, y2 = box
    return x2 - x1 >= MIN_SIDE and y2 - y1 >= MIN_SIDE


def _area(value: object, box: Box) -> float:
    numbers = _numbers([value])
    return numbers[0] if numbers and numbers[0] > 0 else (box[2] - box[0]) * (box[3] - box[1])


def _score(value: object, mend: Callable[[str], None]) -> float:
    """The score of a label that a model made; 1 where none is given."""
    if value is None:
        return 1.0
    numbers = _numbers([value])
    if numbers is None or not 0 < numbers[0] <= 1:
        mend("annotations whose `score` is no number over 0 and up to 1, and counts as 1")
        return 1.0
    if numbers[0] < 1:
        mend("annotations with a `score` below 1, which detectors see in that share of the views")
    return numbers[0]


def _outline(value: object, size: Size, mend: Callable[[str], None]) -> tuple[Segmentation | None, Box | None]:
    """A segmentation that can be drawn and the box around it; None twice for none. Broken for what cannot be drawn."""
    if isinstance(value, dict):
        return _run_lengths(value, size)
    if value is not None and not isinstance(value, list):
        raise Broken(f"has {value!r:.60} for `segmentation`, which is neither polygons nor run lengths")
    if not value or (isinstance(value[0], list) and not any(value)):
        return None, None
    # Some tools write a single polygon without the outer list, some write corners as pairs.
    polygons = value if isinstance(value[0], list) and len(value[0]) != 2 else [value]
    usable = [drawn for polygon in polygons if (drawn := _polygon(polygon, size)) is not None]
    if not usable:
        raise Broken(
            f"has no polygon of {MIN_CORNERS} corners and more as x, y, x, y, …, on its photo or near it, "
            f"but {polygons[0]!r:.60}"
        )
    if len(usable) < len(polygons):
        mend("annotations of which some polygons cannot be drawn, and the others are taken")
    x1s, y1s, x2s, y2s = zip(*(box for _, box in usable), strict=True)
    around = (max(min(x1s), 0.0), max(min(y1s), 0.0), min(max(x2s), size[0]), min(max(y2s), size[1]))
    return [polygon for polygon, _ in usable], around


def _polygon(value: object, size: Size) -> tuple[list[float], Box] | None:
    """A polygon and the box around it; None for what is none, is far away, or covers nothing of the photo."""
    if isinstance(value, list) and value and all(isinstance(corner, list) and len(corner) == 2 for corner in value):
        value = list(itertools.chain(*value))
    numbers = _numbers(value)
    if numbers is None or len(numbers) % 2 or len(numbers) < 2 * MIN_CORNERS:
        return None
    box = (min(numbers[::2]), min(numbers[1::2]), max(numbers[::2]), max(numbers[1::2]))
    far = NEAR * max(size)
    if min(box) < -far or max(box) > far:
        return None
    x1, y1, x2, y2 = box
    return (numbers, box) if x1 < min(x2, size[0]) and y1 < min(y2, size[1]) and x2 > 0 and y2 > 0 else None


def _run_lengths(value: dict[str, Any], size: Size) -> tuple[Segmentation, Box]:
    width, height = size
    try:
        around = rle.box(rle.counts(value, (height, width)), height)
    except (TypeError, ValueError, OverflowError) as error:
        raise Broken(f"has a mask that cannot be read: {error}") from error
    if around is None:
        raise Broken("has a mask without a pixel")
    x1, y1, x2, y2 = around
    return value, (float(x1), float(y1), float(x2), float(y2))


def _numbers(value: object) -> list[float] | None:
    """A list of numbers, or of texts of numbers, as floats; None for anything else, and where one is not finite."""
    if not isinstance(value, list):
        return None
    try:
        numbers = [float(number) for number in value]
    except (TypeError, ValueError, OverflowError):
        return None
    return numbers if all(map(math.isfinite, numbers)) else None
