"""A run out of the store as the report that a folder of photos gets: pycocotools' figures, and what was missed.

with store.read() as connection:
    dataset, run = chosen(connection, "streets", "My-CNN")
    stored = read(store, connection, dataset, run, last_config(connection, run))
    print(report(stored).table())
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from container.errors import DataError, NotFound
from container.evaluation.detection import DetectionReport, detection_report
from container.evaluation.photos import OF_REPORTS
from container.evaluation.report import Subject
from container.evaluation.sample import Sample, joined
from container.scoring.config import Config
from container.scoring.masks import read_blob
from container.scoring.objects import Object
from container.scoring.parts import Item, Part
from container.scoring.questions import counted
from container.scoring.reading import ITEMS, read_items
from container.store import annotations, datasets, evaluations, models, runs
from container.store.database import Connection
from container.store.datasets import Dataset
from container.store.evaluations import COMMIT, Selection
from container.store.runs import Run
from container.store.store import Store
from container.structures.masks import tight_box

IouType = Literal["bbox", "segm"]
KINDS: dict[IouType, tuple[str, ...]] = {"bbox": ("box",), "segm": ("polygon", "segmentation")}
LISTED = 5  # runs or datasets that an error names


@dataclass(frozen=True)
class Stored:
    """Truth and predictions of a run on a dataset, at one moment."""

    dataset: Dataset
    run: Run
    config: Config
    iou_type: IouType
    sample: Sample  # its labels begin with those that have objects
    boxes: np.ndarray  # float N×4 xyxy, of the truth
    sizes: np.ndarray  # int64 I×2, (height, width) of the images; where it is not known, what holds their objects
    errors: tuple[str, ...]  # what was left out, and why
    revisions: dict[str, int]  # of the dataset and the run, by their ids


def chosen(connection: Connection, dataset: str, run: str) -> tuple[Dataset, Run]:
    """Return a dataset by its id or its name, and a run on it by its id, or by the id or the reference of its model.

    DataError where there is none, or several.
    """
    one = find_dataset(connection, dataset)
    return one, find_run(connection, one, run)


def find_run(connection: Connection, dataset: Dataset, name: str) -> Run:
    """Return a run on a dataset by its id, or by the id or the reference of its model; DataError as `chosen`."""
    there = runs.of_dataset(connection, dataset.key)
    known = {one.key: one.reference_id for one in models.every(connection)}
    named = [one for one in there if one.id == name]
    named = named or [one for one in there if name in (one.model_id, known.get(one.model_key))]
    if len(named) == 1:
        return named[0]
    if named:
        raise DataError(f"{name} has {len(named)} runs on {dataset.name}; name one by its id: {_listed(named)}")
    raise DataError(f"{dataset.name} has no run {name}; it has {_listed(there) or 'none'}")


def last_config(connection: Connection, run: Run) -> Config:
    """Return the rules of a run's last commit; those of a commit without options where there is none."""
    commit = evaluations.last_commit(connection, run.key)
    return Config() if commit is None else Config.read(commit.config)


def read(
    store: Store,
    connection: Connection,
    dataset: Dataset,
    run: Run,
    config: Config,
    iou_type: IouType | None = None,
    progress: Callable[[int], object] = lambda items: None,
) -> Stored:
    """Read a run and the truth. Without `iou_type` it is boxes where the truth has some, else masks.

    DataError where there is no truth; BadRequest where the rules give an object two labels.

    Args:
        progress: told 1 after every item.
    """
    if iou_type is None:
        iou_type = "bbox" if annotations.has_truth(connection, dataset.key, KINDS["bbox"]) else "segm"
    selection = Selection((dataset.key,), (run.key,))
    reader = _Reader(store, config, iou_type)
    for one in read_items(connection, selection, config):
        if one.compared is not None:
            reader.add(one.compared)
        progress(1)
    sample = _sorted(counted(joined(reader.samples()), config, COMMIT))
    if sample.truth.crowd.all():
        what = "boxes" if iou_type == "bbox" else "polygons or masks that can be read"
        raise DataError(f"{dataset.name} has no {what} as ground truth")
    if unsure := int(np.isnan(sample.found.score).sum()):
        reader.errors.append(f"predictions without a confidence, which average precision leaves out: {unsure}")
    return Stored(
        dataset=dataset,
        run=run,
        config=config,
        iou_type=iou_type,
        sample=sample,
        boxes=reader.boxes(sample),
        sizes=np.array(reader.sizes, np.int64),
        errors=tuple(reader.errors),
        revisions=evaluations.revisions(connection, selection),
    )


def report(stored: Stored) -> DetectionReport:
    """Return the figures of a run."""
    sample = stored.sample
    counts = np.bincount(sample.truth.label[~sample.truth.crowd], minlength=len(sample.labels)).tolist()
    objects = {label: count for label, count in zip(sample.labels, counts, strict=True) if count}
    seen = {sample.labels[place] for place in np.unique(sample.found.label).tolist()}
    subject = Subject(
        model=f"{stored.run.model_name} ({stored.run.id})",
        data=stored.dataset.name,
        photos=len(sample.images),
        objects=objects,
        unknown=(),
        absent=tuple(sorted(seen - {*objects})),
    )
    return detection_report(subject, {OF_REPORTS[stored.iou_type]: sample}, stored.boxes, stored.sizes.prod(axis=1))


