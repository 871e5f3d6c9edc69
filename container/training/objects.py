"""Labelled photos as what a detector learns from: boxes, classes and, where there are any, masks."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import Dataset

from container.datasets.base import Photo
from container.training import pixels
from container.training.augment import View
from container.training.batches import repeat_factors

MIN_SIDE = 3  # pixels; a box of fewer is dropped
MIN_VISIBLE = 0.2  # share of a mask that has to stay visible under what is pasted over it
PASTED = 0.5  # share of the objects of the other photo

Item = tuple[torch.Tensor, dict[str, torch.Tensor]]


@dataclass
class Objects:
    """Uint8 3×H×W pixels, boxes N×4 xyxy, class ids N, and bool masks N×H×W or None."""

    pixels: torch.Tensor
    boxes: torch.Tensor
    classes: torch.Tensor
    masks: torch.Tensor | None


class ObjectSamples(Dataset[Item]):
    """Random views of photos, as torchvision's detectors take them in training.

    An item is float 3×H×W pixels from 0 to 1 and a target of `boxes`, `labels` and, where every object of the photo
    has a mask, `masks`. Objects of other photos are pasted onto some (copy-paste: arXiv:2012.07177). An object whose
    label a model made is there in that share of the views that its score says: the class is learnt to that probability.
    """

    def __init__(
        self,
        photos: Sequence[Photo],
        labels: Sequence[str],
        view: View,
        copy_paste: float = 0.0,
        close_ups: float = 0.0,
    ) -> None:
        """Args:
        labels: names by class id, the background first.
        copy_paste: share of masked photos pasted onto.
        close_ups: share of views that are cut around one object, drawn at random.
        """
        self._photos = photos
        self._class_of = {label: i for i, label in enumerate(labels)}
        self._view = view
        self._copy_paste = copy_paste
        self._close_ups = close_ups
        self._sources = [photo for photo in photos if photo.masked and photo.objects]
        self._rarity = repeat_factors(self._sources)

    def __len__(self) -> int:
        return len(self._photos)

    def __getitem__(self, index: int) -> Item:
        photo = self._photos[index]
        seen = self._see(photo)
        if photo.masked and self._sources and random.random() < self._copy_paste:
            other = self._see(random.choices(self._sources, self._rarity)[0])
            seen = paste(seen, other, torch.rand(len(other.boxes)) < PASTED)
        target = {"boxes": seen.boxes, "labels": seen.classes}
        if seen.masks is not None:
            target["masks"] = seen.masks.to(torch.uint8)
        return seen.pixels.float() / 255, target

    def _see(self, photo: Photo) -> Objects:
        """A random view of one photo."""
        read, photo = pixels.read(photo)
        objects = [a for a in photo.objects if a.label in self._class_of and random.random() < a.score]
        masks = None
        if photo.masked:
            bitmaps = [photo.mask(a) for a in objects]
            masks = torch.from_numpy(np.stack(bitmaps) if bitmaps else np.zeros((0, photo.height, photo.width), bool))
        boxes = torch.tensor([a.box for a in objects], dtype=torch.float32).reshape(-1, 4)
        classes = torch.tensor([self._class_of[a.label] for a in objects], dtype=torch.int64)
        near = random.random() < self._close_ups
        view, moved, masks = self._view(torch.from_numpy(read).permute(2, 0, 1), boxes, masks, near=near)
        assert moved is not None
        return visible(Objects(view, moved, classes, masks))


def visible(objects: Objects) -> Objects:
    """Those that are not cut off; boxes are drawn anew around what is left of the masks."""
    boxes = objects.boxes if objects.masks is None else _boxes_around(objects.masks)
    keep = ((boxes[:, 2:] - boxes[:, :2]) >= MIN_SIDE).all(1)
    masks = None if objects.masks is None else objects.masks[keep]
    return Objects(objects.pixels, boxes[keep], objects.classes[keep], masks)


def paste(onto: Objects, other: Objects, chosen: torch.Tensor) -> Objects:
    """`onto` with the `chosen` objects of `other` (bool N) copied over it; both have masks and are of one size."""
    assert onto.masks is not None and other.masks is not None
    pasted = other.masks[chosen]
    over = pasted.any(0)
    left = onto.masks & ~over
    keep = left.flatten(1).sum(1) >= MIN_VISIBLE * onto.masks.flatten(1).sum(1)
    return visible(
        Objects(
            torch.where(over, other.pixels, onto.pixels),
            torch.cat((onto.boxes[keep], other.boxes[chosen])),
            torch.cat((onto.classes[keep], other.classes[chosen])),
            torch.cat((left[keep], pasted)),
        )
    )


def _boxes_around(masks: torch.Tensor) -> torch.Tensor:
    """N×4 xyxy boxes around N×H×W masks; all zero for an empty one."""
    columns, rows = masks.any(1), masks.any(2)
    ends = [(line.int().argmax(1), line.shape[1] - line.flip(1).int().argmax(1)) for line in (columns, rows)]
    (x1, x2), (y1, y2) = ends
    return torch.stack((x1, y1, x2, y2), 1) * columns.any(1, keepdim=True).float()
