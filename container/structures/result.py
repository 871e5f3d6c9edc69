"""An image, a query about it, predictions by task, and the result that combines image and prediction."""

from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from container.ops import argmax
from container.structures.instances import Instances
from container.structures.masks import LabelMapMasks, tight_box
from container.structures.options import Options
from container.structures.preprocessing import PreprocessingStep


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
    skip: frozenset[PreprocessingStep] = frozenset()  # steps of the model's preprocessing that are left out


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

    def placed(self, x: int, y: int, image_size: tuple[int, int]) -> "Classification":
        """Return the same classes for an image of which this one was the part at (x, y)."""
        return replace(self, image_size=image_size)


@dataclass(frozen=True, eq=False)
class WinningProbabilities:
    """The probability of the class that won at each pixel, at the network's size until a picture of it is needed."""

    small: np.ndarray  # uint8 h×w, 255 for 1
    shown: tuple[int, int]  # (height, width) of what the network saw: the part in `steps`, and padding
    steps: tuple[int, int]  # rows and columns of the part that one of what was shown stands for
    part: tuple[int, int]  # (height, width) of the part of the picture that was looked at, which may be the whole
    corner: tuple[int, int] = (0, 0)  # x, y of the part

    def at(self, image_size: tuple[int, int]) -> np.ndarray:
        """Return uint8 H×W for the whole picture, 0 beside the part."""
        seen = argmax.spread(argmax.resized(self.small, self.shown), self.steps, self.part)
        return seen if self.part == image_size else _padded(seen, *self.corner, image_size)


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

    def cut(self, least: float, confidences: np.ndarray) -> "SemanticMap":
        """Return the map in which pixels of a confidence (uint8 H×W, 255 for 1) under `least` are background."""
        unsure = confidences < least * 255
        class_ids = np.where(unsure, self.class_ids.dtype.type(0), self.class_ids)
        there = np.flatnonzero(np.bincount(class_ids.ravel()))
        return replace(
            self, class_ids=class_ids, confidences={c: mean for c, mean in self.confidences.items() if c in there}
        )

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

    def placed(self, x: int, y: int, image_size: tuple[int, int]) -> "SemanticMap":
        """Return the map of an image of which this one is the part at (x, y); what lies beside is background."""
        left, top = (0, 0) if self.winners is None else self.winners.corner
        winners = self.winners and replace(self.winners, corner=(left + x, top + y))
        return replace(self, class_ids=_padded(self.class_ids, x, y, image_size), winners=winners)


def _padded(part: np.ndarray, x: int, y: int, image_size: tuple[int, int]) -> np.ndarray:
    whole = np.zeros(image_size, part.dtype)
    whole[y : y + part.shape[0], x : x + part.shape[1]] = part
    return whole


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

    def placed(self, x: int, y: int, image_size: tuple[int, int]) -> "Prediction":
        """Return what was found, in an image of which this one is the part at (x, y)."""
        ...


@dataclass(frozen=True)
class Result:
    """An image with a model's prediction."""

    image: Image
    prediction: Prediction
    model: str
