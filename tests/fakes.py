"""A model that needs no torch: it finds what it is told to find."""

import gc
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from container.cancellation import checkpoint
from container.engines.base import Engine, ImageEngine
from container.engines.promptable import Candidates, PromptEngine
from container.engines.queue import Dispatcher, Predict
from container.errors import BadModel, InsufficientMemory
from container.images.base import Limits
from container.models.loading import Loader, Model, Placement, Reserve
from container.models.policies import Policy
from container.models.policies.catalogue import Catalogue
from container.models.policies.explicit import Explicit, Record
from container.models.pool import ModelPool
from container.service import Pipeline, Services
from container.structures import (
    Embedding,
    GazeQuery,
    Gazes,
    ImageQuery,
    Instances,
    ModelSpec,
    Options,
    Prediction,
    Prompt,
    RoiMasks,
)
from container.structures.clip import ClipQuery, ClipVectors
from container.structures.lmm import LmmQuery

LABELS = ("__background__", "person", "horse")
SPEC = ModelSpec("fake", "fake_net", "NONE", LABELS)


@dataclass
class FakeEngine(ImageEngine):
    """Finds a horse in the left half and a person in the right half of any picture."""

    spec: ModelSpec = SPEC
    seconds: float = 0.0
    error: Exception | None = None
    asked_for: list[Options] = field(default_factory=list)

    task = "instance segmentation"
    defaults = Options(confidence=0.5)

    def predict(self, queries: Sequence[ImageQuery]) -> Sequence[Prediction]:
        time.sleep(self.seconds)
        if self.error is not None:
            raise self.error
        self.asked_for += [query.options for query in queries]
        return [self._instances(query.pixels, query.options) for query in queries]

    def _instances(self, pixels: np.ndarray, options: Options) -> Instances:
        resolved = self.resolved(options)
        height, width = pixels.shape[:2]
        boxes = np.array([[0, 0, width / 2, height], [width / 2, 0, width, height]], np.float32)
        found = Instances(
            image_size=(height, width),
            boxes=boxes,
            scores=np.array([0.9975, 0.53], np.float32),
            classes=np.array([2, 1]),
            labels=("horse", "person"),
            masks=RoiMasks(np.ones((2, 28, 28), np.float32), boxes, (height, width)),
        )
        wanted = self.class_ids(resolved)
        keep = found.scores >= resolved.confidence
        return found[keep if wanted is None else keep & np.isin(found.classes, wanted)]


@dataclass
class FakePromptEngine(PromptEngine):
    """Segments a square of 20 pixels around the last point, or the box; other masks are narrower."""

    spec: ModelSpec = SPEC
    task: str = "sam"
    seconds: float = 0.0  # of an embedding
    embedded: int = 0
    asked_for: list[tuple[Prompt, bool]] = field(default_factory=list)

    mask_size = (32, 32)

    def embed(self, pixels: np.ndarray) -> Embedding:
        time.sleep(self.seconds)
        self.embedded += 1
        return Embedding((np.full((1, 4, 2, 2), pixels[0, 0, 0], np.float32),), pixels.shape[:2])

    def candidates(self, embedding: Embedding, prompt: Prompt, multimask: bool) -> Candidates:
        self.asked_for.append((prompt, multimask))
        height, width = embedding.image_size
        x, y = prompt.points[-1] if len(prompt.points) else (width / 2, height / 2)
        box = np.array([x - 10, y - 10, x + 10, y + 10]) if prompt.box is None else prompt.box
        logits = np.full((3 if multimask else 1, 32, 32), -1, np.float32)
        for i in range(len(logits)):
            left, top, right, bottom = (box * 32 / np.array([width, height] * 2)).round().clip(0).astype(int)
            logits[i, top:bottom, left : right - i] = 1
        return Candidates(logits, np.array([0.9, 0.8, 0.7][: len(logits)], np.float32))

    def enlarged(self, low_res: np.ndarray, embedding: Embedding) -> np.ndarray:
        return cv2.resize(low_res, embedding.image_size[::-1], interpolation=cv2.INTER_NEAREST)


