"""Where training data lies: one folder in COCO's format or of label maps, or a folder of such folders."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from container.datasets import coco, label_maps
from container.datasets.coco import Dataset
from container.errors import DataError
from container.training import pixels


def read(channel: Path, labels: Sequence[str] = ()) -> dict[str, Dataset]:
    """Folder name → its photos; DataError where there are none, or a label has no object at all.

    Args:
        labels: to keep; empty keeps all.
    """
    if not channel.is_dir():
        raise DataError(f"{channel}: no such folder; it has to hold photos and a JSON file in COCO's format")
    folders = [channel] if _described(channel) else sorted(p for p in channel.iterdir() if p.is_dir() and _described(p))
    if not folders:
        raise DataError(f"{channel}: neither it nor a folder in it holds a JSON file in COCO's format, or label maps")
    data = {
        folder.name: (label_maps if label_maps.describes(folder) else coco).read(folder, labels) for folder in folders
    }
    missing = [label for label in labels if not counts(data)[label]]
    if missing:
        raise DataError(f"{channel}: no object is labelled {', '.join(missing)}")
    if not sum(counts(data).values()):
        raise DataError(f"{channel}: no photo has an object")
    for dataset in data.values():
        for photo in dataset.photos:
            pixels.check(photo)
    return data


def joined(data: Mapping[str, Dataset]) -> Dataset:
    """The photos of all folders as one."""
    labels = dict.fromkeys(label for dataset in data.values() for label in dataset.labels)
    return Dataset(", ".join(data), tuple(p for dataset in data.values() for p in dataset.photos), tuple(labels))


def counts(data: Mapping[str, Dataset]) -> Counter[str]:
    """Objects by label."""
    return Counter(a.label for dataset in data.values() for photo in dataset.photos for a in photo.objects)


def present(data: Mapping[str, Dataset]) -> tuple[str, ...]:
    """Labels with at least one object, in the order of the files."""
    found = counts(data)
    return tuple(dict.fromkeys(label for dataset in data.values() for label in dataset.labels if found[label]))


def shares(asked: Sequence[str], data: Mapping[str, Dataset]) -> dict[str, float]:
    """The hyperparameter `shares` as numbers; DataError for unknown folders, what is no number, and zeros alone."""
    given: dict[str, float] = {}
    for part in asked:
        name, _, number = part.partition("=")
        try:
            given[name] = float(number)
        except ValueError:
            given[name] = -1.0
        if name not in data or not 0 <= given[name] < float("inf"):
            raise DataError(f"hyperparameter shares: {part!r}; it takes FOLDER=NUMBER with one of {', '.join(data)}")
    if all(given.get(name, 1.0) == 0 for name in data):
        raise DataError(f"hyperparameter shares: nothing is left to train on; the folders are {', '.join(data)}")
    return given


def _described(folder: Path) -> bool:
    return label_maps.describes(folder) or any(folder.glob("*.json")) or any(folder.glob("annotations/*.json"))
