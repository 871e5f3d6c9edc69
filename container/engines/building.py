"""Networks: the architectures whose models are one weights file for a torch module, built, filled and tried here."""

import logging
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from container.engines import base, roi_align, weight_files
from container.engines.allowance import Allowance, TooLarge
from container.engines.base import Architecture, ImageEngine, architectures
from container.engines.runtime import Runtime, openvino_installed
from container.errors import ModelError
from container.structures import ModelSpec

log = logging.getLogger(__name__)

# Numbers that a network may have in addition to twice those of its weights, such as for classes that turn out not to
# fit: 128 MB. 20 KB of labels made a Mask R-CNN allocate GB before it was compared.
SPARE_NUMBERS = 1 << 25
# Numbers that a builder makes and drops: of SSD's VGG-16 only the convolutions are kept, a tenth.
DROPPED_NUMBERS = {"ssd300_vgg16": 1 << 27}

# Of the image of a trial prediction. Every stride but the coarsest divides the sides, so that the stride of a level
# follows from its size.
TRIAL_SIZE = (96, 128, 3)


@dataclass(frozen=True)
class Network(Architecture):
    """A torch network that can be built by name; the subclass says what networks of its kind have in common."""

    build: Callable[..., Any]  # (num_classes: int, **parameters) → torch.nn.Module, with random weights
    pretrained: tuple[str, ...] = ()  # names of torchvision's published weights
    background: bool = True  # True if class 0 is the background, which is never returned
    sigmoid: ClassVar[bool] = False  # True if one output can be the sigmoid of the only class beside the background
    labels_all: ClassVar[bool] = False  # True if labels name every output; otherwise they may omit the background

    @abstractmethod
    def engine(self, spec: ModelSpec, module: Any, runtime: Runtime) -> ImageEngine:
        """Return the engine of a module on its device."""

    def trial(self, module: Any) -> AbstractContextManager[object]:
        """Return a context in which the trial prediction takes little time."""
        return nullcontext()

    def load(self, spec: ModelSpec, runtime: Runtime) -> ImageEngine:
        """Build the model and move it to its device; log a warning if its class names are unknown."""
        return load(spec, runtime)


@dataclass(frozen=True)
class Built:
    """A network with its weights, and its completed spec."""

    module: Any  # torch.nn.Module in eval mode, on the CPU
    spec: ModelSpec
    network: Network
    named: bool  # True if the labels are real names, not class_1, class_2, …


def preload() -> None:
    """Import every architecture, and OpenVINO if it is installed."""
    architectures.load()
    if openvino_installed():
        from container.engines import openvino_parts  # noqa: F401  # to share its memory with forked processes


def find(name: str) -> Network:
    """Return a network; ModelError if there is none of that name, or models of that kind are not weights files."""
    architecture = base.find(name)
    if not isinstance(architecture, Network):
        raise ModelError(f"{name} is served from a folder of files: model.json beside them; there is no weights file")
    return architecture


def build(spec: ModelSpec) -> Built:
    """Build the network and load its weights; ModelError with a one-line reason."""
    network = find(spec.architecture)
    published = spec.weights
    if isinstance(spec.weights, Path):
        state, labels, epsilon = weight_files.read(spec.weights), spec.labels, spec.batch_norm_eps
        published = weight_files.published_name(spec.architecture, spec.weights) if network.pretrained else ""
        if published and epsilon is None:
            epsilon = weight_files.published_eps(spec.architecture, published)
    else:
        state, labels, epsilon = fetch(spec.architecture, network, spec.weights)
    module, labels, named = _fill(network, state, labels, spec)
    if published and hasattr(module, "transform_input"):
        module.transform_input = True  # GoogLeNet and Inception were trained with it; their builders set it too
    if epsilon is not None:
        weight_files.set_batch_norm_eps(module, epsilon)
    return Built(module.eval(), replace(spec, labels=labels, batch_norm_eps=epsilon), network, named)


def fetch(name: str, network: Network, weights: str) -> tuple[weight_files.State, tuple[str, ...], float | None]:
    """Return torchvision's published weights of an architecture; ModelError if it has none of that name."""
    base.check_published(ModelSpec(name, name, weights))
    return weight_files.fetch(name, weights)


def _fill(
    network: Network, state: weight_files.State, labels: tuple[str, ...], spec: ModelSpec
) -> tuple[Any, tuple[str, ...], bool]:
    """Return the module with `state` loaded, its labels, and True if those are real names.

    Given labels may omit the background. Without any, they are those of the architecture's published weights with as
    many classes as the file, else class_1, class_2, …
    """
    if spec.activation == "sigmoid":
        return _fill_sigmoid(network, state, labels, spec)
    candidates = _candidates(network, labels, spec)
    classes = len(candidates[0]) if candidates else 2
    module = _build(network, classes, spec, state)
    state = weight_files.for_module(module, state)
    found = weight_files.count_classes(module, state, classes)
    if found == 1:
        _refuse_one_output(network, spec)
    if found not in (None, classes) and (not labels or found in map(len, candidates)):
        other = _build(network, found, spec, state)
        if weight_files.count_classes(other, state, found) == found:
            module, classes = other, found
    weight_files.fit(module, state)
    known = next((candidate for candidate in candidates if len(candidate) == classes), ())
    return module, known or _neutral_labels(network, classes), bool(known)


