"""Model artifacts: a folder with model.json and the weights, or with all files that its kind takes, or a .tar.gz of it.

model.json: {"architecture": str, "labels": [str], "weights": file name, "sha256": of the weights, "name": str,
"parameters": {…}, "options": {…}, "activation": "sigmoid", "preprocessing": {…}, "batch_norm_eps": number}; only
`architecture` is required. A folder without it is a model where an architecture recognises it. Beside it may lie
workflow.json, which invocations run: it is handed up as text, since what it may say is known above.
The weights are `model.safetensors` or the only weights file in the folder. Neither is trusted: see also `archive`.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from container.engines.base import check_published, recognised, takes_folder
from container.errors import ModelError
from container.files import checksum, made_by_macos
from container.models import archive as tar
from container.models.archive import scratch_folder
from container.structures import (
    PART_FOLDERS,
    WEIGHTS_TYPES,
    ModelSpec,
    Options,
    Preprocessing,
    is_part,
    is_weights,
    preprocessing,
)
from container.structures.options import checked, declared

DESCRIPTION = "model.json"
WORKFLOW = "workflow.json"
WEIGHTS = "model.safetensors"
MAX_DESCRIPTION = 1 << 20  # bytes of model.json, and of workflow.json
MAX_NAME = 1000  # characters of the name of a model or of a class
_NOT_WEIGHTS = re.compile(r"(?:optimizer|scheduler|scaler|rng_state|training_args)(?![a-z])", re.IGNORECASE)
_KEYS = (
    *("architecture", "labels", "weights", "sha256", "name", "parameters", "options", "activation", "preprocessing"),
    "batch_norm_eps",
)

Accept = Callable[[ModelSpec], None]  # raises ModelError for a model that is not to be served


def read(path: Path, empty: Path) -> ModelSpec:
    """Read the spec of a model from a folder, or from a .tar.gz, which is unpacked into the folder `empty`.

    If model.json has a checksum, the weights are verified against it: 0.11 s for 170 MB.
    """
    folder, name = entered(path), path.name
    if not path.is_dir():
        _check_file(path)
        folder, name = _unpacked(path, empty), path.name.removesuffix(".tar.gz")
    described = _description(folder, name)
    if not path.is_dir():
        _unpack_rest(path, empty, folder, described)
    spec = _spec(described, folder, name)
    if spec.bytes > tar.MAX_BYTES:  # reading a sparse file of 1 TB takes an hour
        raise ModelError(f"the weights of {name!r} are over {tar.MAX_BYTES >> 30} GB")
    if expected := _typed(described, "sha256", str, ""):
        _check_sum(Path(spec.weights), expected, name)
    return spec


def _unpacked(path: Path, empty: Path) -> Path:
    """Unpack model.json, workflow.json and the weights into `empty`; return the folder that they are in.

    An archive with neither at its top is read a second time for the folder that holds them, and one without model.json
    once more for the files by which its architecture may be recognised.
    """
    files = tar.unpack(path, empty, lambda file: len(file.parts) == 1 and _is_read(file.name))
    inner = PurePosixPath()
    if not any(map(_of_one_file, files)):
        found = _around(files, path.name)
        if found is None:
            return empty
        inner = found
        tar.unpack(path, empty, lambda file: inner == file.parent and _is_read(file.name))
    if inner / DESCRIPTION not in files:
        tar.unpack(path, empty, lambda file: inner == file.parent and file.suffix == ".json" and file.name != WORKFLOW)
    return empty / inner


def _around(files: Iterable[PurePosixPath], name: str) -> PurePosixPath | None:
    """Return the only folder that holds a model.json, or without any the only one that holds weights; None.

    ModelError if a workflow.json lies outside of it, at the top.
    """
    described = {file.parent for file in files if file.name == DESCRIPTION}
    found = _only(described or {file.parent for file in files if _is_part(file.name)}, name)
    if found is not None and PurePosixPath(WORKFLOW) in files:
        raise ModelError(f"{WORKFLOW} of {name!r} lies at the top, and the model in {str(found)!r}: put it there, too")
    return found


def _unpack_rest(path: Path, empty: Path, folder: Path, described: Mapping[str, Any]) -> None:
    """Unpack what model.json asks for besides: all files of a kind that takes a folder, or weights of any ending."""
    weights = folder / _typed(described, "weights", str, "")
    if takes_folder(described["architecture"]):
        tar.unpack(path, empty, lambda file: folder in (empty / file).parents and not (empty / file).exists())
    elif weights.parent == folder and not os.path.lexists(weights):
        tar.unpack(path, empty, lambda file: empty / file == weights)


def is_model(folder: Path) -> bool:
    """Return True if model.json or weights lie at the top of a folder, or a folder that only models have; OSError."""
    return any(map(_is_part, os.listdir(folder))) or any((folder / one).is_dir() for one in PART_FOLDERS)


def entered(folder: Path) -> Path:
    """Return the folder of a model: `folder`, or if that holds none the only one below it that does.

    ModelError names several.
    """
    if not folder.is_dir() or is_model(folder):
        return folder
    files = [PurePosixPath(file.relative_to(folder)) for file in folder.rglob("*")]
    around = _around([file for file in files if not any(map(made_by_macos, file.parts))], folder.name)
    return folder / around if around is not None else folder


def _only(folders: set[PurePosixPath], name: str) -> PurePosixPath | None:
    """Return the only folder that holds a model, or None; code/ is SageMaker's folder for programs."""
    around = sorted(one for one in folders if one.parts[:1] != ("code",))
    if len(around) > 1:
        raise ModelError(f"{name!r} holds several models ({', '.join(map(str, around[:3]))}): name the folder of one")
    return around[0] if around else None


