"""What there is to find in one photo and what was found, over the same class numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from pycocotools import mask as coco

from container.datasets.base import Photo
from container.structures import Instances

RunLengths = Mapping[str, object]  # COCO's, compressed


@dataclass(frozen=True)
class Truth:
    """N labelled objects of one photo."""

    image_size: tuple[int, int]  # (height, width)
    boxes: np.ndarray  # float N×4 xyxy in pixels
    classes: np.ndarray  # int64 N
    areas: np.ndarray  # float N, pixels; decides what counts as small, medium and large
    crowd: np.ndarray  # bool N
    masks: tuple[RunLengths, ...] | None  # N, or None where not every object has one

    @classmethod
    def of(cls, photo: Photo, classes: Mapping[str, int]) -> Self:
        """The annotations whose labels are in `classes` (label → number); ValueError for a mask that is none."""
        known = [a for a in photo.annotations if a.label in classes]
        masks = tuple(coco.encode(np.asfortranarray(photo.mask(a), np.uint8)) for a in known) if photo.masked else None
        return cls(
            image_size=(photo.height, photo.width),
            boxes=np.array([a.box for a in known], float).reshape(-1, 4),
            classes=np.array([classes[a.label] for a in known], np.int64),
            areas=np.array([a.area for a in known], float),
            crowd=np.array([a.crowd for a in known], bool),
            masks=masks,
        )


@dataclass(frozen=True)
class Detections:
    """N detections in one photo."""

    boxes: np.ndarray  # float N×4 xyxy in pixels
    classes: np.ndarray  # int64 N
    scores: np.ndarray  # float N, 0–1
    masks: tuple[RunLengths, ...] | None  # N, or None for a model without masks

    @classmethod
    def of(cls, instances: Instances, classes: Mapping[str, int]) -> Self:
        """The instances whose labels are in `classes` (label → number)."""
        kept = instances[np.array([label in classes for label in instances.labels], bool)]
        masks = kept.masks
        return cls(
            boxes=kept.boxes.astype(float),
            classes=np.array([classes[label] for label in kept.labels], np.int64),
            scores=kept.scores.astype(float),
            masks=None if masks is None else tuple(masks.rle(i) for i in range(len(masks))),
        )
