"""What a promptable model is asked about one picture, and what it answers: Segment Anything and its like."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from container.structures.instances import Instances
from container.structures.masks import CroppedMasks

MAX_PROMPTS = 256  # of one request
MAX_POINTS = 1000  # of one prompt
POSITIVE, NEGATIVE = 1, 0  # labels of points
FARTHEST = 1e9  # pixels from a corner of the picture
LABEL = "object"  # of a segment: the model knows no classes


@dataclass(frozen=True, eq=False)
class Prompt:
    """Points and a box that show one object, in pixels of the picture; none of them: the model's own choice."""

    points: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), np.float32))  # float32 N×2 of (x, y)
    labels: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))  # int64 N: POSITIVE or NEGATIVE
    box: np.ndarray | None = None  # float32 4, xyxy
    mask: np.ndarray | None = None  # float32 h×w logits to start from, as `Segments.low_res` has them

    @property
    def ambiguous(self) -> bool:
        """True for a single point, which may mean a part as well as the whole."""
        return len(self.points) == 1 and self.box is None and self.mask is None


@dataclass(frozen=True, eq=False)
class Embedding:
    """What the encoder of a promptable model makes of a picture; of use to the same model only."""

    parts: tuple[np.ndarray, ...]  # float32
    image_size: tuple[int, int]  # (height, width) of the picture in pixels

    @property
    def bytes(self) -> int:
        """Its memory."""
        return sum(part.nbytes for part in self.parts)


@dataclass(frozen=True, eq=False)
class PromptQuery:
    """What a promptable model is asked: to embed a picture, to segment it by prompts, or both."""

    image: np.ndarray | Embedding  # uint8 H×W×3 RGB, or what embedding that has given
    prompts: Sequence[Prompt] = ()
    multimask: bool | None = None  # True: three masks a prompt, False: one; None: three where a prompt is ambiguous
    best: bool = True  # True: only the mask of the highest score is answered
    logits: bool = False  # True: the answer holds the logits of each pixel, 4 bytes each


@dataclass(frozen=True, eq=False)
class Segments:
    """The masks for one prompt, best first."""

    masks: CroppedMasks  # N
    scores: np.ndarray  # float32 N, 0–1: the IoU that the model expects of each
    low_res: np.ndarray  # float32 N×h×w logits at the size at which the model makes them
    logits: np.ndarray | None = None  # float32 N×H×W, where asked for; a mask is where they are above 0


@dataclass(frozen=True, eq=False)
class Segmentation:
    """The answer to a PromptQuery."""

    embedding: Embedding
    segments: Sequence[Segments] = ()  # one a prompt

    def instances(self) -> Instances:
        """Return the best mask of each prompt as an instance with its tight box, in the order of the prompts."""
        size, count = self.embedding.image_size, len(self.segments)
        masks = CroppedMasks(tuple(one.masks.crops[0] for one in self.segments), size)
        return Instances(
            image_size=size,
            boxes=np.array([crop.box for crop in masks.crops], np.float32).reshape(-1, 4),
            scores=np.array([one.scores[0] for one in self.segments], np.float32),
            classes=np.ones(count, np.int64),
            labels=(LABEL,) * count,
            masks=masks,
        )


def read(value: object) -> list[Prompt]:
    """Return the prompts of JSON; ValueError in one line.

    One is {"points": [{"x": 380, "y": 350, "positive": true}], "box": {"x", "y", "width", "height"}}, with either or
    both; x and y of a box are its centre. There may be one, a list, {"prompts": a list}, or null for one of nothing.
    """
    if isinstance(value, dict) and "prompts" in value:
        value = value["prompts"]
    if value is None or value == [] or value == {}:
        return [Prompt()]
    values = value if isinstance(value, list) else [value]
    if len(values) > MAX_PROMPTS:
        raise ValueError(f"there are {len(values)} prompts; at most {MAX_PROMPTS} are allowed")
    return [_read_one(one, f"prompt {number}: " if len(values) > 1 else "") for number, one in enumerate(values, 1)]


def _read_one(value: object, where: str) -> Prompt:
    if not isinstance(value, dict):
        raise ValueError(f'{where}a prompt is an object with "points", a "box" or both')
    given = value.get("points")
    given = [] if given is None else given
    if not isinstance(given, list) or len(given) > MAX_POINTS:
        raise ValueError(f"{where}points are a list of at most {MAX_POINTS}")
    points, labels = [], []
    for point in given:
        if not isinstance(point, dict) or not isinstance(point.get("positive", True), bool):
            raise ValueError(f'{where}a point is {{"x": 380, "y": 350, "positive": true}}')
        points.append([_number(point, name, where) for name in ("x", "y")])
        labels.append(POSITIVE if point.get("positive", True) else NEGATIVE)
    return Prompt(pairs(points), np.array(labels, np.int64), _box(value.get("box"), where))


def _box(value: object, where: str) -> np.ndarray | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise ValueError(f'{where}a box is {{"x", "y", "width", "height"}}, where x and y are its centre')
    x, y, width, height = (_number(value, name, where) for name in ("x", "y", "width", "height"))
    if width < 0 or height < 0:
        raise ValueError(f"{where}width and height of a box are {width:g} and {height:g}; they take 0 or more")
    return np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2], np.float32)


def pairs(points: Sequence[Sequence[float]]) -> np.ndarray:
    """Return points as float32 N×2, also if there are none."""
    return np.array(points, np.float32).reshape(-1, 2)


def is_coordinate(value: object) -> bool:
    """Return True for a finite number of a size that pictures may have."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= FARTHEST


def _number(values: Mapping[str, Any], name: str, where: str = "") -> float:
    """Return a finite number of an object; ValueError names it."""
    value = values.get(name)
    if not isinstance(value, int | float) or not is_coordinate(value):
        raise ValueError(f"{where}{name} is {ascii(value)[:60]}; it takes a number of pixels")
    return float(value)
