"""Detected instances, one row per instance."""

from dataclasses import dataclass, replace

import numpy as np

from container.structures.masks import CutMasks, Masks, PlacedMasks


@dataclass(frozen=True)
class Instances:
    """N instances in one image, best score first; indexing filters all fields."""

    image_size: tuple[int, int]  # (height, width)
    boxes: np.ndarray  # float32 N×4 xyxy in pixels
    scores: np.ndarray  # float32 N, 0–1
    classes: np.ndarray  # int64 N, the model's own class ids
    labels: tuple[str, ...]  # N names
    masks: Masks | None = None
    keypoints: np.ndarray | None = None  # float32 N×K×3: x, y in pixels, score

    def __post_init__(self) -> None:
        lengths = {
            "boxes": len(self.boxes),
            "scores": len(self.scores),
            "classes": len(self.classes),
            "labels": len(self.labels),
            "masks": len(self if self.masks is None else self.masks),
            "keypoints": len(self if self.keypoints is None else self.keypoints),
        }
        if len(set(lengths.values())) > 1:
            raise ValueError(f"fields of unequal length: {lengths}")

    def __len__(self) -> int:
        return len(self.scores)

    def instances(self) -> "Instances":
        """Return itself; predictions of other tasks are converted to instances by this method."""
        return self

    @property
    def captions(self) -> list[str]:
        """The label and score of each instance, such as “horse 98%”."""
        return [f"{label} {score:.0%}" for label, score in zip(self.labels, self.scores, strict=True)]

    def finite(self) -> "Instances":
        """Return the instances with a finite box and score; non-finite keypoints become 0, 0, 0, COCO's absent point.

        Values that became NaN or infinite in half precision are no detections, and JSON cannot represent them.
        """
        keep = np.isfinite(self.boxes).all(axis=1) & np.isfinite(self.scores)
        kept = self if keep.all() else self[keep]  # indexing copies full-size bitmaps
        if kept.keypoints is None:
            return kept
        known = np.isfinite(kept.keypoints).all(axis=2, keepdims=True)
        return replace(kept, keypoints=np.where(known, kept.keypoints, np.float32(0)))

    def placed(self, x: int, y: int, image_size: tuple[int, int]) -> "Instances":
        """Return the instances in an image of which this one is the part at (x, y)."""
        return replace(
            self,
            image_size=image_size,
            boxes=self.boxes + np.array([x, y, x, y], np.float32),
            masks=None if self.masks is None else PlacedMasks(self.masks, x, y, image_size),
            keypoints=None if self.keypoints is None else self.keypoints + np.array([x, y, 0], np.float32),
        )

    def cut(self, x: int, y: int, size: tuple[int, int]) -> "Instances":
        """Return the instances in a part of the image: the corner at (x, y), and the size (height, width).

        It may reach beyond the image. Masks end at its border, and may be empty; boxes and keypoints are moved only.
        """
        box = x, y, x + size[1], y + size[0]
        return replace(
            self,
            image_size=size,
            boxes=self.boxes - np.array([x, y, x, y], np.float32),
            masks=None if self.masks is None else CutMasks.of(self.masks, box),
            keypoints=None if self.keypoints is None else self.keypoints - np.array([x, y, 0], np.float32),
        )

    def __getitem__(self, keep: np.ndarray) -> "Instances":
        """Return the instances selected by an index array or a boolean array."""
        indices = np.arange(len(self))[keep]
        return replace(
            self,
            boxes=self.boxes[indices],
            scores=self.scores[indices],
            classes=self.classes[indices],
            labels=tuple(self.labels[i] for i in indices),
            masks=None if self.masks is None else self.masks[indices],
            keypoints=None if self.keypoints is None else self.keypoints[indices],
        )
