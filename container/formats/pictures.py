"""“png” and “jpeg”: the picture, drawn on, masked or cut out, at the size it came in; or a sheet of what was found."""

from collections.abc import Sequence

import cv2
import numpy as np

from container.errors import NotAcceptable
from container.formats._base import Drawn, add
from container.rendering import draw
from container.structures import Appearance, Choice, Instances, Result
from container.structures.texts import Reading

MAX_SIDE = {".png": 1_000_000, ".jpg": 65_500}  # pixels a side, of libpng and libjpeg


class Png(Drawn):
    """Lossless; a cutout is transparent around what was found, and ids are grey of 16 bits.

    OpenCV's own compression settings stand: at 1920×1284 they took 63 ms and 3.7 MB for an overlay, level 1 107 ms and
    3.1 MB, level 6 409 ms and 2.8 MB; a mask took 10 ms against 34 at any level.
    """

    name, media_type, rank = "png", "image/png", 2
    wide = True

    def encode(self, result: Result, choice: Choice) -> bytes:
        """The file."""
        drawn = _drawn(result, choice)
        if drawn.ndim == 2:
            return encode_file(".png", drawn)
        to_bgr = cv2.COLOR_RGBA2BGRA if drawn.shape[2] == 4 else cv2.COLOR_RGB2BGR
        return encode_file(".png", cv2.cvtColor(drawn, to_bgr))

    def file(self, rgb: np.ndarray, appearance: Appearance) -> bytes:
        """The file."""
        return encode_file(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))


class Jpeg(Drawn):
    """Of the quality that was asked for, colour at half resolution; a cutout is white around what was found."""

    name, media_type, rank = "jpeg", "image/jpeg", 1
    aliases = ("jpg",)

    def encode(self, result: Result, choice: Choice) -> bytes:
        """The file."""
        drawn = _drawn(result, choice)
        if drawn.shape[2] == 4:
            drawn = np.where(drawn[..., 3:] == 0, np.uint8(255), drawn[..., :3])
        return self.file(drawn, choice.appearance)

    def file(self, rgb: np.ndarray, appearance: Appearance) -> bytes:
        """The file."""
        return jpeg_file(rgb, appearance.jpeg_quality)


def jpeg_file(rgb: np.ndarray, quality: int) -> bytes:
    """A JPEG of uint8 H×W×3 RGB; the errors of `encode_file`."""
    return encode_file(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])


def _drawn(result: Result, choice: Choice) -> np.ndarray:
    prediction = result.prediction
    if isinstance(prediction, Reading):
        prediction = prediction.instances()
    if isinstance(prediction, Instances):
        prediction = prediction.finite()
    return draw(result.image.pixels, prediction, choice.appearance)


def encode_file(extension: str, bgr: np.ndarray, flags: Sequence[int] = ()) -> bytes:
    """A picture file; H×W, or H×W×3 or 4 in OpenCV's order. NotAcceptable where a side is too long for its kind."""
    height, width = bgr.shape[:2]
    if max(height, width) > MAX_SIDE[extension]:
        raise NotAcceptable(
            f"the picture is {width}×{height}, "
            f"and a {extension} file holds at most {MAX_SIDE[extension]} pixels a side",
            hint="accept application/json, or send the picture in parts",
        )
    written, encoded = cv2.imencode(extension, bgr, flags)
    if not written:
        raise MemoryError  # it says no more, and nothing else is left to fail
    return encoded.tobytes()


add(Png())
add(Jpeg())
