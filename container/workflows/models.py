"""Models as the steps of one request ask them: a whole level's pictures together, and no model is held between steps.

asked = Asked("maskrcnn/1", "instance segmentation", 0.4, Options(max_detections=10))
(found,) = models.ask([picture], [asked], room)
"""

import time
from collections.abc import Callable, Hashable, Iterator, Sequence, Sized
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np

from container.cancellation import checkpoint
from container.engines.base import ImageEngine
from container.errors import BadRequest, ModelNotFound, PayloadTooLarge, shown
from container.images.base import given_image
from container.models.policies import Policy
from container.service import RequestContext, Services, by_id, reading
from container.service.embedding import CLIP, Embedder
from container.service.pipeline import Run
from container.service.segmenting import Family, Segmenter
from container.service.sessions import size_of
from container.structures import MAX_DETECTIONS, Classification, Instances, Options, Prompt, Result, SemanticMap
from container.structures.clip import similarity
from container.structures.strict_json import numbers
from container.structures.texts import Reading, TextQuery
from container.workflows.values import Classified, Detections, Picture, new_id

SERVED = "served"  # an id that means the served model, unless a model has it
MAX_LOADS = 8  # of one request that move its deadline: a model that gives way to the next is loaded again and again
_PIXEL = 3  # bytes

T = TypeVar("T", bound=Hashable)
Room = Callable[[int], None]  # see Step.room


@dataclass(frozen=True)
class Asked:
    """What a model is asked about a picture; pictures about which the same is asked go to the model together."""

    model_id: str
    task: str  # as Engine.task
    confidence: float | str  # or one of by_id.WORDS_OF_CONFIDENCE
    options: Options = field(default_factory=Options)  # the others
    masks: bool = True  # False if no masks are needed


class Found(NamedTuple):
    """What was found in one picture, and the id of the model."""

    value: Detections | Classified
    model_id: str


@dataclass(frozen=True, eq=False)
class Prompted:
    """What a promptable model is asked about a picture."""

    picture: Picture
    version: str | None  # None: the usual one of its family
    prompts: tuple[Prompt, ...]
    multimask: bool | None = None  # see PromptQuery


@dataclass(frozen=True, eq=False)
class Compared:
    """What a CLIP model is asked about a picture."""

    picture: Picture
    texts: tuple[str, ...]
    version: str | None = None  # None: the usual one of its family


