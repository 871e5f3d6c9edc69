"""The network of a run: what it starts from, and how it is written down to be served."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from container.engines import building, weight_files
from container.engines.building import Network
from container.errors import DataError, ModelError
from container.models import artifact, locate
from container.structures import ModelSpec
from container.training.hyperparameters import Hyperparameters

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
    state, epsilon = _read(name, architecture, source)
    random = weight_files.fit_partly(network, state)
    if epsilon is not None:
        weight_files.set_batch_norm_eps(network, epsilon)
    left = f"; random: {', '.join(random)}" if random else ""
    return network, replace(spec, batch_norm_eps=epsilon), f"from the weights {Path(source).name}{left}"


def write(network: Any, spec: ModelSpec, folder: Path, half: bool) -> None:
    """Put model.json and the weights into `folder`, each in one step, ready to be served from there."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{artifact.WEIGHTS}.part"
    weight_files.write(network, part, half)
    os.replace(part, folder / artifact.WEIGHTS)
    part = folder / f"{artifact.DESCRIPTION}.part"
    part.write_text(artifact.describe(spec), encoding="utf-8")
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


def _read(name: str, architecture: Network, source: str) -> tuple[weight_files.State, float | None]:
    place = locate.weights_source(source)
    if isinstance(place, Path):
        return weight_files.read(place), None
    state, _, epsilon = building.fetch(name, architecture, place)
    return state, epsilon
