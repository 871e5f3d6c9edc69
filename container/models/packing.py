"""Model artifacts are written: model.json, the workflow and the weights, as `artifact` reads them."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from container.files import checksum, made_by_macos
from container.models import archive as tar
from container.models.artifact import DESCRIPTION, WEIGHTS, WORKFLOW
from container.structures import ModelSpec, Options


def describe(spec: ModelSpec, sha256: str = "", weights: str = WEIGHTS) -> str:
    """Return the text of model.json for a model with a file of weights beside it, "" for none, and their SHA-256."""
    defaults = Options()
    described = {
        "name": spec.name,
        "architecture": spec.architecture,
        "weights": weights,
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
    described = _written(spec, describe(spec, checksum(weights)), weights.parent)
    tar.pack({**described, **{file.name: file for file in others}, WEIGHTS: weights}, archive)


def pack_folder(spec: ModelSpec, folder: Path, archive: Path, scratch: Path) -> None:
    """Write `model.tar.gz`: model.json and workflow.json of `spec`, which are made in `scratch`, and a folder's files.

    Hidden files are left out, and files are packed where there are links to them.
    """
    files = {}
    for file in sorted(folder.rglob("*")):
        parts = file.relative_to(folder).parts
        if file.is_file() and not any(part.startswith(".") or made_by_macos(part) for part in parts):
            files["/".join(parts)] = file.resolve()
    described = _written(spec, describe(spec, weights=""), scratch)
    tar.pack({**described, **files, **described}, archive)


def _written(spec: ModelSpec, description: str, folder: Path) -> dict[str, Path]:
    """Write model.json, and workflow.json if there is one, into a folder; return them by name."""
    texts = {DESCRIPTION: description} | ({WORKFLOW: spec.workflow} if spec.workflow else {})
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return {name: folder / name for name in texts}
