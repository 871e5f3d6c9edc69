"""The class of each pixel of a photo: from the masks of a COCO file, or the other way round from PNG files.

A folder of label maps holds `labels.txt` (a name a line, the background first), photos in `images/`, and for each photo
a PNG of the same name in `label_maps/`, grey or with a palette, whose pixels are line numbers from 0, or 255 where they
are to be ignored.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import PIL.Image

from container.datasets.account import Account
from container.datasets.base import Annotation, Dataset, Photo
from container.errors import DataError
from container.files import made_by_macos
from container.ops import rle

IGNORED = 255  # pixels that neither teach nor count
MAX_CLASSES = 255


def label_map(photo: Photo, labels: Sequence[str]) -> np.ndarray:
    """Class ids as uint8 H×W: 0 for the background, IGNORED in crowds; smaller objects lie over larger ones.

    Args:
        labels: names by class id, the background first; annotations of others are background.
    """
    if len(labels) > MAX_CLASSES:
        raise DataError(f"{len(labels)} classes; a map of uint8 holds {MAX_CLASSES}")
    class_of = {label: i for i, label in enumerate(labels)}
    classes = np.zeros((photo.height, photo.width), np.uint8)
    known = [a for a in photo.annotations if a.crowd or a.label in class_of]
    for annotation in sorted(known, key=lambda a: (not a.crowd, -a.area)):
        classes[photo.mask(annotation)] = IGNORED if annotation.crowd else class_of[annotation.label]
    return classes


def describes(folder: Path) -> bool:
    """Whether `folder` is one of label maps."""
    return (folder / "labels.txt").is_file() and (folder / "label_maps").is_dir()


def read(folder: Path, only: Sequence[str] = (), *, strict: bool = False) -> Dataset:
    """The photos of `folder`, each class of a photo as one annotation; DataError names the file and its fault.

    Args:
        only: labels to keep; pixels of others are background. Empty keeps all.
        strict: for the account of the photos.
    """
    try:
        lines = (folder / "labels.txt").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise DataError(f"{folder}/labels.txt: not text in UTF-8") from error
    labels = [line.strip() for line in lines if line.strip()]
    if not 2 <= len(labels) <= MAX_CLASSES:
        raise DataError(f"{folder}/labels.txt: {len(labels)} names; it takes the background and 1 to {MAX_CLASSES - 1}")
    photos = {path.stem: path for path in _files(folder / "images", "*.*")}
    maps = _files(folder / "label_maps", "*.png")
    if not maps:
        raise DataError(f"{folder}/label_maps: no PNG files")
    return Dataset(
        folder.name,
        tuple(_photo(number, path, photos, labels, only) for number, path in enumerate(maps)),
        tuple(label for label in labels[1:] if not only or label in only),
        Account(str(folder), strict),
    )


def _files(folder: Path, pattern: str) -> list[Path]:
    return sorted(path for path in folder.glob(pattern) if not made_by_macos(path.name))


def _photo(number: int, path: Path, photos: dict[str, Path], labels: Sequence[str], only: Sequence[str]) -> Photo:
    if path.stem not in photos:
        raise DataError(f"{path}: no photo of the same name in images/")
    try:
        with PIL.Image.open(path) as picture:
            classes = np.asarray(picture)
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError(f"{path}: not a PNG that can be read") from error
    if classes.ndim != 2 or classes.dtype != np.uint8:
        raise DataError(f"{path}: neither grey nor with a palette of 8 bits")
    present = np.flatnonzero(np.bincount(classes.ravel(), minlength=256)).tolist()
    if any(len(labels) <= value < IGNORED for value in present):
        first = next(value for value in present if value >= len(labels))
        raise DataError(f"{path}: pixels of class {first}, and labels.txt names {len(labels)}")
    height, width = classes.shape
    annotations = tuple(
        _annotation(classes == value, "" if value == IGNORED else labels[value], crowd=value == IGNORED)
        for value in present
        if value and (value == IGNORED or not only or labels[value] in only)
    )
    return Photo(number, photos[path.stem], width, height, annotations)


def _annotation(mask: np.ndarray, label: str, crowd: bool) -> Annotation:
    columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
    box = (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
    height, width = mask.shape
    return Annotation(box, label, rle.encode(mask, 0, 0, (height, width)), crowd, float(mask.sum()))