class Models:
    """The models of one request; those that are not loaded are, and MAX_LOADS loads do not count for the deadline."""

    def __init__(self, services: Services, context: RequestContext, served: str = "") -> None:
        """`served` is the key of the model that SERVED means, whatever else has this id; by default the policy's."""
        self.found = 0  # instances so far
        self._loads = 0
        self._services = services
        self._context = context
        self._invoked = served
        self._served = served or services.pool.policy.served

    def ask(self, pictures: Sequence[Picture], asked: Sequence[Asked], room: Room) -> list[Found]:
        """Return what is found in each picture, about which the one of `asked` at its place is asked.

        Instances whose mask is empty are left out. Raises the errors of Policy.by_id and of Run.predict; BadRequest
        for a model of another task; PayloadTooLarge for more than MAX_DETECTIONS in all.
        """
        found: dict[int, Found] = {}
        for one, places in _groups(asked).items():
            found |= zip(places, self._ask(one, [pictures[i] for i in places], room), strict=True)
        return [found[i] for i in range(len(pictures))]

    def _ask(self, asked: Asked, pictures: Sequence[Picture], room: Room) -> Iterator[Found]:
        with self._opened(partial(self._meant, asked.model_id)) as (run, model_id):
            engine = run.engine
            if not by_id.suits(engine, asked.task):
                raise BadRequest(
                    f"model {shown(model_id)} is for {engine.task}, not for {asked.task}",
                    hint=f"ask it by a step for {engine.task}",
                )
            run.admit(len(pictures))
            known = by_id.known_options(asked.options, asked.confidence, engine)
            question = by_id.question(known, asked.masks, engine)
            # As many at once as may be answered: what they have in all is counted when it is known.
            most = max(1, MAX_DETECTIONS // (question.options.max_detections or 1))
            for start in range(0, len(pictures), most):
                some, begun = pictures[start : start + most], time.monotonic()
                results = run.predict([picture.image for picture in some], *question)
                seconds = round(time.monotonic() - begun, 6)
                for result in results:
                    room(size_of(result.prediction) // _PIXEL)
                make = partial(_values, results, some, asked, engine, seconds)
                for value in run.write(make, [result.prediction for result in results]):
                    self._count(value)
                    yield Found(value, model_id)

    def _count(self, value: Sized) -> None:
        self.found += len(value)
        if self.found > MAX_DETECTIONS:
            raise PayloadTooLarge(
                f"the models have found more than {MAX_DETECTIONS} instances, which one request may have in all",
                hint="lower max_detections, raise the confidence, or send fewer pictures in one request",
            )

    def segment(self, family: Family, asked: Sequence[Prompted], room: Room) -> list[Instances]:
        """Return the best mask of each prompt in each picture, in the order of the prompts.

        Raises the errors of Family.find, Policy.by_id and Segmenter.segment.
        """
        found: dict[int, Instances] = {}
        for version, places in _groups([one.version for one in asked]).items():
            with self._opened(partial(family.find, version)) as (run, _):
                segmenter = Segmenter(run, self._services.embeddings, self._context)
                for i in places:
                    embedding = segmenter.embed_image(asked[i].picture.image)
                    made = segmenter.segment(embedding, asked[i].prompts, multimask=asked[i].multimask)
                    found[i] = run.write(made.instances, [made.segments])
                    room(sum(crop.bits.nbytes for one in made.segments for crop in one.masks.crops) // _PIXEL)
        return [found[i] for i in range(len(asked))]

    def compare(self, asked: Sequence[Compared]) -> list[np.ndarray]:
        """Return the similarity of each picture to each of its texts, cosines; each text is embedded once.

        Raises the errors of Family.find, Policy.by_id and Embedder.embed.
        """
        found: dict[int, np.ndarray] = {}
        for version, places in _groups([one.version for one in asked]).items():
            with self._opened(partial(CLIP.find, version)) as (run, _):
                embedder = Embedder(run, self._services.embeddings)
                pictures = embedder.embed([given_image(asked[i].picture.image) for i in places])
                for vector, i in zip(pictures, places, strict=True):
                    found[i] = similarity(vector, embedder.embed(asked[i].texts))
        return [found[i] for i in range(len(asked))]

    def read(self, pictures: Sequence[Picture]) -> list[Reading]:
        """Return the text in each picture; raises the errors of reading.reader, Policy.by_id and Run.ask."""
        with self._opened(reading.reader) as (run, _):
            run.admit(len(pictures))
            found = run.ask([TextQuery(picture.pixels) for picture in pictures])
            for one in run.write(lambda: found, found):
                self._count(one)
            return found

    def _meant(self, model_id: str, policy: Policy) -> str:
        """Return the id of the model that an id means, which is another one for SERVED."""
        if model_id != SERVED or not self._served:
            return model_id
        if not self._invoked:
            with suppress(ModelNotFound):
                policy.find(model_id)
                return model_id
        return policy.id_of(self._served)

    @contextmanager
    def _opened(self, find: Callable[[Policy], str]) -> Iterator[tuple[Run, str]]:
        """Lease the model whose id `find` returns, loading it if necessary, by which the deadline moves."""
        self._context.check_wanted("the model was asked")
        begun, policy = time.monotonic(), self._services.pool.policy
        self._services.pool.settle(self._services.deadline_seconds)
        policy.check_started()
        model_id = find(policy)
        named = by_id.load(model_id, self._services)
        if self._loads < MAX_LOADS:
            self._context.started += time.monotonic() - begun
        self._loads += named.load_seconds > 0
        with self._services.pipeline.open(named.key, self._context) as run:
            yield run, model_id


def _groups(keys: Sequence[T]) -> dict[T, list[int]]:
    """Return the places of each key."""
    groups: dict[T, list[int]] = {}
    for place, key in enumerate(keys):
        groups.setdefault(key, []).append(place)
    return groups


def _values(
    results: Sequence[Result], pictures: Sequence[Picture], asked: Asked, engine: ImageEngine, seconds: float
) -> list[Detections | Classified]:
    least, values = by_id.least_confidence(asked.confidence, engine), list[Detections | Classified]()
    for result, picture in zip(results, pictures, strict=True):
        prediction = result.prediction
        if isinstance(prediction, Classification):
            values.append(_classified(prediction, least, engine, picture, seconds))
        elif isinstance(prediction, SemanticMap):
            values.append(_regions(prediction, least, engine, picture))
        else:
            found = prediction.instances().finite()
            found = _with_masks(found) if asked.masks else replace(found, masks=None)
            values.append(_detections(found, engine, picture))
    return values


def _detections(found: Instances, engine: ImageEngine, picture: Picture, first: int = 0) -> Detections:
    """Return instances with the class ids of answers, which count from `first`."""
    ids = engine.indices
    found = found[np.isin(found.classes, list(ids))]  # one-stage detectors may say one of COCO's unused ids
    classes = np.array([first + ids[one] for one in found.classes.tolist()], np.int64)
    names = tuple(new_id() for _ in classes)
    return Detections(replace(found, classes=classes), picture.frame, names, new_id())


def _with_masks(found: Instances) -> Instances:
    """Return the instances whose mask is not empty."""
    if found.masks is None:
        return found
    keep = np.zeros(len(found), bool)
    for i in range(len(found)):
        checkpoint()
        keep[i] = found.masks.crop(i)[0].any()
    return found if keep.all() else found[keep]


def _regions(prediction: SemanticMap, least: float, engine: ImageEngine, picture: Picture) -> Detections:
    """Return an instance for each class but the background, whose id is 0; its score is the mean of its pixels'."""
    confidences = prediction.pixel_confidences()
    found = prediction.cut(least, confidences).instances()
    assert found.masks is not None
    scores = np.zeros(len(found), np.float32)
    for i in range(len(found)):
        checkpoint()
        crop, x, y = found.masks.crop(i)
        scores[i] = confidences[y : y + crop.shape[0], x : x + crop.shape[1]][crop].mean() / 255
    found = replace(found, scores=scores)[np.argsort(-scores, kind="stable")]
    return _detections(found, engine, picture, first=1)


def _classified(
    prediction: Classification, least: float, engine: ImageEngine, picture: Picture, seconds: float
) -> Classified:
    rows = zip(prediction.labels, prediction.classes.tolist(), numbers(prediction.scores), strict=True)
    kept = [(label, engine.indices[one], score) for label, one, score in rows if score >= least]
    labels, classes, scores = tuple(zip(*kept, strict=True)) if kept else ((), (), ())
    return Classified(labels, classes, scores, picture.frame, new_id(), seconds)
