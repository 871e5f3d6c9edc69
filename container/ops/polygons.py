"""Outlines of a bitmap that lies somewhere in a picture."""

import cv2
import numpy as np


def trace(crop: np.ndarray, x: int, y: int) -> list[list[float]]:
    """The outlines of a bool h×w bitmap at (x, y), one [x0, y0, x1, y1, …] per connected part, largest part first.

    Points are the centres of border pixels, as OpenCV gives them and cv2.fillPoly takes them. A hole is joined to its
    outline by a line there and back, so that one polygon is one part, which COCO's form asks for.
    """
    if not crop.size:
        return []
    contours, hierarchy = cv2.findContours(
        crop.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE, offset=(x, y)
    )
    outlines = []
    for i, contour in enumerate(contours):
        if hierarchy[0][i][3] < 0:
            holes = [contours[j][:, 0] for j in range(len(contours)) if hierarchy[0][j][3] == i]
            outlines.append((cv2.contourArea(contour), _join(contour[:, 0], holes)))
    outlines.sort(key=lambda outline: -outline[0])
    return [points.astype(float).ravel().tolist() for _, points in outlines]


def _join(outline: np.ndarray, holes: list[np.ndarray]) -> np.ndarray:
    """One closed line around `outline` and every hole, with at least the three points that COCO asks of a polygon."""
    for hole in holes:
        nearest = int(np.argmin(((outline - hole[0]) ** 2).sum(1)))
        outline = np.concatenate([outline[: nearest + 1], hole, hole[:1], outline[nearest:]])
    return np.concatenate([outline, np.repeat(outline[-1:], max(0, 3 - len(outline)), 0)])
