"""Model artifacts are written: model.json, the workflow and the weights, as `artifact` reads them."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from container.files import checksum
from container.models import archive as tar
from container.models.artifact import DESCRIPTION, WEIGHTS, WORKFLOW
from container.structures import ModelSpec, Options


def describe(spec: ModelSpec, sha256: str = "") -> str:
    """Return the text of model.json for a model with its weights beside it as model.safetensors, and their SHA-256."""
    defaults = Options()
    described = {
        "name": spec.name,
        "architecture": spec.architecture,
        "weights": WEIGHTS,
        "sha256": sha256,
        "labels": list(spec.labels),
        "parameters": dict(spec.parameters),
        "options": {k: v for k, v in asdict(spec.options).items() if v != getattr(defaults, k)},
        "activation": spec.activation,
        "preprocessing": spec.preprocessing.described(),
        "batch_norm_eps": spec.batch_norm_eps,
    }
    text = json.dumps({k: v for k, v in described.items() if v not in (None, "", {}, [])}, indent=1, ensure_ascii=False)
    return text + "\n"


def pack(spec: ModelSpec, weights: Path, archive: Path, others: Iterable[Path] = ()) -> None:
    """Write `model.tar.gz`: model.json and workflow.json of `spec`, `weights` as model.safetensors, and other files."""
    files = {file.name: file for file in others}
    description = weights.with_name(DESCRIPTION)
    description.write_text(describe(spec, checksum(weights)), encoding="utf-8")
    if spec.workflow:
        files[WORKFLOW] = weights.with_name(WORKFLOW)
        files[WORKFLOW].write_text(spec.workflow, encoding="utf-8")
    tar.pack({DESCRIPTION: description, **files, WEIGHTS: weights}, archive)
