"""The network of a run: what it starts from, and how it is written down to be served."""

import json
import logging
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torchvision

from container.engines import building, weight_files
from container.engines.building import Network
from container.errors import DataError, ModelError
from container.models import artifact, locate, packing
from container.structures import ModelSpec
from container.training import classes
from container.training.hyperparameters import Hyperparameters

log = logging.getLogger(__name__)

# Of a network, in the order of its names; a name belongs to the first that fits.
PARTS = {
    "backbone": re.compile(r"backbone\.(?!fpn\.)"),
    "FPN": re.compile(r"backbone\.fpn\."),
    "RPN": re.compile(r"rpn\."),
    "heads": re.compile(""),
}
ENOUGH = 0.9  # share of a part's tensors; a file that fills less of it, and more than nothing, is of another network

NOTHING = "none"  # the value of the hyperparameter `weights` that starts from random numbers


def build(hyperparameters: Hyperparameters, labels: tuple[str, ...]) -> tuple[Any, ModelSpec, str]:
    """The network with the weights to start from, its spec, and one line on where they come from.

    Args:
        labels: names by class id, the background first.

    ModelError or DataError says what stands in the way.
    """
    name = hyperparameters.architecture
    architecture = find(name)
    parameters = _parameters(hyperparameters.parameters)
    try:
        network = architecture.build(num_classes=len(labels), **parameters)
    except Exception as error:  # builders raise what they like on parameters that they do not like
        raise DataError(f"{name} cannot be built with parameters {parameters}") from error
    spec = ModelSpec(name, name, Path(artifact.WEIGHTS), labels, parameters)
    source = hyperparameters.weights or _default_source(network)
    if source == NOTHING:
        return network, spec, "from random weights"
    state, names, epsilon = _read(name, architecture, source)
    of_classes = _of_classes(architecture, len(labels), parameters)
    state = weight_files.for_module(network, state)
    rows = classes.moved(state, network.state_dict(), names, labels, of_classes) if names else {}
    random = weight_files.fit_partly(network, {**state, **rows})
    counted = _count(network, random, of_classes)
    told = ", ".join(f"{part} {filled} of {all_} tensors" for part, (filled, all_) in counted.items())
    log.info("weights %s: %s", Path(source).name, told)
    few = [part for part, (filled, all_) in counted.items() if 0 < filled < ENOUGH * all_]
    if few and not hyperparameters.partial:
        raise ModelError(
            f"the weights {Path(source).name} fit {name} in part ({told}): is it this architecture, with these "
            "parameters? With partial=true the run starts from what fits"
        )
    if epsilon is not None:
        weight_files.set_batch_norm_eps(network, epsilon)
    known = f"; classes that they know: {', '.join(classes.shared(names, labels)) or 'none'}" if rows else ""
    left = f"; random: {', '.join(random)}" if random else ""
    return network, replace(spec, batch_norm_eps=epsilon), f"from the weights {Path(source).name}{known}{left}"


def _count(network: Any, random: Sequence[str], of_classes: set[str]) -> dict[str, tuple[int, int]]:
    """Return part → how many of its tensors are filled, and how many it has, those of the classes left out."""
    names = [name for name in network.state_dict() if name not in of_classes and not weight_files.COUNTER.search(name)]
    found: dict[str, tuple[int, int]] = {}
    for part, pattern in PARTS.items():
        mine = [name for name in names if pattern.match(name)]
        names = [name for name in names if name not in mine]
        if mine:
            found[part] = len(set(mine) - set(random)), len(mine)
    return found


def _of_classes(architecture: Network, count: int, parameters: dict[str, Any]) -> set[str]:
    """Return the names of tensors whose size depends on the number of classes, which no other model's weights fit."""
    with torch.device("meta"):
        one, other = (architecture.build(num_classes=n, **parameters).state_dict() for n in (count, count + 1))
    return {name for name in one if one[name].shape != other[name].shape}


def write(network: Any, spec: ModelSpec, folder: Path, half: bool) -> None:
    """Put model.json and the weights into `folder`, each in one step, ready to be served from there."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{artifact.WEIGHTS}.part"
    weight_files.write(network, part, half)
    os.replace(part, folder / artifact.WEIGHTS)
    part = folder / f"{artifact.DESCRIPTION}.part"
    part.write_text(packing.describe(spec), encoding="utf-8")
    os.replace(part, folder / artifact.DESCRIPTION)


def _parameters(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise DataError(f"hyperparameter parameters takes a JSON object, not {text[:60]!r}")
    return value


def find(name: str) -> Network:
    """The network of an architecture; DataError lists the known ones."""
    try:
        return building.find(name)
    except ModelError as error:
        raise DataError(f"hyperparameter architecture: {error}") from None


def _default_source(network: Any) -> str:
    """The embedded model's weights file for a network with its backbone, else nothing."""
    with artifact.opened(locate.EMBEDDED) as embedded:
        assert isinstance(embedded.weights, Path)
        state = weight_files.read(embedded.weights)
    backbone = {name: tensor for name, tensor in network.state_dict().items() if name.startswith("backbone.")}
    same = all(name in state and state[name].shape == tensor.shape for name, tensor in backbone.items())
    return str(embedded.weights) if same else NOTHING


def _read(name: str, architecture: Network, source: str) -> tuple[weight_files.State, tuple[str, ...], float | None]:
    """Return tensors, the names of their classes where something says them, and the epsilon of batch norms."""
    place = locate.weights_source(source)
    if not isinstance(place, Path):
        return building.fetch(name, architecture, place)
    state = weight_files.read(place)
    if published := weight_files.published_name(name, place) if architecture.pretrained else "":
        labels = weight_files.labels_of(torchvision.models.get_model_weights(name)[published])
        return state, labels, weight_files.published_eps(name, published)
    return state, _names_beside(place), None


def _names_beside(weights: Path) -> tuple[str, ...]:
    """Return the class names of the model.json beside a weights file, where it describes that file."""
    if not (weights.parent / artifact.DESCRIPTION).is_file():
        return ()
    try:
        with artifact.opened(weights.parent) as spec:
            return spec.labels if spec.weights == weights else ()
    except ModelError as error:
        log.warning("the classes of %s are unknown, as model.json beside it cannot be read: %s", weights.name, error)
        return ()
