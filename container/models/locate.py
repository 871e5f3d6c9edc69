"""Which model to serve, out of the settings and of what lies in the model folder."""

from pathlib import Path

from container.errors import ModelError
from container.models import artifact
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
        return ModelSpec(model, model, artifact.weights_in(folder), labels)
    return ModelSpec(model, model, weights_source(weights), labels)


def weights_source(text: str) -> Path | str:
    """What an operator calls weights: a file where it looks like one, else the name of torchvision's weights."""
    return Path(text) if Path(text).suffix in WEIGHTS_TYPES or "/" in text else text


def _found(folder: Path) -> Path:
    """What lies in the model folder: an unpacked artifact, an archive, or nothing."""
    files = _files(folder)
    if not files:
        return EMBEDDED
    archives = [file for file in files if file.name.endswith(".tar.gz")]
    return archives[0] if len(archives) == 1 and folder / "model.json" not in files else folder


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if not p.name.startswith(".")) if folder.is_dir() else []
