"""A model as files: a folder, or a model.tar.gz of it, with model.json and the weights.

model.json: {"architecture": str, "labels": [str], "weights": file name, "name": str, "parameters": {…}, "options": {…},
"batch_norm_eps": number}; only `architecture` is required. The weights are `model.safetensors` or the only weights file
that lies there. An archive is never trusted: see `_unpack`.
"""

import gzip
import json
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from pathlib import Path, PurePosixPath
from typing import Any

from container.errors import ModelError
from container.structures import WEIGHTS_TYPES, ModelSpec, Options
from container.structures.option_values import CHECKS, checked

DESCRIPTION = "model.json"
WEIGHTS = "model.safetensors"
MAX_FILES = 100
MAX_BYTES = 20 * 1024**3
_KEYS = ("architecture", "labels", "weights", "name", "parameters", "options", "batch_norm_eps")


def read(path: Path, scratch: Path) -> ModelSpec:
    """The spec of the model in a folder or in a .tar.gz, which is unpacked into the empty folder `scratch`."""
    check(path)
    if path.is_dir():
        return _read_folder(path, path.name)
    _unpack(path, scratch)
    return _read_folder(scratch, path.name.removesuffix(".tar.gz"))


@contextmanager
def opened(source: Path | ModelSpec) -> Iterator[ModelSpec]:
    """The spec of a folder, an archive or a spec itself; what an archive holds is there until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="maskserve-") as scratch:
        yield source if isinstance(source, ModelSpec) else read(source, Path(scratch))


def check(path: Path) -> None:
    """ModelError where it is plain without unpacking or torch that `path` is no model."""
    if path.is_dir():
        _read_folder(path, path.name)
    elif not path.is_file():
        raise ModelError(f"model {path.name!r}: no such file or folder")


def _read_folder(folder: Path, name: str) -> ModelSpec:
    try:
        described = json.loads((folder / "model.json").read_bytes())
    except FileNotFoundError:
        raise ModelError(
            f"{folder.name!r} holds no model.json; make a model.tar.gz with `python -m container pack`, "
            "or name the architecture"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"model.json of {name!r} is not readable JSON") from error
    if not isinstance(described, dict) or not isinstance(described.get("architecture"), str):
        raise ModelError(f"model.json of {name!r} must be an object with a string `architecture`")
    if unknown := sorted(set(described) - set(_KEYS)):
        raise ModelError(f"model.json of {name!r} has unknown keys {unknown}; known: {', '.join(_KEYS)}")
    return ModelSpec(
        name=_typed(described, "name", str, name),
        architecture=described["architecture"],
        weights=weights_in(folder, _typed(described, "weights", str, "")),
        labels=tuple(str(label) for label in _typed(described, "labels", list, [])),
        parameters=_typed(described, "parameters", dict, {}),
        options=_options(_typed(described, "options", dict, {})),
        batch_norm_eps=_typed(described, "batch_norm_eps", (int, float), None),
    )


def with_options(spec: ModelSpec, values: Mapping[str, Any]) -> ModelSpec:
    """`spec` with default options by name; ModelError lists the names there are."""
    return replace(spec, options=_options(values))


def _typed(described: Mapping[str, Any], key: str, kind: Any, default: Any) -> Any:
    value = described.get(key, default)
    if value is not default and not isinstance(value, kind):
        raise ModelError(f"`{key}` in model.json has the wrong type")
    return value


def _options(values: Mapping[str, Any]) -> Options:
    known = [f.name for f in fields(Options) if f.name in CHECKS]
    if unknown := sorted(set(values) - set(known)):
        raise ModelError(f"`options` in model.json has unknown keys {unknown}; known: {', '.join(known)}")
    try:
        return Options(**checked(values))
    except ValueError as error:
        raise ModelError(f"`options` in model.json: {error}") from None


def weights_in(folder: Path, name: str = "") -> Path:
    """The weights file called `name` in `folder`, or the only one there; ModelError where there is none or several."""
    if name:
        if PurePosixPath(name).name != name or not (folder / name).is_file():
            raise ModelError(f"`weights` in model.json is {name!r}, and there is no such file beside it")
        return folder / name
    found = sorted(p for p in folder.iterdir() if p.suffix in WEIGHTS_TYPES and p.is_file()) if folder.is_dir() else []
    if len(found) == 1:
        return found[0]
    if folder / "model.safetensors" in found:
        return folder / "model.safetensors"
    names = ", ".join(p.name for p in found) or "none"
    raise ModelError(f"one weights file ({', '.join(WEIGHTS_TYPES)}) is needed in {folder.name!r}, found: {names}")


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack plain files and folders only, within `folder`, within the limits; anything else refuses the archive.

    One pass: each member is checked and written as it comes, and the rest is read to see that the checksum is right.
    """
    count = total = 0
    try:
        with gzip.open(archive) as unzipped, tarfile.open(fileobj=unzipped, mode="r|") as tar:
            for member in tar:
                total += member.size
                _check_member(member, count, total)
                tar.extract(member, folder, filter="data")
                count += 1
            while padding := unzipped.read(1 << 20):
                if padding.strip(b"\0"):
                    raise ModelError(f"{archive.name!r} goes on after its end")
    except (OSError, EOFError, tarfile.TarError, ValueError, zlib.error) as error:
        raise ModelError(f"{archive.name!r} is not a whole .tar.gz of a model") from error


def _check_member(member: tarfile.TarInfo, count: int, total: int) -> None:
    parts = PurePosixPath(member.name).parts
    if not (member.isreg() or member.isdir()) or member.sparse is not None:
        raise ModelError(
            "the model archive holds a link, a device or a sparse file; only files and folders are allowed"
        )
    if member.name.startswith("/") or ".." in parts or not member.name.isprintable():
        raise ModelError("the model archive holds a path that leads out of it")
    if count >= MAX_FILES or total > MAX_BYTES:
        raise ModelError(f"the model archive is over {MAX_FILES} files or {MAX_BYTES // 1024**3} GB")


def describe(spec: ModelSpec) -> str:
    """The text of model.json for a model whose weights lie beside it as model.safetensors."""
    defaults = Options()
    described = {
        "name": spec.name,
        "architecture": spec.architecture,
        "weights": WEIGHTS,
        "labels": list(spec.labels),
        "parameters": dict(spec.parameters),
        "options": {k: v for k, v in asdict(spec.options).items() if v != getattr(defaults, k)},
        "batch_norm_eps": spec.batch_norm_eps,
    }
    text = json.dumps({k: v for k, v in described.items() if v not in (None, {}, [])}, indent=1, ensure_ascii=False)
    return text + "\n"


def pack(spec: ModelSpec, weights: Path, archive: Path) -> None:
    """Write `model.tar.gz`: model.json out of `spec`, and the file `weights` as model.safetensors."""
    description = weights.with_name(DESCRIPTION)
    description.write_text(describe(spec), encoding="utf-8")
    with tarfile.open(
        archive, "w:gz", compresslevel=1
    ) as tar:  # weights hardly compress; a higher level only takes longer
        for name, path in ((DESCRIPTION, description), (WEIGHTS, weights)):
            tar.add(path, name, filter=_plain)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """The same file for everybody: no owner, no time, readable by any uid."""
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    member.mode = 0o644
    return member
