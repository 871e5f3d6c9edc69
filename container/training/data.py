"""Where training data lies: one folder in COCO's format or of label maps, or a folder of such folders."""

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from container import cores
from container.datasets import annotation_files, coco, label_maps
from container.datasets.base import Dataset, Photo, Split
from container.errors import DataError
from container.files import made_by_macos
from container.training import pixels


def read(
    channel: Path,
    labels: Sequence[str] = (),
    *,
    annotations: Sequence[str] = (),
    split: Split = "train",
    strict: bool = False,
) -> dict[str, Dataset]:
    """Folder name → its photos; DataError where there are none, or a label has no object at all.

    Args:
        labels: to keep; empty keeps all.
        annotations: names of the JSON files to read; empty reads those that describe photos.
        split: of several folders, or JSON files of one, that are named after splits, the one to read.
        strict: let the first photo or annotation that is broken end it.
    """
    if not channel.is_dir():
        raise DataError(f"{channel}: no such folder; it has to hold photos and a JSON file in COCO's format")
    inside = [p for p in sorted(channel.iterdir()) if p.is_dir() and p.name.lower() != "annotations"]
    own, inside = ([p for p in places if _described(p)] for places in ([channel], inside))
    if not own and not inside:
        raise DataError(f"{channel}: neither it nor a folder in it holds a JSON file in COCO's format, or label maps")
    _check_names(annotations, channel, own + inside)
    if annotations:
        own, inside = ([p for p in places if _named(p, annotations)] for places in (own, inside))
    decisions = []
    try:
        datasets = [_read_folder(folder, labels, annotations, split, strict) for folder in own]
    except coco.Undescribed as error:
        if not inside:
            raise
        datasets, decisions = [], [f"passed over: {error}"]
    if not datasets:
        splits = {p: annotation_files.split_of(p.name) if p.name.isalnum() else None for p in inside}
        chosen = annotation_files.of_split(splits, split)
        datasets = [_read_folder(folder, labels, annotations, split, strict) for folder in chosen]
        if left := [p.name for p in inside if p not in chosen]:
            decisions.append(f"passed over, of another split than {split}: the folders {', '.join(left)}")
    datasets[0].account.decisions[:0] = decisions
    data = {dataset.name: dataset for dataset in datasets}
    _check_objects(channel, data, labels)
    return data


def _check_objects(channel: Path, data: Mapping[str, Dataset], labels: Sequence[str]) -> None:
    """DataError where there is no object, or none of a label, with what was passed over as the likely cause."""
    reasons = "; ".join(dataset.account.reasons for dataset in data.values() if dataset.account.reasons)
    passed = f"; passed over: {reasons}" if reasons else ""
    if missing := [label for label in labels if not counts(data)[label]]:
        raise DataError(f"{channel}: no object is labelled {', '.join(missing)}{passed}")
    if not sum(counts(data).values()):
        raise DataError(f"{channel}: no photo has an object{passed}")


def _read_folder(
    folder: Path, labels: Sequence[str], annotations: Sequence[str], split: Split, strict: bool
) -> Dataset:
    """The photos of one folder that can be read and are of the size that their labels are made for."""
    if label_maps.describes(folder):
        dataset = label_maps.read(folder, labels, strict=strict)
    else:
        dataset = coco.read(folder, labels, files=annotations, split=split, strict=strict)
    # 0.3 ms a photo where files are in memory, in one thread or in several; elsewhere waiting takes most of the time.
    with ThreadPoolExecutor(cores.count()) as pool:
        checked = list(pool.map(_checked, dataset.photos))
    account = dataset.account
    lost = len(account.losses.get("photos", ()))
    usable = []
    for photo, outcome in zip(dataset.photos, checked, strict=True):
        if isinstance(outcome, DataError):
            account.lose("photos", str(outcome))
            continue
        if outcome:
            account.note("photos that EXIF turns, and whose labels are turned with them", photo.path.name)
        usable.append(photo)
    account.judge("photos", lost + len(checked))
    return replace(dataset, photos=tuple(usable))


def _checked(photo: Photo) -> bool | DataError:
    try:
        return pixels.check(photo)
    except DataError as error:
        return error


def _check_names(names: Sequence[str], channel: Path, folders: Sequence[Path]) -> None:
    """DataError for a name that no JSON file in the folders has."""
    there = [path for folder in folders for path in annotation_files.find(folder)]
    for name in names:
        if not annotation_files.named(there, [name]):
            found = ", ".join(path.relative_to(channel).as_posix() for path in there)
            raise DataError(f"{channel}: annotations: no JSON file {name}; there are {found or 'none'}")


def _named(folder: Path, names: Sequence[str]) -> bool:
    return bool(annotation_files.named(annotation_files.find(folder), names))


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


def remarks(data: Mapping[str, Dataset]) -> list[str]:
    """What there is to say of folders in which something was chosen, passed over or broken."""
    told = [dataset for dataset in data.values() if dataset.account.lines()]
    return [line for dataset in told for line in (f"data {dataset.name}:", *dataset.summary())]


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
    return not made_by_macos(folder.name) and (label_maps.describes(folder) or bool(annotation_files.find(folder)))
