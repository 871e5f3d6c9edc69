"""What an engine and an architecture are. Knows no torch, so that listing and faking them needs none."""

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
    """A network that can be built by name."""

    task: Task
    build: Callable[..., Any]  # (num_classes: int, **parameters) → torch.nn.Module, with random weights
    pretrained: tuple[str, ...] = ()  # names of weights that torchvision offers for it
    background: bool = True  # whether class 0 stands for nothing, and is never answered


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
        """The predictions for uint8 H×W×3 RGB pictures of any sizes, each with its own options."""

    def default_instances(self, options: Options) -> int | None:
        """How many instances go through a mask or keypoint head where the caller does not say; None: there is no head,
        or `options` want nothing of it.
        """
        return None

    def with_defaults(self, options: Options, **defaults: Any) -> Options:
        """`options` with what the caller left open filled in from the model's own defaults, then from `defaults`."""
        own: dict[str, Any] = dict(vars(self.spec.options))
        for source in (own, defaults):
            options = replace(options, **{k: v for k, v in source.items() if getattr(options, k) is None})
        return options

    def class_ids(self, options: Options) -> list[int] | None:
        """The ids of `options.class_filter`, or None where every class is wanted."""
        if options.class_filter is None:
            return None
        return [i for i, label in enumerate(self.labels) if label in options.class_filter]


engines: Registry[Callable[[ModelSpec, Any, Any], Engine]] = Registry("task")  # (spec, module, Runtime) → Engine
architectures: Registry[Architecture] = Registry("architecture")


def by_task() -> dict[str, dict[str, tuple[str, ...]]]:
    """Task → architecture → the names of its weights that torchvision offers."""
    load_plugins("container.engines.kinds")
    tasks: dict[str, dict[str, tuple[str, ...]]] = {"detection": {}, "segmentation": {}, "classification": {}}
    for name in sorted(architectures):
        tasks[architectures[name].task][name] = architectures[name].pretrained
    return tasks


def describe(spec: ModelSpec) -> str:
    """A model in one line."""
    load_plugins("container.engines.kinds")
    known = spec.architecture in architectures
    task = architectures[spec.architecture].task if known else "an architecture that is not known"
    weights = spec.weights if isinstance(spec.weights, str) else spec.weights.name
    return f"{spec.name}: {spec.architecture} ({task}), weights {weights}, {len(spec.labels) or 'no'} labels"
