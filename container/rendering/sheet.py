"""A white sheet for charts: black text in any script, level or upright, and lines without steps."""

from typing import Literal

import cv2
import numpy as np

from container.rendering.palette import WHITE, Color
from container.rendering.text import Chip, fit

TEXT, TITLE = 15, 21  # pixels of letters
GREY: Color = (150, 150, 150)
PALE: Color = (225, 225, 225)
_FINE = 4  # bits of a pixel's coordinates that are its fraction
Align = Literal["left", "center", "right"]


class Sheet:
    """uint8 H×W×3 RGB in `pixels`, at first white."""

    def __init__(self, height: int, width: int) -> None:
        self.pixels = np.full((height, width, 3), 255, np.uint8)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: int = TEXT,
        align: Align = "left",
        room: int = 10_000,
        background: Color = WHITE,
    ) -> None:
        """Write a line whose middle is at height `y`; what is wider than `room` shrinks a little, then is cut."""
        if chip := fitted(text, size, room):
            patch = _drawn(chip, background)
            left = x - {"left": 0, "center": chip.width / 2, "right": chip.width}[align]
            _put(self.pixels, patch, round(y - chip.height / 2), round(left))

    def upright_text(self, x: float, y: float, text: str, *, size: int = TEXT, room: int = 10_000) -> None:
        """Write a line upwards, from `y` on, whose middle is at `x`."""
        if chip := fitted(text, size, room):
            _put(self.pixels, np.rot90(_drawn(chip, WHITE)), round(y) - chip.width, round(x - chip.height / 2))

    def line(self, points: np.ndarray, color: Color, width: float, dashed: bool = False) -> None:
        """Draw a line through float N×2 points (x, y); dashes are 12 pixels long."""
        parts = _dashes(points) if dashed else [points]
        scaled = [np.rint(part * (1 << _FINE)).astype(np.int32).reshape(-1, 1, 2) for part in parts]
        cv2.polylines(self.pixels, scaled, False, color, round(width), cv2.LINE_AA, _FINE)

    def fill(self, left: float, top: float, right: float, bottom: float, color: Color) -> None:
        """Fill a rectangle."""
        self.pixels[round(top) : round(bottom), round(left) : round(right)] = color


def fitted(text: str, size: int, room: int) -> Chip | None:
    """Return a text that is no wider than `room`, in letters of three quarters of `size` at least; None for no text."""
    text = text[:200]
    chip = fit(text, size, (2 * size, room))
    while chip and chip.font_size < 0.75 * size and len(text) > 4:
        text = text[: -max(2, len(text) // 20)].rstrip("…") + "…"
        chip = fit(text, size, (2 * size, room))
    return chip


def _drawn(chip: Chip, background: Color) -> np.ndarray:
    patch = np.full((chip.height, chip.width, 3), background, np.uint8)
    chip.draw(patch, 0, 0, background)
    return patch


def _put(canvas: np.ndarray, patch: np.ndarray, top: int, left: int) -> None:
    top, left = max(0, top), max(0, left)
    place = canvas[top : top + patch.shape[0], left : left + patch.shape[1]]
    place[:] = patch[: place.shape[0], : place.shape[1]]


def _dashes(points: np.ndarray, length: float = 12.0) -> list[np.ndarray]:
    """Cut a line into dashes."""
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))))
    parts = []
    for start in np.arange(0.0, along[-1], 2 * length):
        end = min(start + length, along[-1])
        inside = along[(along > start) & (along < end)]
        places = np.concatenate(([start], inside, [end]))
        parts.append(np.stack([np.interp(places, along, column) for column in points.T], axis=1))
    return parts
