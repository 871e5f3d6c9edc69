"""Outlines of a bitmap that lies somewhere in a picture."""

from collections.abc import Sequence

import cv2
import numpy as np


def trace(crop: np.ndarray, x: int, y: int) -> list[list[float]]:
    """The outlines of a bool h×w bitmap at (x, y), one [x0, y0, x1, y1, …] per connected part, largest part first.

    Points are the centres of border pixels, as OpenCV gives them and cv2.fillPoly takes them. A hole is joined to its
    outline by a line there and back, so that one polygon is one part, which COCO's form asks for.
    """
    if not crop.size:
        return []
    contours, hierarchy = cv2.findContours(crop.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE, offset=(x, y))
    parents = hierarchy[0, :, 3].tolist() if len(contours) else []
    outlines = {i: contours[i][:, 0] for i, parent in enumerate(parents) if parent < 0}
    largest = sorted(outlines, key=lambda i: -cv2.contourArea(contours[i])) if len(outlines) > 1 else list(outlines)
    for i, parent in enumerate(parents):
        if parent >= 0:
            outlines[parent] = _with_hole(outlines[parent], contours[i][:, 0])
    return [_closed(outlines[i]).ravel().astype(float).tolist() for i in largest]


def outline(crop: np.ndarray, x: int, y: int) -> np.ndarray:
    """The outer line of the largest connected part of a bool h×w bitmap at (x, y): int32 N×2 of (x, y), in order.

    N is at least 3, or 0 where the bitmap is empty. Holes are left out. Of parts without an area between the centres
    of their pixels, such as lines, the longest counts.
    """
    if not crop.size:
        return np.zeros((0, 2), np.int32)
    contours, _ = cv2.findContours(crop.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=(x, y))
    if not contours:
        return np.zeros((0, 2), np.int32)
    return _closed(max(contours, key=lambda one: (cv2.contourArea(one), cv2.arcLength(one, True)))[:, 0])


def filled(outlines: Sequence[np.ndarray], size: tuple[int, int]) -> np.ndarray:
    """The pixels in outlines, each float32 N×2 of (x, y), and on them: bool H×W of `size` (height, width)."""
    whole = np.zeros(size, np.uint8)
    if lines := [np.round(one).astype(np.int32) for one in outlines if len(one)]:
        cv2.fillPoly(whole, lines, [1])
    return whole.astype(bool)


def _with_hole(outline: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """One line around `outline`, and on the way to the hole, around it and back."""
    nearest = int(np.argmin(((outline - hole[0]) ** 2).sum(1)))
    return np.concatenate([outline[: nearest + 1], hole, hole[:1], outline[nearest:]])


def _closed(outline: np.ndarray) -> np.ndarray:
    """`outline` with at least the three points that COCO asks of a polygon."""
    return outline if len(outline) >= 3 else np.concatenate([outline, np.repeat(outline[-1:], 3 - len(outline), 0)])
