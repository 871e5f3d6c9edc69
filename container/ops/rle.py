"""COCO run lengths of a bitmap that lies somewhere in a picture."""

import numpy as np
from pycocotools import mask as coco


def encode(crop: np.ndarray, x: int, y: int, image_size: tuple[int, int]) -> dict[str, object]:
    """A bool h×w bitmap at (x, y) of a picture as {"size": [H, W], "counts": str}, as pycocotools encodes the picture.

    Only the bitmap is read: run boundaries are found in it and moved to where they lie in the column-major picture.
    """
    height, width = image_size
    starts, ends = _runs(crop, x, y, height)
    counts = np.empty(2 * len(starts) + 1, np.int64)
    counts[0:-1:2] = starts - np.concatenate([[0], ends[:-1]]) if len(starts) else starts
    counts[1::2] = ends - starts
    counts[-1] = height * width - (ends[-1] if len(ends) else 0)
    if counts[-1] == 0 and len(counts) > 1:
        counts = counts[:-1]
    compressed = coco.frPyObjects({"size": [height, width], "counts": counts.tolist()}, height, width)
    return {"size": [height, width], "counts": compressed["counts"].decode("ascii")}


def _runs(crop: np.ndarray, x: int, y: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """First and past-the-last positions of the runs of ones, in the column-major order of the whole picture."""
    columns = np.pad(crop.T.astype(np.int8), ((0, 0), (1, 1)))
    edges = np.diff(columns, axis=1)
    origin = x * height + y
    starts, ends = (np.dot(np.argwhere(edges == sign), [height, 1]) + origin for sign in (1, -1))
    # Runs that touch the bottom of one column and the top of the next are one run.
    apart = starts[1:] != ends[:-1]
    return starts[np.concatenate([[True], apart])[: len(starts)]], ends[np.concatenate([apart, [True]])[: len(ends)]]


def from_segmentation(segmentation: list[list[float]] | dict[str, object], image_size: tuple[int, int]) -> np.ndarray:
    """The bool H×W mask of what COCO files call a segmentation: polygons, or run lengths compressed or not.

    Raises ValueError for polygons of fewer than three corners, or run lengths of another size.
    """
    height, width = image_size
    if isinstance(segmentation, dict):
        if segmentation.get("size") != [height, width]:
            raise ValueError(f"run lengths are of size {segmentation.get('size')}, the picture is {height}×{width}")
        packed = segmentation
        if isinstance(segmentation["counts"], list):
            packed = coco.frPyObjects(segmentation, height, width)
        return np.asarray(coco.decode(packed), bool)
    polygons = [polygon for polygon in segmentation if len(polygon) >= 6]
    if not polygons:
        raise ValueError("a polygon has at least three corners")
    return np.asarray(coco.decode(coco.merge(coco.frPyObjects(polygons, height, width))), bool)