class _Reader:
    """Collects items, some at a time, and where the objects of their truth are."""

    def __init__(self, store: Store, config: Config, iou_type: IouType) -> None:
        self.sizes: list[tuple[int, int]] = []
        self.errors: list[str] = []
        self._store, self._config, self._iou_type = store, config, iou_type
        self._done: list[Sample] = []
        self._masks: dict[str, np.ndarray] = {}  # of the last item
        self._boxes: dict[int, list[tuple[float, ...]]] = {}  # of the objects of each row
        self._part = self._new()

    def add(self, item: Item) -> None:
        """Add an item."""
        truth, found = ([o for o in side if o.kind in KINDS[self._iou_type]] for side in (item.truth, item.found))
        self._masks = {}
        self._part.add(item._replace(truth=truth, found=found))
        size = item.size or next((mask.shape for mask in self._masks.values()), None)
        boxes = [self._box(one) for one in truth]
        for one, box in zip(truth, boxes, strict=True):
            self._boxes.setdefault(one.key, []).append(box)
        self.sizes.append(size or _extent([*boxes, *map(self._box, found)]))
        if len(self._part) >= ITEMS:
            self._finish()

    def samples(self) -> list[Sample]:
        """Return the parts of the sample."""
        self._finish()
        return self._done

    def boxes(self, sample: Sample) -> np.ndarray:
        """Return the boxes of a sample's truth; objects of one row are in its order."""
        left = {key: iter(boxes) for key, boxes in self._boxes.items()}
        return np.array([next(left[key]) for key in sample.truth.key.tolist()], float).reshape(-1, 4)

    def _new(self) -> Part:
        return Part(self._config, self._read_mask, with_matches=False)

    def _finish(self) -> None:
        arrays, _ = self._part.finish()
        self._done.append(Sample.from_bytes(arrays[self._iou_type]))
        self.errors += self._part.errors
        self._part = self._new()

    def _read_mask(self, sha256: str) -> np.ndarray:
        self._masks[sha256] = read_blob(self._store, sha256)
        return self._masks[sha256]

    def _box(self, one: Object) -> tuple[float, ...]:
        mask = self._masks.get(one.mask or "")
        return box_of(one, mask)


def box_of(one: Object, mask: np.ndarray | None) -> tuple[float, ...]:
    """Return the x, y, x, y of a box, a polygon, or a segment, whose mask is given; zeros without one."""
    if one.kind == "box":
        x, y, width, height = one.shape
        return x, y, x + width, y + height
    if one.kind == "polygon":
        return (*one.shape.min(axis=0).tolist(), *one.shape.max(axis=0).tolist())
    return (0.0, 0.0, 0.0, 0.0) if mask is None else tight_box(mask == one.shape)


def _extent(boxes: Iterable[tuple[float, ...]]) -> tuple[int, int]:
    """Return the (height, width) of what holds all boxes."""
    corners = np.array([(1.0, 1.0), *(box[2:] for box in boxes)]).max(axis=0)
    width, height = np.ceil(corners.clip(1, 1e6)).astype(int).tolist()
    return height, width


def _sorted(sample: Sample) -> Sample:
    """Return it with labels in order: those of objects, then those of crowds and predictions alone."""
    counts = np.bincount(sample.truth.label[~sample.truth.crowd], minlength=len(sample.labels))
    order = sorted(range(len(sample.labels)), key=lambda place: (counts[place] == 0, sample.labels[place]))
    nothing = np.zeros(len(sample.images), bool), np.zeros(len(sample.truth), bool), np.zeros(len(sample.found), bool)
    empty = sample.kept(*nothing)
    first = type(sample)(tuple(sample.labels[i] for i in order), empty.images, empty.truth, empty.found, empty.pairs)
    return joined([first, sample])


def find_dataset(connection: Connection, name: str) -> Dataset:
    """Return a dataset by its id, or by its name if no other has it; DataError as `chosen`."""
    try:
        return datasets.find(connection, name)
    except NotFound:
        every = datasets.every(connection)
    named = [one for one in every if one.name == name]
    if len(named) == 1:
        return named[0]
    if named:
        ids = ", ".join(one.id for one in named[:LISTED])
        raise DataError(f"{len(named)} datasets are called {name}; name one by its id: {ids}")
    some = ", ".join(f"{one.name} ({one.id})" for one in every[:LISTED])
    raise DataError(f"the store has no dataset {name}; it has {some or 'none'}")


def _listed(several: Sequence[Run]) -> str:
    more = ", …" if len(several) > LISTED else ""
    return ", ".join(f"{one.id} ({one.model_name})" for one in several[:LISTED]) + more