def _check_sum(weights: Path, expected: str, name: str) -> None:
    if weights.is_dir():
        raise ModelError(f"`sha256` in model.json of {name!r} is of one weights file, and this model is a folder")
    if expected != checksum(weights):
        raise ModelError(f"the weights of {name!r} are not those that were packed: their SHA-256 is another")


@contextmanager
def opened(source: Path | ModelSpec) -> Iterator[ModelSpec]:
    """Yield the spec of a folder, of an archive, or the given one; unpacked files exist until the end of the block."""
    with scratch_folder() as empty:
        yield source if isinstance(source, ModelSpec) else read(source, empty)


def check(source: Path | ModelSpec, accept: Accept = lambda spec: None) -> None:
    """Raise ModelError if `source` is not a model that `accept` takes, as far as is known without unpacking it."""
    if isinstance(source, ModelSpec):
        check_published(source)
        return check_weights(source)
    try:
        if source.is_dir():
            os.scandir(source).close()  # `rglob` passes over what it may not read
            folder = entered(source)
            spec = _spec(_description(folder, source.name), folder, source.name)
            check_weights(spec)
            accept(spec)
        else:
            _check_file(source)
    except OSError as error:
        raise ModelError(f"model {(source.name or str(source))[:100]!r} cannot be read: {error.strerror}") from None


def check_weights(spec: ModelSpec) -> None:
    """Raise ModelError if the weights are a file that is not there or cannot be read."""
    if isinstance(spec.weights, Path) and not spec.weights.is_dir():
        try:
            spec.weights.open("rb").close()
        except OSError as error:
            raise ModelError(f"weights {spec.weights.name[:100]!r} cannot be read: {error.strerror}") from None


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise ModelError(f"model {path.name!r}: no such file or folder")
    if is_weights(path.name):
        raise ModelError(
            f"{path.name!r} is a weights file: name its architecture as the model, and it as the weights, "
            f"--model ARCHITECTURE --weights {path.name}; `python -m container models` lists the architectures"
        )
    with path.open("rb") as file:
        if file.read(2) != b"\x1f\x8b":  # gzip's
            raise ModelError(
                f"{path.name!r} is not a whole .tar.gz of a model; a model is a folder, an archive of `python -m "
                "container pack`, or an architecture with --weights"
            )


def _of_one_file(file: PurePosixPath) -> bool:
    """Return True for model.json and weights at the top of an archive."""
    return len(file.parts) == 1 and _is_part(file.name)


def _is_read(name: str) -> bool:
    return name == WORKFLOW or _is_part(name)


def _is_part(name: str) -> bool:
    return name == DESCRIPTION or is_part(name) and not made_by_macos(name)


def _description(folder: Path, name: str) -> Mapping[str, Any]:
    """Return the content of model.json, with only known keys."""
    file = folder / DESCRIPTION
    if not file.exists():
        if is_model(folder) and (architecture := recognised(folder)):  # only asked now, because it imports torch
            return {"architecture": architecture}
        raise ModelError(
            f"{name!r} holds no model.json; make a model.tar.gz with `python -m container pack`, "
            "or name the architecture"
        )
    try:
        if not file.is_file() or file.stat().st_size > MAX_DESCRIPTION:
            raise ValueError(f"not a file of at most {MAX_DESCRIPTION} bytes")
        described = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"model.json of {name!r} is not readable JSON") from error
    if not isinstance(described, dict) or not isinstance(described.get("architecture"), str):
        raise ModelError(f"model.json of {name!r} must be an object with a string `architecture`")
    if unknown := sorted(set(described) - set(_KEYS)):
        raise ModelError(f"model.json of {name!r} has unknown keys {unknown}; known: {', '.join(_KEYS)}")
    return described