@dataclass
class FakeClipEngine(Engine[ClipQuery, ClipVectors]):
    """Embeds a picture as the colour of its first pixel, and a text as how often it has the letters r, g and b."""

    spec: ModelSpec = SPEC
    asked_for: list[ClipQuery] = field(default_factory=list)

    query = ClipQuery
    task = "clip"

    def trial(self) -> ClipQuery:
        return ClipQuery()

    def predict(self, queries: Sequence[ClipQuery]) -> Sequence[ClipVectors]:
        self.asked_for += queries
        return [
            ClipVectors(
                np.array([pixels[0, 0] for pixels in query.pictures], np.float32).reshape(-1, 3),
                np.array([[*map(text.count, "rgb")] for text in query.texts], np.float32).reshape(-1, 3),
            )
            for query in queries
        ]


@dataclass
class FakeGazeEngine(Engine[GazeQuery, Gazes]):
    """Finds two faces in the halves of a picture that is wider than 40 pixels; both look a little up, and apart."""

    spec: ModelSpec = SPEC
    asked_for: list[GazeQuery] = field(default_factory=list)

    query = GazeQuery
    task = "gaze"

    def trial(self) -> GazeQuery:
        return GazeQuery(np.zeros((8, 8, 3), np.uint8))

    def predict(self, queries: Sequence[GazeQuery]) -> Sequence[Gazes]:
        self.asked_for += queries
        return [self._gazes(*query.image.shape[:2]) for query in queries]

    def _gazes(self, height: int, width: int) -> Gazes:
        boxes = np.array([[0, 0, width / 2, height], [width / 2, 0, width, height]], np.float32)
        points = boxes[:, None, :2] + np.arange(10, dtype=np.float32).reshape(5, 2)
        count = 2 if width > 40 else 0
        angles = np.array([[0.25, 0.125], [-0.25, 0.125]], np.float32)[:count]
        scores = np.array([0.9975, 0.75], np.float32)[:count]
        return Gazes(boxes[:count], scores, points[:count], angles[:, 0], angles[:, 1], 0.5, 0.25)


@dataclass
class FakeLmmEngine(Engine[LmmQuery, str]):
    """Answers with the colour of the first pixel and the prompt."""

    spec: ModelSpec = SPEC
    seconds: float = 0.0
    asked_for: list[LmmQuery] = field(default_factory=list)

    query = LmmQuery
    task = "lmm"

    def trial(self) -> LmmQuery:
        return LmmQuery(np.zeros((2, 2, 3), np.uint8))

    def predict(self, queries: Sequence[LmmQuery]) -> Sequence[str]:
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            checkpoint()
            time.sleep(0.01)
        self.asked_for += queries
        return [f"{query.pixels[0, 0].tolist()} {query.prompt}" for query in queries]


def tried(**fields: Any) -> FakePromptEngine:
    """A fake promptable model after the prediction that a real one makes while it is loaded."""
    engine = FakePromptEngine(**fields)
    engine.predict([engine.trial()])
    engine.embedded = 0
    engine.asked_for.clear()
    return engine


@dataclass
class EndsAt:
    """A check for `cancelled_by` that raises `error` when it is asked for the `count`-th time."""

    count: int
    error: Exception
    asked: int = 0

    def __call__(self) -> None:
        self.asked += 1
        if self.asked == self.count:
            raise self.error


@dataclass(frozen=True)
class TricklingMasks(RoiMasks):
    """Masks that take their time each; one of them cannot be made."""

    seconds: float = 0.0
    breaks_at: int = -1

    def crop(self, i: int) -> tuple[np.ndarray, int, int]:
        time.sleep(self.seconds)
        if i == self.breaks_at:
            raise ZeroDivisionError("a secret of the mask")
        return super().crop(i)


