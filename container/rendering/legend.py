"""What the numbers on a picture mean: a stack of chips in its emptiest corner."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from container.rendering.palette import Color
from container.rendering.placement import Size, overlaps
from container.rendering.text import SMALLEST, Chip, fit, font_size
from container.structures import Instances

SHARE = 0.5  # of the picture's height and width that a legend takes at the most
REST: Color = (60, 60, 60)  # the chip that tells how many did not fit


class _Row(NamedTuple):
    chip: Chip
    x: int  # in the block
    y: int
    instance: int | None  # whose colour it has; None for REST


class Legend:
    """Rows “number name percent” in columns; where they do not all fit, rows “name numbers”, one a class."""

    def __init__(self, numbered: Sequence[int], instances: Instances) -> None:
        """Lay the rows out.

        Args:
            numbered: the instances, by index, whose numbers are drawn, which count from 1.
            instances: all; the legend goes to the corner where it covers the smallest shares of their boxes.
        """
        self._rows: list[_Row] = []
        for texts, share in ((_words, 0.8), (_by_class, 0.8), (_by_class, 0.6)) if numbered else ():
            self._rows, left_out = _laid(texts(numbered, instances), instances.image_size, share)
            if not left_out:
                break
        height = max((row.y + row.chip.height for row in self._rows), default=0)
        width = max((row.x + row.chip.width for row in self._rows), default=0)
        self._x, self._y = _emptiest((height, width), instances) if self._rows else (0, 0)
        self.box = np.array([self._x, self._y, self._x + width, self._y + height], float)  # xyxy, empty without rows

    def draw(self, canvas: np.ndarray, colors: list[Color]) -> None:
        """Draw it into uint8 H×W×3 `canvas`; `colors` are of all instances."""
        for chip, x, y, i in self._rows:
            chip.draw(canvas, self._x + x, self._y + y, REST if i is None else colors[i])


def _words(numbered: Sequence[int], instances: Instances) -> dict[str, int]:
    """Return texts such as “7 person 89%” and the instance of each."""
    captions = instances.captions
    return {f"{i + 1} {captions[i]}": i for i in numbered}


def _by_class(numbered: Sequence[int], instances: Instances) -> dict[str, int]:
    """Return texts such as “person 1–4, 7” and the first instance of each."""
    groups: dict[str, list[int]] = {}
    for i in numbered:
        groups.setdefault(instances.labels[i], []).append(i)
    return {f"{label} {_ranges(some)}": some[0] for label, some in groups.items()}


def _ranges(indices: Sequence[int]) -> str:
    """Return ascending indices as numbers from 1: “1–4, 7”."""
    ends: list[list[int]] = []
    for number in (i + 1 for i in indices):
        if ends and ends[-1][1] == number - 1:
            ends[-1][1] = number
        else:
            ends.append([number, number])
    return ", ".join(f"{first}" if first == last else f"{first}–{last}" for first, last in ends)


def _laid(texts: Mapping[str, int], image_size: Size, share: float) -> tuple[list[_Row], int]:
    """Return rows for texts, each with an instance's index, and how many have no room; the last row tells how many.

    Letters are a share of what goes with the picture.
    """
    height, width = int(SHARE * image_size[0]), int(SHARE * image_size[1])
    letters = max(SMALLEST, round(share * font_size(image_size)))
    step = round(1.5 * letters)
    rows: list[_Row] = []
    pending, x = list(texts.items()), 0
    while pending and height >= step:
        chips = [(fit(text, letters, (step, width)), i) for text, i in pending[: height // step]]
        widest = max(chip.width if chip else width + 1 for chip, _ in chips)
        if x + widest > width:
            break
        rows += [_Row(chip, x, row * step, i) for row, (chip, i) in enumerate(chips) if chip]
        pending = pending[height // step :]
        x += widest + letters // 2
    if pending and rows:
        rest = fit(f"+{len(pending) + 1} more", letters, (step, width))
        rows[-1:] = [rows[-1]._replace(chip=rest, instance=None)] if rest else []
    return rows, len(pending)


def _emptiest(size: Size, instances: Instances) -> tuple[int, int]:
    """The top left corner, (x, y), of a block in that corner of the picture where it covers the least of objects."""
    height, width = instances.image_size
    margin = round(0.5 * font_size(instances.image_size))
    xs = np.clip([margin, width - size[1] - margin], 0, None)
    ys = np.clip([height - size[0] - margin, margin], 0, None)
    corners = np.array([(x, y) for y in ys for x in xs])
    boxes = np.clip(instances.boxes, 0, [width, height] * 2)
    areas = np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), 1)
    covered = overlaps(np.concatenate([corners, corners + [size[1], size[0]]], axis=1), boxes) @ (1 / areas)
    x, y = corners[int(covered.argmin())].tolist()
    return x, y
