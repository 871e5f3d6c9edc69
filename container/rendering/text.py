"""Words in a filled chip: how large they are, and their drawing.

The font is OpenCV's built-in one: it has accents, Greek, Cyrillic, Arabic and Chinese, where Pillow's has ASCII only. A
cv2.FontFace shared by threads draws wrong letters (2284 of 12000 texts in a trial); a new one costs 0.4 µs.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from container.rendering.palette import Color, contrast, contrasting

SMALLEST = 7  # pixels: below this nothing can be read
MAX_LENGTH = 300  # characters
_LEGIBLE = 2.5  # contrast of letters; those with less get an edge


@dataclass(frozen=True)
class Style:
    """How a chip looks; None is what goes with the size of its letters, or with its background."""

    weight: int = 500  # of the letters, 300 to 900
    padding: int | None = None  # pixels between letters and the chip's border
    radius: int | None = None  # pixels, of the chip's corners
    letters: Color | None = None


PLAIN = Style()


@dataclass(frozen=True)
class Chip:
    """A text and the size of the rectangle that holds it, in pixels."""

    text: str
    font_size: int
    width: int
    height: int
    style: Style = PLAIN

    def draw(self, canvas: np.ndarray, x: int, y: int, background: Color) -> None:
        """Draw into uint8 H×W×3 `canvas` with the top-left corner at (x, y), which lies inside of it."""
        patch = canvas[y : y + self.height, x : x + self.width]  # clips what antialiasing and long tails let out
        wanted = self.height // 5 if self.style.radius is None else self.style.radius
        radius = min(wanted, (min(self.height, self.width) - 1) // 2)
        right, bottom = self.width - 1, self.height - 1
        for center_x in (radius, right - radius):
            for center_y in (radius, bottom - radius):
                cv2.circle(patch, (center_x, center_y), radius, background, cv2.FILLED, cv2.LINE_AA)
        cv2.rectangle(patch, (radius, 0), (right - radius, bottom), background, cv2.FILLED)
        cv2.rectangle(patch, (0, radius), (right, bottom - radius), background, cv2.FILLED)
        baseline = round((self.height + 0.7 * self.font_size) / 2)  # capitals are 0.7 of the size high
        origin = (_padding(self.font_size, self.style), baseline)
        letters = self.style.letters or contrasting(background)
        if contrast(letters, background) < _LEGIBLE:
            edge = contrasting(letters)
            shade = tuple(round(0.5 * b + 0.5 * e) for b, e in zip(background, edge, strict=True))
            step = max(1, round(self.font_size / 20))
            for x_step, y_step in ((-step, 0), (step, 0), (0, -step), (0, step)):
                self._write(patch, (origin[0] + x_step, origin[1] + y_step), shade)
        self._write(patch, origin, letters)

    def _write(self, patch: np.ndarray, origin: tuple[int, int], color: tuple[int, ...]) -> None:
        cv2.putText(patch, self.text, origin, color, cv2.FontFace("sans"), self.font_size, self.style.weight)


def font_size(image_size: tuple[int, int]) -> int:
    """The size of letters, in pixels, for a picture of (height, width).

    Small pictures are looked at as they are and large ones scaled down, so it grows less than the picture's side: 10
    for a thumbnail of 200 pixels, 13 at 640×480, 24 at 1080p, 49 at 12 megapixels.
    """
    height, width = image_size
    return max(10, round(6 + 0.0125 * math.sqrt(height * width)))


@lru_cache(maxsize=4096)
def fit(text: str, size: int, room: tuple[int, int], style: Style = PLAIN) -> Chip | None:
    """A chip with `text` in letters of `size` no larger than `room` (height, width); None where there is no room.

    Letters are shrunk first, to SMALLEST at the least, then the text is cut, always to MAX_LENGTH.
    """
    height, width = room
    text = " ".join(text[: min(width, MAX_LENGTH)].split())  # no letter is narrower than a pixel
    text = text.encode(errors="replace").decode()  # OpenCV takes no half of a surrogate pair
    while size > SMALLEST and (excess := max(_height(size, style) / height, _width(text, size, style) / width)) > 1:
        size = max(SMALLEST, min(size - 1, int(size / excess)))
    if not text or _height(size, style) > height:
        return None
    if _width(text, size, style) > width:
        text = _cut(text, size, width, style)
    return Chip(text, size, _width(text, size, style), _height(size, style), style) if text else None


def _cut(text: str, size: int, width: int, style: Style) -> str:
    fits, too_long = 0, len(text)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if _width(text[:middle] + "…", size, style) > width:
            too_long = middle
        else:
            fits = middle
    return text[:fits] + "…" if fits else ""


def _height(size: int, style: Style) -> int:
    if style.padding is None:
        return size + round(0.45 * size)
    return round(0.7 * size) + 2 * max(style.padding, round(0.2 * size))  # letters hang down by so much


def _width(text: str, size: int, style: Style) -> int:
    _, _, width, _ = cv2.getTextSize((0, 0), text, (0, 0), cv2.FontFace("sans"), size, style.weight)
    return int(width) + 2 * _padding(size, style)


def _padding(size: int, style: Style) -> int:
    return max(2, round(0.35 * size)) if style.padding is None else style.padding