def _fill_sigmoid(
    network: Network, state: weight_files.State, labels: tuple[str, ...], spec: ModelSpec
) -> tuple[Any, tuple[str, ...], bool]:
    """Return what `_fill` does for a network with one output."""
    named = tuple(label for label in labels if "background" not in label)
    if not network.sigmoid or len(named) > 1:
        raise ModelError("activation sigmoid is for semantic models with one output, which stands for one class")
    module = _build(network, 1, spec, state)
    weight_files.fit(module, state)
    return module, ("__background__", *(named or ("class_1",))), bool(named)


def _candidates(network: Network, labels: tuple[str, ...], spec: ModelSpec) -> list[tuple[str, ...]]:
    """Return possible label tuples, the most likely first; the number of classes in the file decides."""
    if not labels:
        return weight_files.published_labels(spec.architecture) if network.pretrained else []
    if network.labels_all or "background" in labels[0]:
        return [labels]
    return [("__background__", *labels), labels]


def _neutral_labels(network: Network, classes: int) -> tuple[str, ...]:
    """Return generic names made of the class ids."""
    names = tuple(f"class_{i}" for i in range(classes))
    return ("__background__", *names[1:]) if network.background else names


def _refuse_one_output(network: Network, spec: ModelSpec) -> None:
    """Raise ModelError for a network with one output, which always wins whatever the image."""
    if network.background:
        raise ModelError(
            f"{spec.architecture} with one output has the background alone, and finds nothing in any picture: "
            + ("if it is a sigmoid, pack it with --activation sigmoid" if network.sigmoid else "train it with two")
        )
    if network.labels_all:
        raise ModelError(
            f"{spec.architecture} with one output calls every picture the same: train it with two; "
            "one output with a sigmoid is not supported"
        )


def _build(network: Network, classes: int, spec: ModelSpec, state: weight_files.State) -> Any:
    try:
        spare = SPARE_NUMBERS + DROPPED_NUMBERS.get(spec.architecture, 0)
        with Allowance(spare + 2 * sum(tensor.numel() for tensor in state.values())):
            return network.build(num_classes=classes, **spec.parameters)
    except TooLarge:
        raise ModelError(
            f"weights do not fit: {spec.architecture} with {classes} classes and parameters {dict(spec.parameters)} "
            "is far larger than the file"
        ) from None
    except ModelError:
        raise
    except Exception as error:  # builders raise any error for invalid parameters
        raise ModelError(f"{spec.architecture} cannot be built with parameters {dict(spec.parameters)}") from error


def load(spec: ModelSpec, runtime: Runtime) -> ImageEngine:
    """Build the model and move it to its device; log a warning if its class names are unknown."""
    built = build(spec)
    if not built.named:
        names = [label for label in built.spec.labels if label != "__background__"]
        log.warning(
            "nothing says what the %d classes of model %s are called: answers name them %s%s until labels are given",
            len(names), spec.name, ", ".join(names[:2]), ", …" if len(names) > 2 else "",
        )  # fmt: skip
    return start(built, runtime)


def start(built: Built, runtime: Runtime) -> ImageEngine:
    """Return the engine of a built network on its device, with parts replaced by faster implementations."""
    engine = built.network.engine(built.spec, built.module.to(runtime.device), runtime)
    query = replace(engine.trial(), pixels=np.random.default_rng(0).integers(0, 256, TRIAL_SIZE, np.uint8))

    def run() -> None:
        with built.network.trial(built.module), _finite(built.module):
            engine.predict([query])

    if runtime.backend == "openvino":
        from container.engines import openvino_parts  # imported here, because other backends do not need it

        openvino_parts.compile_parts(built.module, run, runtime)
    else:
        built.module.to(memory_format=torch.channels_last)  # a seventh faster on a CPU, same results up to rounding
        if runtime.device.type == "cpu":
            run()
    if runtime.device.type == "cpu":
        roi_align.replace_pools(built.module)
    return engine


@contextmanager
def _finite(module: Any) -> Iterator[None]:
    """Raise ModelError if a part of a network returns NaN or infinity.

    Finite weights can cause that, such as negative variances. It would otherwise go unnoticed, because a detector with
    NaN scores finds nothing in any image.
    """

    def look(name: str, given: Any) -> None:
        if isinstance(given, torch.Tensor) and not given.isfinite().all():
            raise ModelError(f"a prediction with these weights and parameters is not finite, first after {name}")

    hooks = [
        part.register_forward_hook(lambda _part, _input, given, name=name: look(name, given))
        for name, part in module.named_modules()
        if not any(part.children())
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
