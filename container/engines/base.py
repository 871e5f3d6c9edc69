"""The interfaces of engines and architectures, without torch, so that listing and faking them does not need it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from container.registry import Registry, load_plugins
from container.structures import ModelSpec, Options, Prediction

Task = Literal["detection", "segmentation", "classification"]


@dataclass(frozen=True)
class Architecture:
    """A network architecture that can be built by name."""

    task: Task
    build: Callable[..., Any]  # (num_classes: int, **parameters) → torch.nn.Module, with random weights
    pretrained: tuple[str, ...] = ()  # names of torchvision's published weights
    background: bool = True  # True if class 0 is the background, which is never returned


class Engine(ABC):
    """A loaded model; `predict` is called by one thread at a time."""

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec

    @property
    def labels(self) -> tuple[str, ...]:
        """The name of each class id."""
        return self.spec.labels

    @abstractmethod
    def predict(self, pixels: Sequence[np.ndarray], options: Sequence[Options]) -> Sequence[Prediction]:
        """Return the predictions for uint8 H×W×3 RGB images of any sizes, each with its own options."""

    def default_instances(self, options: Options) -> int | None:
        """Return the default number of instances that go through a mask or keypoint head.

        None if the network has no such head, or `options` do not need it.
        """
        return None

    def with_defaults(self, options: Options, **defaults: Any) -> Options:
        """Return `options` with unset values filled in from the model's own defaults, then from `defaults`."""
        own: dict[str, Any] = dict(vars(self.spec.options))
        for source in (own, defaults):
            options = replace(options, **{k: v for k, v in source.items() if getattr(options, k) is None})
        return options

    def class_ids(self, options: Options) -> list[int] | None:
        """Return the class ids of `options.class_filter`, or None if every class is wanted."""
        if options.class_filter is None:
            return None
        return [i for i, label in enumerate(self.labels) if label in options.class_filter]


engines: Registry[Callable[[ModelSpec, Any, Any], Engine]] = Registry("task")  # (spec, module, Runtime) → Engine
architectures: Registry[Architecture] = Registry("architecture")


def by_task() -> dict[str, dict[str, tuple[str, ...]]]:
    """Return task → architecture → names of its torchvision weights."""
    load_plugins("container.engines.kinds")
    tasks: dict[str, dict[str, tuple[str, ...]]] = {"detection": {}, "segmentation": {}, "classification": {}}
    for name in sorted(architectures):
        tasks[architectures[name].task][name] = architectures[name].pretrained
    return tasks


def describe(spec: ModelSpec) -> str:
    """Return a one-line description of a model."""
    load_plugins("container.engines.kinds")
    known = spec.architecture in architectures
    task = architectures[spec.architecture].task if known else "an architecture that is not known"
    weights = spec.weights if isinstance(spec.weights, str) else spec.weights.name
    return f"{spec.name}: {spec.architecture} ({task}), weights {weights}, {len(spec.labels) or 'no'} labels"
