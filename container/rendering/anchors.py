"""Points of an instance that something is attached to: corners, sides and middle of its box, or its centre of mass."""

import numpy as np

from container.cancellation import checkpoint
from container.structures import Instances

Point = tuple[int, int]  # (x, y) in pixels
Size = tuple[int, int]  # (height, width) in pixels

# Shares of the box's width and height.
_SHARES = {
    "CENTER": (0.5, 0.5),
    "CENTER_LEFT": (0.0, 0.5),
    "CENTER_RIGHT": (1.0, 0.5),
    "TOP_CENTER": (0.5, 0.0),
    "TOP_LEFT": (0.0, 0.0),
    "TOP_RIGHT": (1.0, 0.0),
    "BOTTOM_LEFT": (0.0, 1.0),
    "BOTTOM_CENTER": (0.5, 1.0),
    "BOTTOM_RIGHT": (1.0, 1.0),
}
CENTER_OF_MASS = "CENTER_OF_MASS"
POSITIONS = (*_SHARES, CENTER_OF_MASS)


def anchor_points(instances: Instances, position: str) -> np.ndarray:
    """Return float N×2 points (x, y); ValueError for CENTER_OF_MASS without masks."""
    if position == CENTER_OF_MASS:
        return _centers_of_mass(instances)
    low, high = instances.boxes[:, :2], instances.boxes[:, 2:]
    return np.asarray(low + (high - low) * np.array(_SHARES[position]))


def _centers_of_mass(instances: Instances) -> np.ndarray:
    if instances.masks is None:
        raise ValueError("the centre of mass is known of masks only")
    points = (instances.boxes[:, :2] + instances.boxes[:, 2:]) / 2.0  # where the mask is empty
    for i in range(len(instances)):
        checkpoint()
        crop, x, y = instances.masks.crop(i)
        rows, columns = crop.sum(axis=1), crop.sum(axis=0)
        if total := rows.sum():
            points[i] = x + columns @ np.arange(len(columns)) / total, y + rows @ np.arange(len(rows)) / total
    return np.asarray(points)


def label_corner(point: np.ndarray, size: Size, position: str, image_size: Size) -> Point:
    """Return the top left corner of a label of `size`: on the box's edge, flush with its side.

    What would lie outside of the picture is moved into it.
    """
    across, down = _SHARES.get(position, (0.5, 0.5))
    if down == 0.5:  # beside the box instead of flush with it
        across = 1 - across
    return _inside(point[0] - size[1] * across, point[1] - size[0] * (1 - down), size, image_size)


def enlarged_corner(point: np.ndarray, size: Size, position: str) -> Point:
    """Return the top left corner of an enlarged part of `size`, which grows outwards from its point of the box."""
    across, down = _SHARES.get(position, (0.5, 0.5))
    return round(float(point[0]) - size[1] * (1 - across)), round(float(point[1]) - size[0] * (1 - down))


def _inside(x: float, y: float, size: Size, image_size: Size) -> Point:
    room_y, room_x = (max(image_size[i] - size[i], 0) for i in (0, 1))
    return round(min(max(float(x), 0), room_x)), round(min(max(float(y), 0), room_y))
