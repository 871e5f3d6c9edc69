"""The interfaces of engines and architectures, without torch, so that listing and faking them does not need it."""

import difflib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from container.errors import ModelError
from container.registry import Registry
from container.structures import ImageQuery, ModelSpec, Options, Prediction

_NO_CLASS = ("__background__", "N/A")  # labels of torchvision's for ids that no object has

Query = TypeVar("Query")
Output = TypeVar("Output")


class Engine(ABC, Generic[Query, Output]):
    """A loaded model of any kind; `predict` is called by one thread at a time."""

    query: ClassVar[type]  # what it is asked

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec

    @property
    @abstractmethod
    def task(self) -> str:
        """What the model does, such as "instance segmentation"."""

    @abstractmethod
    def predict(self, queries: Sequence[Query]) -> Sequence[Output]:
        """Return the answer to each query."""

    @abstractmethod
    def trial(self) -> Query:
        """Return a query that runs every part of the model, asked once after loading."""


class ImageEngine(Engine[ImageQuery, Prediction]):
    """A loaded model that finds something in images of any sizes, each with its own options."""

    query = ImageQuery
    background = False  # True if class 0 is the background, which is never returned, whatever its label

    @property
    def labels(self) -> tuple[str, ...]:
        """The name of each class id."""
        return self.spec.labels

    @cached_property
    def indices(self) -> dict[int, int]:
        """The index of each class in `names`, by class id; the background and COCO's unused ids have none."""
        found = [i for i, label in enumerate(self.labels) if label not in _NO_CLASS and (i or not self.background)]
        return {class_id: index for index, class_id in enumerate(found)}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the classes that can be found, in the order of their ids."""
        return tuple(self.labels[class_id] for class_id in self.indices)

    @property
    def finds(self) -> str:
        """What it answers: instances (with masks), keypoints, boxes, semantic (a class a pixel) or classification."""
        return "instances"

    @property
    def defaults(self) -> Options:
        """The options that apply where neither the request nor the model's description sets them; None: no limit."""
        return Options()

    @cached_property
    def own_options(self) -> Options:
        """The options of a request that sets none: the model's description over `defaults`."""
        return _filled(self.spec.options, self.defaults)

    def trial(self) -> ImageQuery:
        """Return a black image in which something is found whatever the scores are."""
        return ImageQuery(np.zeros((480, 640, 3), np.uint8), Options(confidence=0.0, max_detections=1))

    def default_instances(self, masks: bool) -> int | None:
        """Return the default number of instances that go through a mask or keypoint head.

        None if the network has no such head, or a mask head alone and no `masks` are needed.
        """
        return None

    def resolved(self, options: Options) -> Options:
        """Return `options` with unset values filled in from `own_options`."""
        return _filled(options, self.own_options)

    def class_ids(self, options: Options) -> list[int] | None:
        """Return the class ids of `options.class_filter`, or None if every class is wanted."""
        if options.class_filter is None:
            return None
        return [i for i, label in enumerate(self.labels) if label in options.class_filter]


def _filled(options: Options, source: Options) -> Options:
    return replace(options, **{name: value for name, value in vars(source).items() if getattr(options, name) is None})


class Architecture(ABC):
    """A name under which models can be loaded, registered by the file of their kind."""

    kind: str  # the heading in lists of architectures, such as "detection"
    pretrained: tuple[str, ...] = ()  # names of published weights
    takes_folder = False  # True if a model is a folder of files, False if it is one weights file
    # Memory at the peak of loading and of a prediction: times the bytes of the weights, and bytes added; None: as
    # `container.models.budget` has it for the backend.
    memory_factor: float | None = None
    memory_reserve: int | None = None

    def recognises(self, folder: Path) -> bool:
        """Return True for a folder that is a model of this architecture and says so in other ways than model.json.

        No weights are read, and nothing that is found there raises.
        """
        return False

    def pack(self, spec: ModelSpec, folder: Path) -> None:
        """Write a model whose weights are one file of another form into an empty folder; ModelError."""
        raise ModelError(
            f"{spec.architecture} is served from a folder of files: model.json beside them; there is no weights file"
        )

    @abstractmethod
    def load(self, spec: ModelSpec, runtime: Any) -> Engine[Any, Any]:
        """Return the engine of a model on the device of a Runtime; ModelError with a one-line reason."""


architectures: Registry[Architecture] = Registry("architecture", "container.engines.kinds")


def find(name: str) -> Architecture:
    """Return an architecture; ModelError names the nearest ones."""
    if name not in architectures:
        near = ", ".join(difflib.get_close_matches(name, sorted(architectures), n=3, cutoff=0.0))
        raise ModelError(
            f"unknown architecture {name[:100]!r}; the nearest are {near}; `python -m container models` lists all"
        )
    return architectures[name]


def takes_folder(name: str) -> bool:
    """Return True if the models of an architecture are folders of files; False for an unknown one."""
    return name in architectures and architectures[name].takes_folder


def recognised(folder: Path) -> str:
    """Return the name of the architecture that a folder without model.json is a model of, or ""."""
    return next((name for name in sorted(architectures) if architectures[name].recognises(folder)), "")


def check_published(spec: ModelSpec) -> None:
    """Raise ModelError for a name of weights that the architecture does not have, or a folder that it cannot take."""
    architecture = find(spec.architecture)
    if isinstance(spec.weights, str) and spec.weights not in architecture.pretrained:
        known = ", ".join(architecture.pretrained) or "none"
        raise ModelError(f"{spec.architecture} has no weights {spec.weights!r}; it has: {known}; a file does as well")
    if isinstance(spec.weights, Path) and spec.weights.is_dir() and not architecture.takes_folder:
        raise ModelError(f"weights {spec.weights.name!r} are a folder; {spec.architecture} takes one file")


def load(spec: ModelSpec, runtime: Any) -> Engine[Any, Any]:
    """Return the engine of a model of any kind; ModelError with a one-line reason."""
    architecture = find(spec.architecture)
    if architecture.takes_folder and isinstance(spec.weights, Path) and spec.weights.is_file():
        spec = replace(spec, weights=spec.weights.parent)
    return architecture.load(spec, runtime)


def by_kind() -> dict[str, dict[str, tuple[str, ...]]]:
    """Return kind → architecture → names of its published weights."""
    kinds: dict[str, dict[str, tuple[str, ...]]] = {one.kind: {} for one in architectures.values()}
    for name in sorted(architectures):
        kinds[architectures[name].kind][name] = architectures[name].pretrained
    return kinds


def describe(spec: ModelSpec) -> str:
    """Return a one-line description of a model."""
    known = spec.architecture in architectures
    kind = architectures[spec.architecture].kind if known else "an architecture that is not known"
    weights = spec.weights if isinstance(spec.weights, str) else spec.weights.name
    return f"{spec.name}: {spec.architecture} ({kind}), weights {weights}, {len(spec.labels) or 'no'} labels"
