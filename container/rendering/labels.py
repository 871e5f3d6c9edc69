"""One chip per label: how large its letters are, where it goes, and where a number has to do."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from container.cancellation import checkpoint
from container.rendering import placement
from container.rendering.leaders import draw_leader
from container.rendering.legend import Legend
from container.rendering.palette import Color
from container.rendering.placement import Spot
from container.rendering.regions import visible
from container.rendering.text import SMALLEST, Chip, fit, font_size
from container.structures import Classification, Instances, Prediction
from container.structures.texts import TextLines

COVER = 0.25  # of its object, and of the picture, that a chip may cover; also of the picture all chips together


class _Label(NamedTuple):
    instance: int  # its index
    chip: Chip
    corners: np.ndarray  # K×2, where it may go, the likeliest first; K is above 0
    numbered: bool  # True if its words are in the legend

    @property
    def size(self) -> placement.Size:
        return self.chip.height, self.chip.width

    @property
    def area(self) -> int:
        return self.chip.height * self.chip.width


def draw_labels(
    canvas: np.ndarray,
    prediction: Prediction,
    instances: Instances,
    colors: list[Color],
    places: list[np.ndarray],
    boxed: bool,
) -> None:
    """Draw “name percent” into uint8 H×W×3 `canvas`, one an instance, the best last and so on top.

    Where a chip would cover more than COVER of its object or of the picture, and where all together would, it becomes
    the number of the instance, from 1 on, and a legend has the words. A label away from its object has a line to it.

    Args:
        prediction: says where labels go: beside boxes, inside the regions of a semantic map, or stacked in a corner.
        instances: the same prediction as instances.
        colors: N fills, one an instance.
        places: of each instance some pixels, int M×2 (x, y), M 0 where none are known.
        boxed: True if boxes are drawn, so that a label at a box is at its object.
    """
    beside = isinstance(prediction, Instances)
    labels = _labels(prediction, instances, places, boxed)
    legend = Legend([label.instance for label in labels if label.numbered], instances)
    objects = instances.boxes if beside else np.zeros((0, 4))
    sizes, corners = [label.size for label in labels], [label.corners for label in labels]
    points = placement.spread(sizes, corners, objects, instances.image_size, legend.box)
    shown = list(zip(labels, points, strict=True))
    for label, (x, y) in () if isinstance(prediction, Classification) else reversed(shown):
        i, chip = label.instance, (x, y, x + label.chip.width, y + label.chip.height)
        box = visible(instances.boxes[i], instances.image_size)
        draw_leader(canvas, chip, box, places[i], boxed and beside, colors[i])
    for label, (x, y) in reversed(shown):
        label.chip.draw(canvas, x, y, colors[label.instance])
    legend.draw(canvas, colors)


def _labels(prediction: Prediction, instances: Instances, places: list[np.ndarray], boxed: bool) -> list[_Label]:
    """Choose words, number or nothing for each instance, best first, until all chips together cover COVER."""
    spots = list(_spots(prediction, instances, places, boxed))
    letters = font_size(instances.image_size)
    sizes = [_letters(prediction, box, letters) for box in instances.boxes]
    named = [_label(instances, i, spots[i], text, sizes[i]) for i, text in enumerate(instances.captions)]
    share = 1.0 if isinstance(prediction, TextLines) else COVER  # what was read is shown as words
    room = share * instances.image_size[0] * instances.image_size[1]
    crowded = sum(label.area for label in named if label) > room
    labels = []
    for i, (places_for, label) in enumerate(zip(spots, named, strict=True)):
        if isinstance(prediction, Classification | TextLines):
            chosen = label
        elif label and not (crowded and label.area > COVER * places_for[0].area):
            chosen = label
        else:
            chosen = _label(instances, i, places_for, str(i + 1), max(SMALLEST, round(0.8 * sizes[i])), numbered=True)
        if chosen and chosen.area <= room:
            room -= chosen.area
            labels.append(chosen)
    return labels


def _label(
    instances: Instances, i: int, spots: Sequence[Spot], text: str, letters: int, numbered: bool = False
) -> _Label | None:
    """Return the label if it has somewhere to go."""
    checkpoint()
    height, width = instances.image_size
    chip = fit(text, letters, instances.image_size)
    if chip is None or chip.height * chip.width > COVER * height * width:
        return None
    for spot in spots:
        corners = spot.permitted((chip.height, chip.width), instances.image_size, COVER)
        if len(corners):
            return _Label(i, chip, corners, numbered)
    return None


def _letters(prediction: Prediction, box: np.ndarray, letters: int) -> int:
    """Smaller letters for what is small against its label, down to 0.6 of `letters`.

    Those of text are so small that the line above the one in the box can be read.
    """
    if isinstance(prediction, TextLines):
        return max(SMALLEST + 1, min(letters, round(0.35 * float(box[3] - box[1]))))
    if not isinstance(prediction, Instances):
        return letters
    side = float(max(box[2] - box[0], box[3] - box[1]))
    return max(9, round(letters * min(1.0, max(0.6, side / (5 * letters)))))


def _spots(
    prediction: Prediction, instances: Instances, places: list[np.ndarray], boxed: bool
) -> Iterator[tuple[Spot, ...]]:
    """Return for each instance where its label may go; the second if there is no room in the first."""
    size = instances.image_size
    for i in range(len(instances)):
        checkpoint()
        if isinstance(prediction, Classification):
            yield (Spot(partial(placement.stacked, i), size[0] * size[1]),)
        elif isinstance(prediction, Instances) or instances.masks is None:
            top = places[i][places[i][:, 1].argmin()] if len(places[i]) and not boxed else None
            yield (Spot(partial(placement.beside, instances.boxes[i], top), box=visible(instances.boxes[i], size)),)
        else:
            crop, left, upper = instances.masks.crop(i)
            x, y, reach = placement.pole(crop, left, upper)
            around = np.array([x - reach, y - reach, x + reach, y + reach])
            yield (
                Spot(partial(placement.inside, (x, y)), int(np.count_nonzero(crop))),
                Spot(partial(placement.beside, around, None), box=visible(around, size)),
            )
