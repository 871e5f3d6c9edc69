"""Marks on a picture: dots for keypoints, the lines of a body between them, and dashed boxes around what was missed."""

import cv2
import numpy as np

from container.rendering.palette import WHITE, Color
from container.rendering.text import font_size
from container.structures.keypoints import COCO_KEYPOINTS, SKELETON

MIN_SCORE = 0.3


def draw_keypoints(canvas: np.ndarray, keypoints: np.ndarray, color: Color, limb: int, dot: int) -> None:
    """Draw float K×3 keypoints (x, y, score) of one instance into uint8 H×W×3 `canvas`.

    They are dots of radius `dot`, with a white edge from two pixels on, and COCO's are joined by lines of width `limb`,
    both in pixels. Left out are those under MIN_SCORE, outside the picture or not a number.
    """
    height, width = canvas.shape[:2]
    points = [
        (int(x), int(y)) if score >= MIN_SCORE and 0 <= x < width and 0 <= y < height else None
        for x, y, score in keypoints.tolist()
    ]
    for a, b in SKELETON if len(points) == len(COCO_KEYPOINTS) else ():
        start, end = points[a], points[b]
        if start and end:
            cv2.line(canvas, start, end, color, limb, cv2.LINE_AA)
    for point in points:
        if point:
            if dot > 1:
                cv2.circle(canvas, point, dot + 1, WHITE, cv2.FILLED, cv2.LINE_AA)
            cv2.circle(canvas, point, dot, color, cv2.FILLED, cv2.LINE_AA)


RED: Color = (230, 0, 0)


def draw_dashed(canvas: np.ndarray, boxes: np.ndarray) -> None:
    """Draw N×4 xyxy boxes, in pixels and inside of it, into uint8 H×W×3 `canvas`, in red and white by turns.

    Dashes are seen on any ground, and unlike any box of a detection.
    """
    letters = font_size(canvas.shape[:2])
    frames = np.zeros(canvas.shape[:2], np.uint8)
    for left, top, right, bottom in np.rint(boxes).astype(int).tolist():
        cv2.rectangle(frames, (left, top), (right - 1, bottom - 1), 1, max(2, letters // 5))
    rows, columns = np.nonzero(frames)
    red = (rows + columns) // letters % 2 == 0
    canvas[rows, columns] = np.where(red[:, None], RED, WHITE)
