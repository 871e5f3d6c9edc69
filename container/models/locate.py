"""Where a model lies, out of the settings, of what is in the model folder, or of what a client says."""

from pathlib import Path

from container.errors import BadLocation, ModelError
from container.models import artifact
from container.models.archive import made_by_macos
from container.structures import WEIGHTS_TYPES, ModelSpec

EMBEDDED = Path(__file__).parent / "embedded"
DEFAULT = "default"  # the name of the embedded model


def locate(model: str, weights: str, labels: tuple[str, ...], folder: Path) -> Path | ModelSpec:
    """The model to serve, as a folder or archive for `artifact.read`, or as a spec; ModelError says what is missing.

    Args:
        model: `default`, a folder, a .tar.gz, or an architecture's name; empty means what lies in `folder`, and where
            that is empty too, the embedded model.
        weights: for an architecture, a weights file or the name of torchvision's weights; empty: the one in `folder`.
        labels: for an architecture with a weights file, the class names; empty means those of torchvision's weights.
        folder: SageMaker's model folder, /opt/ml/model.
    """
    if model == DEFAULT:
        return EMBEDDED
    if not model:
        return _found(folder)
    path = Path(model)
    if path.exists() or "/" in model or model.endswith(".gz"):
        return path
    if not weights:
        if not _files(folder):
            raise ModelError(
                f"architecture {model!r} needs weights: name them (a file, or such as COCO_V1), "
                f"or put a weights file into {folder}"
            )
        return ModelSpec(model, model, artifact.weights_in(folder, folder.name), labels)
    return ModelSpec(model, model, weights_source(weights), labels)


def weights_source(text: str) -> Path | str:
    """What an operator calls weights: a file where it looks like one, else the name of torchvision's weights."""
    return Path(text) if Path(text).suffix in WEIGHTS_TYPES or "/" in text else text


def _found(folder: Path) -> Path:
    """What lies in the model folder: an unpacked artifact, an archive, or nothing."""
    return inside(folder) if _files(folder) else EMBEDDED


def inside(folder: Path) -> Path:
    """The only archive in a folder that is not itself an unpacked model, else the folder."""
    files = _files(folder)
    archives = [file for file in files if file.name.endswith(".tar.gz")]
    return archives[0] if len(archives) == 1 and folder / "model.json" not in files else folder


def below(root: Path, path: str) -> Path:
    """The folder or archive at an absolute path, for `artifact.read`; BadLocation where it, or a file of it, is not in
    `root`, as the kernel sees it with all links followed.
    """
    root = root.resolve()
    try:
        place = Path(path).resolve()
        if path.startswith("/") and ".." not in Path(path).parts and root in place.parents:
            found = inside(place)
            if found.is_file() and found.name.endswith(".tar.gz") or found.is_dir():
                links = [file for file in (found, *_entries(found)) if file.is_symlink()]
                if all(root in file.resolve().parents for file in links):
                    return found
    except (OSError, ValueError, RuntimeError):  # too long, not readable, with a NUL, links in a circle
        pass
    raise BadLocation("there is no model: it takes the path of a folder or a .tar.gz below the folder for models")


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in _entries(folder) if not p.name.startswith(".") and not made_by_macos(p.name))


def _entries(folder: Path) -> list[Path]:
    """Hidden ones too, which model.json may name."""
    return list(folder.iterdir()) if folder.is_dir() else []
