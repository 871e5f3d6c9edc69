"""The pixels of a photo, in and out of files."""

from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import torch

from container.datasets.coco import Photo
from container.errors import DataError


def check(photo: Photo) -> None:
    """DataError where the photo's header is not that of a picture of the size in its JSON file; no pixel is read."""
    try:
        with PIL.Image.open(photo.path) as picture:
            width, height = picture.size
    except (OSError, ValueError, SyntaxError, PIL.Image.DecompressionBombError) as error:
        raise DataError(f"{photo.path}: not a picture that can be read") from error
    if (width, height) != (photo.width, photo.height):
        raise DataError(f"{photo.path}: {width}×{height} pixels, and {photo.width}×{photo.height} in the JSON file")


def write_png(path: Path, pixels: np.ndarray) -> None:
    """Write uint8 H×W×3 RGB into a PNG file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _, encoded = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    path.write_bytes(encoded.tobytes())


def read_pixels(photo: Photo) -> torch.Tensor:
    """The checked photo as uint8 3×H×W RGB; DataError where its pixels cannot be read."""
    # The orientation in the EXIF is left alone, as COCO's own tools do: boxes are given on the stored pixels.
    pixels = cv2.imread(str(photo.path), cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None or pixels.shape[:2] != (photo.height, photo.width):
        raise DataError(f"{photo.path}: its pixels cannot be read")
    return torch.from_numpy(pixels).permute(2, 0, 1)
