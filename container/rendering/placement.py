"""Where to put labels so that they lie inside the picture and, as far as can be, on nothing that matters."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from container.cancellation import checkpoint
from container.rendering.regions import SMALL

Size = tuple[int, int]  # (height, width) in pixels
Point = tuple[int, int]  # (x, y) in pixels

# What it costs to cover a whole earlier label, against 1 for a whole object, more for a small one, and 0.01 for each
# step down the candidates.
_LABEL_COST = 10.0
_SMALL_COST = 3.0
_STEP_COST = 0.01


@dataclass(frozen=True)
class Spot:
    """Where the label of one object may go: corners for any size, and how much of the object they may cover."""

    corners: Callable[[Size], np.ndarray]  # K×2, the likeliest first
    inside: int | None = None  # pixels of the object, if labels lie wholly on it
    box: tuple[int, int, int, int] = (0, 0, 0, 0)  # xyxy of the object, if labels lie beside it; may be empty

    @property
    def area(self) -> int:
        """Pixels of the object, or of its box."""
        left, top, right, bottom = self.box
        return (right - left) * (bottom - top) if self.inside is None else self.inside

    def permitted(self, size: Size, image_size: Size, share: float) -> np.ndarray:
        """Return the corners K×2, moved into the picture, where a label covers at most a share of the object.

        Of a small object beside it, it may cover nothing.
        """
        corners = _moved(self.corners(size), size, image_size)
        if self.inside is not None:
            return corners if size[0] * size[1] <= share * self.inside else corners[:0]
        left, top, right, bottom = self.box
        most = 0.0 if max(right - left, bottom - top) < SMALL else share * self.area
        across = np.minimum(corners[:, 0] + size[1], right) - np.maximum(corners[:, 0], left)
        down = np.minimum(corners[:, 1] + size[0], bottom) - np.maximum(corners[:, 1], top)
        return np.asarray(corners[(np.maximum(across, 0) * np.maximum(down, 0)) <= most])


def spread(
    sizes: list[Size],
    candidates: list[np.ndarray],
    obstacles: np.ndarray,
    image_size: Size,
    taken: np.ndarray | None = None,
) -> list[Point]:
    """A top-left corner for each of N labels: the cheapest of its candidates (K×2, the likeliest first).

    Candidates are moved into the picture first. It costs to cover earlier labels or what is `taken` (xyxy), and to
    cover much of an obstacle (xyxy, M×4): small objects stay in sight, and a label inside a large one is nearly free.
    Before each label is a checkpoint of cancellation.
    """
    # Slots for labels begin as points, which cannot be covered.
    things = np.concatenate([obstacles, np.zeros((len(sizes) + 1, 4))])
    weights = np.concatenate([_weights(obstacles), np.zeros(len(sizes) + 1)])
    if taken is not None:
        things[-1], weights[-1] = taken, _LABEL_COST / max(_areas(taken[None])[0], 1)
    points: list[Point] = []
    for i, (size, corners) in enumerate(zip(sizes, candidates, strict=True)):
        checkpoint()
        corners = _moved(corners, size, image_size)
        rectangles = _rectangles(corners, size)
        near = _near(rectangles, things) if len(things) > 64 else slice(None)
        costs = overlaps(rectangles, things[near]) @ weights[near] + _STEP_COST * np.arange(len(corners))
        best = int(np.argmin(costs))
        slot = len(obstacles) + i
        things[slot], weights[slot] = rectangles[best], _LABEL_COST / (size[0] * size[1])
        points.append((int(corners[best][0]), int(corners[best][1])))
    return points


def _moved(corners: np.ndarray, size: Size, image_size: Size) -> np.ndarray:
    """Whole corners, as near as can be, of labels of a size that lie in the picture."""
    room = max(image_size[1] - size[1], 0), max(image_size[0] - size[0], 0)
    return np.asarray(np.minimum(np.maximum(np.rint(corners), 0), room))


def _rectangles(corners: np.ndarray, size: Size) -> np.ndarray:
    return np.concatenate([corners, corners + [size[1], size[0]]], axis=1)


def _near(rectangles: np.ndarray, things: np.ndarray) -> np.ndarray:
    """The numbers of those things that could overlap any of the rectangles, a few of many."""
    (left, top), (right, bottom) = rectangles[:, :2].min(axis=0), rectangles[:, 2:].max(axis=0)
    apart = (things[:, 0] >= right) | (things[:, 2] <= left) | (things[:, 1] >= bottom) | (things[:, 3] <= top)
    return np.flatnonzero(~apart)


def _weights(obstacles: np.ndarray) -> np.ndarray:
    small = (obstacles[:, 2:] - obstacles[:, :2]).max(axis=1, initial=0) < SMALL
    return np.asarray(np.where(small, _SMALL_COST, 1.0) / np.maximum(_areas(obstacles), 1))


def _areas(boxes: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1))


def overlaps(rectangles: np.ndarray, things: np.ndarray) -> np.ndarray:
    """Return how many pixels of each of K rectangles lie on each of M things, K×M."""
    width = np.minimum(rectangles[:, 2, None], things[:, 2]) - np.maximum(rectangles[:, 0, None], things[:, 0])
    height = np.minimum(rectangles[:, 3, None], things[:, 3]) - np.maximum(rectangles[:, 1, None], things[:, 1])
    return np.asarray(np.maximum(width, 0) * np.maximum(height, 0))


def beside(box: np.ndarray, top: np.ndarray | None, size: Size) -> np.ndarray:
    """Return corners K×2 for the label of a box (xyxy): on its top edge, in its corners, below, along its side, away.

    Before all of these comes the place above the object's topmost point `top` (x, y), if it is given.
    """
    left, top_edge, right, bottom = (float(v) for v in box)
    height, width = size
    corners = [
        (left, top_edge - height),
        (right - width, top_edge - height),
        (left, top_edge),
        (right - width, top_edge),
        (left, bottom),
        (left, bottom - height),
        (right - width, bottom),
        (right - width, bottom - height),
        (right, top_edge),
        (left - width, top_edge),
        ((left + right - width) / 2, (top_edge + bottom - height) / 2),
    ]
    if top is not None:
        corners.insert(0, (float(top[0]) - width / 2, float(top[1]) - height))
    corners += [(left, top_edge + height * k) for k in (-2, 1, -3, 2, 3, 4)]
    corners += [(x, y) for x in (right + height, left - width - height) for y in (top_edge - height, bottom)]
    return np.array([*corners, (left, top_edge - 5 * height), (left, bottom + 4 * height)])


def inside(point: tuple[float, float], size: Size) -> np.ndarray:
    """Return corners K×2 for a label whose middle lies at a point (x, y), or above or below it."""
    x, y = point
    height, width = size
    return np.array([(x - width / 2, y + height * (k - 0.5)) for k in (0, -1, 1, -2, 2)])


def pole(crop: np.ndarray, x: int, y: int) -> tuple[float, float, float]:
    """Return the point (x, y) of a region, bool h×w at (x, y), that is farthest from its border, and how far it is."""
    step = 1 + max(crop.shape) // 512  # a label need not lie truer
    coarse = np.pad(crop[::step, ::step].astype(np.uint8), 1)
    distance = cv2.distanceTransform(coarse, cv2.DIST_L2, cv2.DIST_MASK_3)
    # A long band has many such points: take the one in the middle of them.
    deep = np.argwhere(distance >= 0.8 * distance.max())
    row, column = deep[((deep - deep.mean(axis=0)) ** 2).sum(axis=1).argmin()]
    return x + (float(column) - 1) * step, y + (float(row) - 1) * step, float(distance[row, column]) * step


def stacked(i: int, size: Size) -> np.ndarray:
    """The one corner, 1×2, of the i-th label of a stack that hangs from the picture's top-left corner."""
    margin = size[0] / 3
    return np.array([(margin, margin + 1.2 * size[0] * i)])