@dataclass
class TricklingEngine(FakeEngine):
    """Finds `count` horses, each the whole of the picture."""

    count: int = 3
    mask_seconds: float = 0.0
    breaks_at: int = -1

    def _instances(self, pixels: np.ndarray, options: Options) -> Instances:
        height, width = pixels.shape[:2]
        boxes = np.tile(np.array([0, 0, width, height], np.float32), (self.count, 1))
        grids = np.ones((self.count, 28, 28), np.float32)
        masks = TricklingMasks(grids, boxes, (height, width), "accurate", 0.0, self.mask_seconds, self.breaks_at)
        scores, classes = np.full(self.count, 0.75, np.float32), np.full(self.count, 2)
        return Instances((height, width), boxes, scores, classes, ("horse",) * self.count, masks)


class Made(Loader):
    """A loader of what `make` returns, whatever the source."""

    def __init__(self, make: Callable[[], Model]) -> None:
        super().__init__(Placement())
        self._make = make

    def prepare(self) -> tuple[str, Callable[[], int]]:
        """There is memory for everything."""
        return "torch", lambda: 1 << 50

    def load(self, source: Path | ModelSpec, reserve: Reserve = lambda spec: None) -> Model:
        """Make one."""
        reserve(SPEC)
        return self._make()

    def give_back(self) -> None:
        """As the real one does."""
        gc.collect()


def fake_services(
    make: Callable[[], Model], deadline_seconds: float = 20.0, patience: float = 0.0, **limits: Any
) -> Services:
    """Services of one model that `make` makes, once they are started."""
    pool = ModelPool(Catalogue(SPEC), Made(make), patience)
    return Services(Pipeline(pool, Limits(**limits)), deadline_seconds)


def ready_services(
    engine: Engine, queue_size: int = 8, deadline_seconds: float = 20.0, batch_size: int = 1, **limits: Any
) -> Services:
    """Services around `engine`, ready."""
    services = fake_services(
        lambda: Model(engine, Dispatcher(engine.predict, queue_size, batch_size)), deadline_seconds, **limits
    )
    services.pool.start()
    assert services.pool.settle() == ("ready", "")
    return services


class FakeLoader(Loader):
    """Makes a model of any folder, but one whose name begins with "bad", while there are less than `room`."""

    def __init__(
        self,
        room: float = 1000,
        load_seconds: float = 0.0,
        seconds: float = 0.0,
        wrap: Callable[[Predict], Predict] = lambda predict: predict,
    ) -> None:
        super().__init__(Placement())
        self.load_seconds = load_seconds
        self._room = room
        self._seconds = seconds  # of a prediction
        self._wrap = wrap
        self._engines: list[weakref.ref[FakeEngine]] = []

    @property
    def alive(self) -> int:
        """Models that anybody still refers to."""
        return sum(engine() is not None for engine in self._engines)

    def prepare(self) -> tuple[str, Callable[[], int]]:
        """There is memory for everything, as far as one knows."""
        return "torch", lambda: 1 << 50

    def load(self, source: Path | ModelSpec, reserve: Reserve = lambda spec: None) -> Model:
        """A model of its own."""
        assert isinstance(source, Path)
        time.sleep(self.load_seconds)
        if source.name.startswith("bad"):
            raise BadModel("this model is bad")
        if self.alive >= self._room:
            raise InsufficientMemory("there is no room for another model")
        spec = ModelSpec(source.name, "fake_net", "NONE", LABELS)
        reserve(spec)
        engine = FakeEngine(spec, self._seconds)
        self._engines.append(weakref.ref(engine))
        return Model(engine, Dispatcher(self._wrap(engine.predict), 64))

    def give_back(self) -> None:
        """As the real one does."""
        gc.collect()


def multi_model_services(
    root: Path, loader: FakeLoader, deadline_seconds: float = 20.0, record: Record | None = None
) -> Services:
    """Services of a multi-model endpoint, to be started."""
    return policy_services(Explicit(root, record), loader, deadline_seconds)


def policy_services(policy: Policy, loader: Loader, deadline_seconds: float = 20.0) -> Services:
    """Services of what a policy loads, to be started."""
    return Services(Pipeline(ModelPool(policy, loader), Limits()), deadline_seconds)


def started(root: Path, loader: FakeLoader, record: Record | None = None) -> Services:
    """The services of a multi-model endpoint that is ready."""
    services = multi_model_services(root, loader, record=record)
    services.pool.start()
    assert services.pool.settle() == ("ready", "")
    return services
