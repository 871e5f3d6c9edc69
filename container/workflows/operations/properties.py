"""Properties of detections, by the names that queries have for them.

Coordinates are in pixels of the picture that the detections were found in. `size` is the area of the box, also where
there are masks.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from container.workflows.errors import StepFailed
from container.workflows.values import Detections

Columns = dict[str, Callable[[Detections], list[Any]]]


def _side(i: int) -> Callable[[Detections], list[Any]]:
    return lambda found: found.instances.boxes[:, i].tolist()


def _corner(x: int, y: int) -> Callable[[Detections], np.ndarray]:
    def corner(found: Detections) -> np.ndarray:
        points: np.ndarray = found.instances.boxes[:, [x, y]]
        return points

    return corner


def centers(found: Detections) -> np.ndarray:
    """Return the middles of the boxes, float32 N×2 of (x, y)."""
    boxes = found.instances.boxes
    middles: np.ndarray = boxes[:, :2] + (boxes[:, 2:] - boxes[:, :2]) / 2
    return middles


def sizes(found: Detections) -> np.ndarray:
    """Return the areas of the boxes, float32 N."""
    boxes = found.instances.boxes
    areas: np.ndarray = (boxes[:, 3] - boxes[:, 1]) * (boxes[:, 2] - boxes[:, 0])
    return areas


def _keypoints(found: Detections) -> list[Any]:
    points = found.instances.keypoints
    if points is None:
        return [None] * len(found)
    return [one[np.isfinite(one).all(axis=1), :2].tolist() for one in points]  # what is not sure is NaN


def task(found: Detections) -> str:
    """Return the word for what kind of detections they are."""
    if found.instances.masks is not None:
        return "instance-segmentation"
    return "object-detection" if found.instances.keypoints is None else "keypoint-detection"


POINTS: dict[str, Callable[[Detections], np.ndarray]] = {
    "center": centers,
    "top_left": _corner(0, 1),
    "top_right": _corner(2, 1),
    "bottom_left": _corner(0, 3),
    "bottom_right": _corner(2, 3),
}
OWN: Columns = {
    "confidence": lambda found: found.instances.scores.tolist(),
    "class_name": lambda found: list(found.instances.labels),
    "class_id": lambda found: found.instances.classes.tolist(),
    "x_min": _side(0),
    "y_min": _side(1),
    "x_max": _side(2),
    "y_max": _side(3),
    "size": lambda found: sizes(found).tolist(),
    "image_dimensions": lambda found: [[*found.frame.size] for _ in range(len(found))],
    "prediction_type": lambda found: [task(found)] * len(found),
    "keypoints_xy": _keypoints,
}
# What other steps add, and which.
ADDED = {
    "area_px": "a mask_area_measurement step",
    "area_converted": "a mask_area_measurement step",
    "rect": "a bounding_rect step",
    "width": "a bounding_rect step",
    "height": "a bounding_rect step",
    "angle": "a bounding_rect step",
    "polygon": "a dynamic_zone step",
    **dict.fromkeys(
        (
            "tracker_id",
            "in_out",
            "path_deviation",
            "time_in_zone",
            "velocity",
            "speed",
            "smoothed_velocity",
            "smoothed_speed",
        ),
        "a block that follows objects through a video, and none is offered",
    ),
}
NAMES = (*OWN, *POINTS, *ADDED)
SORTED_BY: dict[str, Callable[[Detections], np.ndarray]] = {
    "confidence": lambda found: found.instances.scores,
    "x_min": lambda found: found.instances.boxes[:, 0],
    "x_max": lambda found: found.instances.boxes[:, 2],
    "y_min": lambda found: found.instances.boxes[:, 1],
    "y_max": lambda found: found.instances.boxes[:, 3],
    "size": sizes,
    "center_x": lambda found: centers(found)[:, 0],
    "center_y": lambda found: centers(found)[:, 1],
}


def column(found: Detections, name: str) -> list[Any]:
    """Return one of the NAMES of each detection, points as [x, y]; None where no step has added it."""
    if name in found.data:
        return [one.item() if isinstance(one, np.generic) else one for one in found.data[name]]
    if name in OWN:
        return OWN[name](found)
    return POINTS[name](found).tolist() if name in POINTS else [None] * len(found)


def listed(found: Detections, name: str) -> list[Any]:
    """Return the same for a list of all of them: points in whole pixels; StepFailed where no step has added it."""
    if name in found.data or name in OWN or not len(found):
        return column(found, name)
    if name in POINTS:
        return list(POINTS[name](found).round().astype(int).tolist())
    raise StepFailed(f"the detections have no {name}; it comes from {ADDED[name]}")