def _spec(described: Mapping[str, Any], folder: Path, name: str) -> ModelSpec:
    epsilon = _typed(described, "batch_norm_eps", (int, float), None)
    if epsilon is not None and not 0 <= epsilon <= 1:  # Python's JSON parser accepts NaN and Infinity
        raise ModelError(f"`batch_norm_eps` in model.json is {epsilon}; it takes a number from 0 to 1")
    return ModelSpec(
        name=_name("name", _typed(described, "name", str, name)),
        architecture=described["architecture"],
        weights=_weights(described, folder, name),
        labels=tuple(_name("labels", label) for label in _typed(described, "labels", list, [])),
        parameters=_typed(described, "parameters", dict, {}),
        options=_options(_typed(described, "options", dict, {})),
        activation=_activation(_typed(described, "activation", str, "")),
        preprocessing=_preprocessing(_typed(described, "preprocessing", dict, {})),
        batch_norm_eps=epsilon,
        workflow=_workflow(folder, name),
    )


def _workflow(folder: Path, name: str) -> str:
    """Return the text of workflow.json, "" if there is none."""
    file = folder / WORKFLOW
    if not os.path.lexists(file):
        return ""
    try:
        return workflow_in(file)
    except ValueError as error:
        raise ModelError(f"{WORKFLOW} of {name!r}: {error}") from None


def workflow_in(file: Path) -> str:
    """Return the text of a workflow, whatever it says; ValueError for what is no file or no text, or is too large."""
    try:
        text = file.read_text("utf-8-sig") if file.is_file() and file.stat().st_size <= MAX_DESCRIPTION else ""
    except (OSError, ValueError):
        text = ""
    if not text.strip():
        raise ValueError(f"it is no readable text of at most {MAX_DESCRIPTION} bytes")
    return text


def _activation(value: str) -> str:
    if value not in ("", "sigmoid"):
        raise ModelError(f"`activation` in model.json is {value[:60]!r}; it takes sigmoid, or is left out")
    return value


def _weights(described: Mapping[str, Any], folder: Path, name: str) -> Path:
    """Return the weights file, or `folder` itself where there is none and the architecture takes a folder."""
    try:
        return weights_in(folder, name, _typed(described, "weights", str, ""))
    except ModelError:
        if takes_folder(described["architecture"]):  # only asked now, because it imports torch
            return folder
        raise


def _name(key: str, value: object) -> str:
    """Return the name of a model or a class for responses, images and metrics; lone surrogates are replaced."""
    text = str(value)
    if len(text) > MAX_NAME:
        raise ModelError(f"`{key}` in model.json holds a name of {len(text)} characters; it takes at most {MAX_NAME}")
    return text.encode(errors="replace").decode()


def with_options(spec: ModelSpec, values: Mapping[str, Any]) -> ModelSpec:
    """Return `spec` with default options set by name; ModelError lists the known names."""
    return replace(spec, options=_options(values))


def with_preprocessing(spec: ModelSpec, values: Mapping[str, Any]) -> ModelSpec:
    """Return `spec` with the steps of `preprocessing` in model.json; ModelError lists the known names."""
    return replace(spec, preprocessing=_preprocessing(values))


def _preprocessing(values: Mapping[str, Any]) -> Preprocessing:
    try:
        return preprocessing.read(values)
    except ValueError as error:
        raise ModelError(f"`preprocessing` in model.json: {error}") from None


def _typed(described: Mapping[str, Any], key: str, kind: Any, default: Any) -> Any:
    value = described.get(key, default)
    if value is not default and not isinstance(value, kind):
        raise ModelError(f"`{key}` in model.json has the wrong type")
    return value


def _options(values: Mapping[str, Any]) -> Options:
    known = declared(Options)
    if unknown := sorted(set(values) - set(known)):
        raise ModelError(f"`options` in model.json has unknown keys {unknown}; known: {', '.join(known)}")
    try:
        return Options(**checked(Options, values))
    except ValueError as error:
        raise ModelError(f"`options` in model.json: {error}") from None


def weights_in(folder: Path, model: str, name: str = "") -> Path:
    """Return the weights file `name` in `folder`, or the only one there; ModelError if there is none or several.

    `model` names the folder in errors, because it may be a temporary one.
    """
    if name:
        # Path.is_file raises for a name that is too long.
        if PurePosixPath(name).name != name or not os.path.isfile(folder / name):
            raise ModelError(f"`weights` in model.json is {name!r}, and there is no such file beside it")
        return folder / name
    files = sorted(p for p in folder.iterdir() if not made_by_macos(p.name)) if folder.is_dir() else []
    found = [p for p in files if is_weights(p.name) and p.is_file()]
    # Other files end in .bin and .ckpt, too; and trainers keep an optimizer's state beside the weights.
    found = [p for p in found if p.name.lower().endswith(WEIGHTS_TYPES[:3])] or found
    found = [p for p in found if not _NOT_WEIGHTS.match(p.name)] or found
    if len(found) == 1:
        return found[0]
    if folder / WEIGHTS in found:
        return folder / WEIGHTS
    names = ", ".join(p.name for p in found) or f"none among {', '.join(p.name for p in files[:5]) or 'no files'}"
    raise ModelError(f"one weights file ({', '.join(WEIGHTS_TYPES)}) is needed in {model!r}, found: {names}")
