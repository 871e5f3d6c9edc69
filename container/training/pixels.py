"""The pixels of a photo as serving decodes them, its labels in the same frame, and pixels into files."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from container.datasets.base import Annotation, Photo
from container.errors import DataError, ServingError
from container.images.base import Limits
from container.images.decode import decode, header
from container.images.headers import Header
from container.images.rgb import upright
from container.ops import rle

LIMITS = Limits(max_pixels=2**30, max_body_bytes=2**40)  # the owner's own photos
_SWAPPED = (5, 6, 7, 8)  # orientations that exchange width and height
_END_OF_JPEG = b"\xff\xd9"


def check(photo: Photo) -> bool:
    """Whether the labels are turned with the photo; DataError where it is no picture, cut short, or of another size.

    The whole file is read, of the pixels nothing is decoded but of a JPEG without an end.
    """
    data = _data(photo)
    stored = _header(photo, data)
    turned = _orientation(photo, stored) != 1
    whole = data.endswith(_END_OF_JPEG) or _END_OF_JPEG in stored.stream  # phones append films and more
    if stored.format == "JPEG" and (stored.other or not whole):
        _pixels(photo, data)
    return turned


def read(photo: Photo) -> tuple[np.ndarray, Photo]:
    """Its pixels as serving decodes them, uint8 H×W×3 RGB, and its labels on them; DataError where that cannot be.

    Serving turns photos upright by their EXIF data. Labels of the stored pixels are turned with them; labels of the
    upright photo, as tools in a browser make them, are left as they are.
    """
    data = _data(photo)
    turned = turn_labels(photo, _orientation(photo, _header(photo, data)))
    pixels = _pixels(photo, data)
    height, width = pixels.shape[:2]
    if (width, height) != (turned.width, turned.height):
        raise DataError(f"{photo.path}: its pixels are {width}×{height}, its header says otherwise")
    return pixels, turned


def turn_labels(photo: Photo, orientation: int) -> Photo:
    """The photo with labels that are turned as EXIF `orientation`, 1–8, turns pixels."""
    if orientation == 1:
        return photo
    width, height = (photo.height, photo.width) if orientation in _SWAPPED else (photo.width, photo.height)
    annotations = tuple(_turned(annotation, photo, orientation) for annotation in photo.annotations)
    return replace(photo, width=width, height=height, annotations=annotations)


def write_png(path: Path, pixels: np.ndarray) -> None:
    """Write uint8 H×W×3 RGB into a PNG file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _, encoded = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    path.write_bytes(encoded.tobytes())


def _data(photo: Photo) -> bytes:
    try:
        data = photo.path.read_bytes()
    except OSError as error:
        raise DataError(f"{photo.path}: {error.strerror}") from error
    if not data:
        raise DataError(f"{photo.path}: not a picture that can be read: the file is empty")
    return data


def _pixels(photo: Photo, data: bytes) -> np.ndarray:
    try:
        return decode(data, LIMITS).pixels
    except ServingError as error:
        raise DataError(f"{photo.path}: not a picture that can be read: {error}") from error


def _header(photo: Photo, data: bytes) -> Header:
    try:
        return header(data)
    except ServingError as error:
        raise DataError(f"{photo.path}: not a picture that can be read: {error}") from error


def _orientation(photo: Photo, stored: Header) -> int:
    """By which the labels are still to be turned; DataError where their size is not the photo's.

    Labels of the photo's stored size are taken for labels of the stored pixels, as COCO's own tools take them; also
    where both sizes are the same and nothing tells them from labels of the upright photo: in squares, and for the
    orientations 2 to 4.
    """
    orientation = stored.orientation
    if (stored.width, stored.height) == (photo.width, photo.height):
        return orientation
    if orientation in _SWAPPED and (stored.height, stored.width) == (photo.width, photo.height):
        return 1
    exchanged = (stored.height, stored.width) == (photo.width, photo.height)
    raise DataError(
        f"{photo.path}: {stored.width}×{stored.height} pixels, and {photo.width}×{photo.height} in the JSON file"
        + (": width and height are exchanged" if exchanged else "")
    )


def _turned(annotation: Annotation, photo: Photo, orientation: int) -> Annotation:
    def turn(points: np.ndarray) -> np.ndarray:
        return _turn_points(points, photo.width, photo.height, orientation)

    corners = turn(np.array(annotation.box, float).reshape(2, 2))
    (x1, y1), (x2, y2) = corners.min(0).tolist(), corners.max(0).tolist()
    segmentation = annotation.segmentation
    if isinstance(segmentation, dict):
        mask = np.ascontiguousarray(photo.mask(annotation)).view(np.uint8)
        mask = upright(mask, orientation).view(bool)
        segmentation = rle.encode(mask, 0, 0, (mask.shape[0], mask.shape[1]))
    elif segmentation is not None:
        segmentation = [turn(np.array(one, float).reshape(-1, 2)).ravel().tolist() for one in segmentation]
    return replace(annotation, box=(x1, y1, x2, y2), segmentation=segmentation)


def _turn_points(points: np.ndarray, width: int, height: int, orientation: int) -> np.ndarray:
    """N×2 points of a picture of width×height, where `container.images.rgb.upright` moves its pixels to."""
    x, y = points.T
    right, bottom = width - x, height - y
    places = {
        2: (right, y),
        3: (right, bottom),
        4: (x, bottom),
        5: (y, x),
        6: (bottom, x),
        7: (bottom, right),
        8: (y, right),
    }
    return np.stack(places[orientation], 1)
