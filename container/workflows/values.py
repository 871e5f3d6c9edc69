"""What goes from step to step: pictures with their place in a picture of the request, and what was found in them."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from container.structures import Image, Instances
from container.workflows.errors import StepFailed

Size = tuple[int, int]  # (height, width) in pixels


@dataclass(frozen=True)
class Place:
    """Where a picture lies in another."""

    id: str  # of the other
    x: int  # of the top left corner, in pixels of the other
    y: int
    size: Size  # of the other


@dataclass(frozen=True)
class Frame:
    """A picture without its pixels: its name, its size and where it was cut out."""

    id: str
    size: Size
    parent: Place | None = None  # None for a picture of the request
    root: Place | None = None  # in the picture of the request

    def cut(self, name: str, x: int, y: int, size: Size) -> "Frame":
        """Return the frame of the part at (x, y) of this size, which gets the id `name`."""
        parent = Place(self.id, x, y, self.size)
        root = parent if self.root is None else replace(self.root, x=self.root.x + x, y=self.root.y + y)
        return Frame(name, size, parent, root)

    @property
    def corner(self) -> tuple[int, int]:
        """The x and y of the top left corner in the picture of the request."""
        return (0, 0) if self.root is None else (self.root.x, self.root.y)

    @property
    def described(self) -> str:
        """The id and the size, for messages."""
        return f"picture {self.id!r} of {self.size[1]} × {self.size[0]} pixels"

    def whole(self) -> "Frame":
        """Return the frame of the picture of the request that it was cut out of, or itself."""
        return self if self.root is None else Frame(self.root.id, self.root.size)


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture: one of the request, a part of one, or one that a step has drawn."""

    pixels: np.ndarray  # uint8 H×W×3 RGB
    frame: Frame

    @property
    def image(self) -> Image:
        """The same, as models are asked about it."""
        return Image(self.pixels)

    def crop(self, name: str, left: int, top: int, right: int, bottom: int) -> "Picture":
        """Return a copy of a part, which gets the id `name`; the box lies inside of the picture and is not empty."""
        part = self.pixels[top:bottom, left:right].copy()  # a view would keep the whole picture in memory
        return Picture(part, self.frame.cut(name, left, top, part.shape[:2]))

    def drawn(self, pixels: np.ndarray) -> "Picture":
        """Return a picture of the same place with other pixels; one of another size has no place in the old one."""
        size = pixels.shape[0], pixels.shape[1]
        return Picture(pixels, self.frame if size == self.frame.size else Frame(self.frame.id, size))


@dataclass(frozen=True, eq=False)
class Detections:
    """N instances that were found in one picture; indexing filters all fields."""

    instances: Instances  # in pixels of the picture; its `classes` are the class ids of answers
    frame: Frame  # of the picture
    ids: tuple[str, ...]  # N names, unique
    inference_id: str = ""
    rle: bool = False  # True if an answer holds masks as run lengths instead of outlines
    data: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)  # more members of each instance in an answer

    def __len__(self) -> int:
        return len(self.instances)

    def __getitem__(self, keep: "np.ndarray | Sequence[int]") -> "Detections":
        """Return those selected by an index array, which may reorder them, or a boolean array."""
        indices = np.arange(len(self))[np.asarray(keep)] if len(keep) else np.zeros(0, np.int64)
        return replace(
            self,
            instances=self.instances[indices],
            ids=tuple(self.ids[i] for i in indices),
            data={name: tuple(values[i] for i in indices) for name, values in self.data.items()},
        )

    def in_root(self) -> "Detections":
        """Return the same in pixels of the picture of the request."""
        root = self.frame.root
        if root is None:
            return self
        return replace(self, instances=self.instances.placed(root.x, root.y, root.size), frame=self.frame.whole())

    def moved_to(self, frame: Frame) -> "Detections":
        """Return the same in pixels of a picture that was cut out of the same picture of the request, or is that one.

        Raises StepFailed if it was not.
        """
        if frame == self.frame:
            return self
        if frame.whole() != self.frame.whole():
            raise StepFailed(
                f"detections of {self.frame.described} cannot be placed in {frame.described}, as they are not of "
                "one picture"
            )
        (x, y), (own_x, own_y) = frame.corner, self.frame.corner
        return replace(self, instances=self.instances.cut(x - own_x, y - own_y, frame.size), frame=frame)

    def with_data(self, name: str, values: Iterable[Any]) -> "Detections":
        """Return the same with one more member, N values."""
        return replace(self, data={**self.data, name: tuple(values)})


@dataclass(frozen=True, eq=False)
class Classified:
    """The classes of one picture, best first; none under the confidence that was asked for."""

    labels: tuple[str, ...]  # N names
    classes: tuple[int, ...]  # N class ids of answers
    scores: tuple[float, ...]  # N, 0–1
    frame: Frame  # of the picture
    inference_id: str
    seconds: float  # that the model took

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def top(self) -> str:
        """The best class, "" if there is none."""
        return self.labels[0] if self.labels else ""

    @property
    def confidence(self) -> float:
        """The score of the best class, 0.0 if there is none."""
        return self.scores[0] if self.scores else 0.0

    def document(self, own: bool) -> dict[str, Any]:
        """Return the JSON of an answer; it holds no coordinates, so `own` makes no difference."""
        height, width = self.frame.size
        rows = zip(self.labels, self.classes, self.scores, strict=True)
        return {
            "inference_id": self.inference_id,
            "time": self.seconds,
            "image": {"width": width, "height": height},
            "predictions": [{"class": label, "class_id": one, "confidence": score} for label, one, score in rows],
            "top": self.top,
            "confidence": self.confidence,
            "prediction_type": "classification",
            "parent_id": self.frame.id,
            "root_parent_id": self.frame.whole().id,
        }


def new_id() -> str:
    """Return a name for a new detection."""
    return str(uuid.uuid4())
