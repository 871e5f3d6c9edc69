"""Labelled photos as they were read, whatever their format."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from container.datasets.account import Account
from container.ops import rle

Segmentation = list[list[float]] | dict[str, Any]  # polygons, or a run-length encoding
Split = Literal["train", "validation"]  # what a folder is read for

_BACKGROUND = ("__background__", "background", "n/a")


def is_background(label: str) -> bool:
    """Whether a label stands for what is no object."""
    return label.lower() in _BACKGROUND


@dataclass(frozen=True)
class Annotation:
    """One object of a photo."""

    box: tuple[float, float, float, float]  # xyxy in pixels, inside the photo
    label: str
    segmentation: Segmentation | None = None
    crowd: bool = False  # a group that is outlined as one; never a target, and forgiven when it is found
    area: float = 0.0  # pixels of the mask, or of the box where there is no mask
    score: float = 1.0  # how sure it is, over 0 and up to 1: below 1 where a model made the label


@dataclass(frozen=True)
class Photo:
    """One labelled photo."""

    id: int
    path: Path
    width: int  # as labelled: of the stored pixels, or of the photo that EXIF has turned upright
    height: int
    annotations: tuple[Annotation, ...] = ()

    @property
    def objects(self) -> tuple[Annotation, ...]:
        """The annotations that are single objects."""
        return tuple(a for a in self.annotations if not a.crowd)

    @property
    def masked(self) -> bool:
        """Whether every object has a mask."""
        return all(a.segmentation is not None for a in self.objects)

    def mask(self, annotation: Annotation) -> np.ndarray:
        """The bool H×W mask of one of the annotations; its box where it has no mask."""
        if annotation.segmentation is not None:
            return rle.from_segmentation(annotation.segmentation, (self.height, self.width))
        mask = np.zeros((self.height, self.width), bool)
        x1, y1, x2, y2 = (round(value) for value in annotation.box)
        mask[y1:y2, x1:x2] = True
        return mask


@dataclass(frozen=True)
class Dataset:
    """Labelled photos, the names of their classes in the order of the files, and the account of their reading."""

    name: str
    photos: tuple[Photo, ...]
    labels: tuple[str, ...]
    account: Account = field(default_factory=lambda: Account(""))

    def summary(self) -> list[str]:
        """What it holds and what was passed over, a line each."""
        objects = [a for photo in self.photos for a in photo.objects]
        masked = sum(photo.masked for photo in self.photos)
        return [
            f"{len(self.photos):>8,}  photos, {masked:,} of them with a mask for every object",
            f"{len(objects):>8,}  objects, {sum(a.segmentation is not None for a in objects):,} of them with a mask",
            *self.account.lines(),
        ]

    def revision(self) -> str:
        """Return the SHA-256 of the photos' names and bytes and of their labels: another one once any of it changes."""
        digest = hashlib.sha256(repr(self.labels).encode())
        for photo in self.photos:
            with photo.path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
            digest.update(repr((photo.path.name, photo.width, photo.height, photo.annotations)).encode())
        return "sha256:" + digest.hexdigest()
