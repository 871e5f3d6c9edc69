"""What can be served, and what a model is, without loading any weights."""

from container.engines._base import architectures
from container.registry import load_plugins
from container.structures import ModelSpec


def by_task() -> dict[str, dict[str, tuple[str, ...]]]:
    """Task → architecture → the names of its weights that torchvision offers."""
    load_plugins("container.engines")
    tasks: dict[str, dict[str, tuple[str, ...]]] = {"detection": {}, "segmentation": {}, "classification": {}}
    for name in sorted(architectures):
        tasks[architectures[name].task][name] = architectures[name].pretrained
    return tasks


def describe(spec: ModelSpec) -> str:
    """A model in one line."""
    load_plugins("container.engines")
    known = spec.architecture in architectures
    task = architectures[spec.architecture].task if known else "an architecture that is not known"
    weights = spec.weights if isinstance(spec.weights, str) else spec.weights.name
    return f"{spec.name}: {spec.architecture} ({task}), weights {weights}, {len(spec.labels) or 'no'} labels"
