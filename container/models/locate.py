"""The location of a model, from the settings, the model folder or a client's request."""

from pathlib import Path

from container.engines.base import find
from container.errors import BadLocation, ModelError
from container.files import made_by_macos
from container.models import artifact, loading
from container.structures import ModelSpec, is_weights

EMBEDDED = Path(__file__).parent / "embedded"
DEFAULT = "default"  # the name of the embedded model
PACKAGED = {"ocr/pp-ocr": ModelSpec("ocr/pp-ocr", "pp_ocr", "PP-OCRv6")}  # models that installed packages carry, by id
READER = "ocr"  # the name of the one that reads text


def locate(model: str, weights: str, labels: tuple[str, ...], folder: Path) -> Path | ModelSpec:
    """Return the model to serve: a folder or archive for `artifact.read`, or a spec; ModelError if weights are missing.

    Args:
        model: `default`, `ocr` or another of PACKAGED, a folder, a .tar.gz, or an architecture's name; empty means the
            model in `folder`, or the embedded model if that is empty too.
        weights: for an architecture, a weights file or the name of torchvision's weights; empty: the one in `folder`.
        labels: for an architecture with a weights file, the class names; empty means those of torchvision's weights.
        folder: SageMaker's model folder, /opt/ml/model.
    """
    path = Path(model)
    packaged = None if path.exists() else PACKAGED.get("ocr/pp-ocr" if model == READER else model)
    described = path.exists() or "/" in model or model.endswith(".gz") or is_weights(model)
    if (weights or labels) and (described or packaged or model in ("", DEFAULT)):
        raise ModelError(
            f"{f'weights {weights!r}' if weights else 'labels'} go with an architecture, and the model is "
            f"{model or 'not named'}: name one by --model; `python -m container models` lists them"
        )
    if model == DEFAULT:
        return EMBEDDED
    if packaged:
        return packaged
    if not model:
        return _found(folder)
    if described:
        return path
    loading.import_torch()
    try:
        find(model)
    except ModelError as error:
        raise ModelError(f"model {model!r} is no file or folder here: {error}") from None
    if not weights:
        if not _files(folder):
            raise ModelError(
                f"architecture {model!r} needs weights: name them (a file, or such as COCO_V1), "
                f"or put a weights file into {folder}"
            )
        return ModelSpec(model, model, artifact.weights_in(artifact.entered(folder), folder.name), labels)
    return ModelSpec(model, model, weights_source(weights), labels)


def weights_source(text: str) -> Path | str:
    """Parse an operator's `weights`: a path if it looks like one, else the name of torchvision's weights."""
    return Path(text) if "/" in text or "." in text else text


def _found(folder: Path) -> Path:
    """Return the unpacked artifact or the archive in the model folder; the embedded model if it is empty."""
    return inside(folder) if _files(folder) else EMBEDDED


def inside(folder: Path) -> Path:
    """Return the only archive in a folder; the folder itself if it is an unpacked model or has no single archive."""
    files = _files(folder)
    archives = [file for file in files if file.name.endswith(".tar.gz")]
    return archives[0] if len(archives) == 1 and folder / "model.json" not in files else folder


def below(root: Path, path: str) -> Path:
    """Return the folder or archive at an absolute path, for `artifact.read`.

    Raises BadLocation if it, or a file in it, is not below `root` after resolving all links, as the kernel does.
    """
    root = root.resolve()
    try:
        place = Path(path).resolve()
        if path.startswith("/") and ".." not in Path(path).parts and root in place.parents:
            found = inside(place)
            if found.is_file() and found.name.endswith(".tar.gz") or found.is_dir():
                # In folders of folders, too, as a kind of model may take a whole folder.
                links = (file for file in (found, *found.rglob("*")) if file.is_symlink())
                if all(root in file.resolve().parents for file in links):
                    return found
    except (OSError, ValueError, RuntimeError):  # too long, not readable, with a NUL, a loop of links
        pass
    raise BadLocation("there is no model: it takes the path of a folder or a .tar.gz below the folder for models")


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in _entries(folder) if not p.name.startswith(".") and not made_by_macos(p.name))


def _entries(folder: Path) -> list[Path]:
    """List all files in a folder, including hidden ones, which model.json may name."""
    return list(folder.iterdir()) if folder.is_dir() else []
