"""Where to put labels so that they lie inside the picture and, as far as can be, on nothing that matters."""

import cv2
import numpy as np

from container.cancellation import checkpoint

Size = tuple[int, int]  # (height, width) in pixels
Point = tuple[int, int]  # (x, y) in pixels

# What it costs to cover a whole earlier label, against 1 for a whole object and 0.01 for each step down the candidates.
_LABEL_COST = 10.0
_STEP_COST = 0.01


def spread(sizes: list[Size], candidates: list[np.ndarray], obstacles: np.ndarray, image_size: Size) -> list[Point]:
    """A top-left corner for each of N labels: the cheapest of its candidates (K×2, the likeliest first).

    Candidates are moved into the picture first. It costs to cover earlier labels, and to cover much of an obstacle
    (xyxy, M×4): small objects stay in sight, and a label inside a large one is nearly free. Before each label is a
    checkpoint of cancellation.
    """
    # Slots for labels begin as points, which cannot be covered.
    things = np.concatenate([obstacles, np.zeros((len(sizes), 4))])
    weights = np.concatenate([1 / np.maximum(_areas(obstacles), 1), np.zeros(len(sizes))])
    points: list[Point] = []
    for i, (size, corners) in enumerate(zip(sizes, candidates, strict=True)):
        checkpoint()
        room = np.array([image_size[1] - size[1], image_size[0] - size[0]])
        corners = np.clip(np.rint(corners), 0, np.maximum(room, 0))
        rectangles = np.concatenate([corners, corners + [size[1], size[0]]], axis=1)
        costs = _overlaps(rectangles, things) @ weights + _STEP_COST * np.arange(len(corners))
        best = int(np.argmin(costs))
        slot = len(obstacles) + i
        things[slot], weights[slot] = rectangles[best], _LABEL_COST / (size[0] * size[1])
        points.append((int(corners[best][0]), int(corners[best][1])))
    return points


def _areas(boxes: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1))


def _overlaps(rectangles: np.ndarray, things: np.ndarray) -> np.ndarray:
    """How many pixels of each of K rectangles lie on each of M things, K×M."""
    width = np.minimum(rectangles[:, 2, None], things[:, 2]) - np.maximum(rectangles[:, 0, None], things[:, 0])
    height = np.minimum(rectangles[:, 3, None], things[:, 3]) - np.maximum(rectangles[:, 1, None], things[:, 1])
    return np.asarray(np.maximum(width, 0) * np.maximum(height, 0))


def beside(box: np.ndarray, size: Size) -> np.ndarray:
    """Corners K×2 for the label of a box (xyxy): on its top edge, in its corners, below, then along its side."""
    left, top, right, bottom = (float(v) for v in box)
    height, width = size
    corners = [
        (left, top - height),
        (right - width, top - height),
        (left, top),
        (right - width, top),
        (left, bottom),
        (left, bottom - height),
        (right - width, bottom),
        (right - width, bottom - height),
        (right, top),
        (left - width, top),
        ((left + right - width) / 2, (top + bottom - height) / 2),
    ]
    return np.array(corners + [(left, top + height * k) for k in (-2, 1, -3, 2, 3, 4)])


def inside(crop: np.ndarray, x: int, y: int, size: Size) -> np.ndarray:
    """Corners K×2 for the label of a region, bool h×w at (x, y): at its point farthest from the border, or near."""
    center_x, center_y = _pole(crop)
    height, width = size
    return np.array([(x + center_x - width / 2, y + center_y + height * (k - 0.5)) for k in (0, -1, 1, -2, 2)])


def _pole(crop: np.ndarray) -> tuple[float, float]:
    step = 1 + max(crop.shape) // 512  # a label need not lie truer
    coarse = np.pad(crop[::step, ::step].astype(np.uint8), 1)
    distance = cv2.distanceTransform(coarse, cv2.DIST_L2, cv2.DIST_MASK_3)
    # A long band has many such points: take the one in the middle of them.
    deep = np.argwhere(distance >= 0.8 * distance.max())
    row, column = deep[((deep - deep.mean(axis=0)) ** 2).sum(axis=1).argmin()]
    return (float(column) - 1) * step, (float(row) - 1) * step


def stacked(i: int, size: Size) -> np.ndarray:
    """The one corner, 1×2, of the i-th label of a stack that hangs from the picture's top-left corner."""
    margin = size[0] / 3
    return np.array([(margin, margin + 1.2 * size[0] * i)])
