"""An image, a query about it, predictions by task, and the result that combines image and prediction."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from container.ops import argmax
from container.structures.instances import Instances
from container.structures.masks import LabelMapMasks, tight_box
from container.structures.options import Options


@dataclass(frozen=True)
class Image:
    """One image."""

    pixels: np.ndarray  # uint8 H×W×3 RGB; EXIF orientation applied, unless a request says otherwise

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]


@dataclass(frozen=True, eq=False)
class ImageQuery:
    """What an engine of images is asked about one image."""

    pixels: np.ndarray  # uint8 H×W×3 RGB
    options: Options = field(default_factory=Options)
    masks: bool = True  # False if no masks are needed, so that a mask head need not run


@dataclass(frozen=True)
class Classification:
    """The most likely classes of one image, best first."""

    image_size: tuple[int, int]  # (height, width)
    scores: np.ndarray  # float32 N, 0–1
    classes: np.ndarray  # int64 N
    labels: tuple[str, ...]  # N names

    def __len__(self) -> int:
        return len(self.scores)

    def instances(self) -> Instances:
        """Return the classes as instances whose box is the whole image."""
        height, width = self.image_size
        boxes = np.tile(np.array([0, 0, width, height], np.float32), (len(self.scores), 1))
        return Instances(self.image_size, boxes, self.scores, self.classes, self.labels)


@dataclass(frozen=True, eq=False)
class WinningProbabilities:
    """The probability of the class that won at each pixel, at the network's size until a picture of it is needed."""

    small: np.ndarray  # uint8 h×w, 255 for 1
    shown: tuple[int, int]  # (height, width) of what the network saw: the picture in `steps`, and padding
    steps: tuple[int, int] = (1, 1)  # rows and columns of the picture that one of what was shown stands for

    def at(self, size: tuple[int, int]) -> np.ndarray:
        """Return uint8 H×W for the picture's `size`."""
        return argmax.spread(argmax.resized(self.small, self.shown), self.steps, size)


@dataclass(frozen=True)
class SemanticMap:
    """The class of every pixel, and the confidence of each class that is present."""

    class_ids: np.ndarray  # uint8 (or uint16) H×W; 0 is background
    confidences: dict[int, float]  # class id → mean confidence of its pixels, 0–1; the classes to report
    labels: tuple[str, ...]  # class id → name
    winners: WinningProbabilities | None = None

    def __len__(self) -> int:
        return len(self.confidences)

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.class_ids.shape[0], self.class_ids.shape[1]

    def pixel_confidences(self) -> np.ndarray:
        """Return uint8 H×W: the probability of each pixel's class, 255 for 1.

        A pixel whose class is not reported has the probability of that class, though it is background. An engine that
        gives no `winners` has the mean of the class at each of its pixels, and 0 in the background.
        """
        if self.winners is not None:
            return self.winners.at(self.image_size)
        means = np.zeros(int(self.class_ids.max(initial=0)) + 1, np.uint8)
        for c, confidence in self.confidences.items():
            means[c : c + 1] = round(255 * confidence)
        return np.asarray(means[self.class_ids])

    def instances(self) -> Instances:
        """Return one instance per reported class, most confident first: the box and the mask of its pixels."""
        classes = sorted(self.confidences, key=lambda c: -self.confidences[c])
        boxes = np.array([tight_box(self.class_ids == c) for c in classes], np.int64).reshape(-1, 4)
        return Instances(
            image_size=self.image_size,
            boxes=boxes.astype(np.float32),
            scores=np.array([self.confidences[c] for c in classes], np.float32),
            classes=np.array(classes, np.int64),
            labels=tuple(self.labels[c] for c in classes),
            masks=LabelMapMasks(self.class_ids, np.array(classes, self.class_ids.dtype), boxes),
        )


class Prediction(Protocol):
    """What a model of images has found in one image; `len` is the number of instances or classes."""

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        ...

    def __len__(self) -> int: ...

    def instances(self) -> Instances:
        """Return what was found as instances, best first."""
        ...


@dataclass(frozen=True)
class Result:
    """An image with a model's prediction."""

    image: Image
    prediction: Prediction
    model: str
