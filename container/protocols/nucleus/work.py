"""The work of jobs: what is done step by step, each step a transaction that also says how far the job is.

After a crash another process goes on behind the last step; of an upload it passes over the lines that are stored.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, BinaryIO, Generic, TypeVar

from container.protocols.nucleus.documents import Line, read_lines
from container.store import annotations, benchmarks, datasets, evaluations, items, models, runs, uploads
from container.store.annotations import TRUTH, Owner
from container.store.database import Connection
from container.store.derived import Derived
from container.store.jobs import Lease, Step
from container.store.objects import ItemRow, Row, read_item, read_object
from container.store.runner import Work
from container.store.upserts import batches

UPLOAD_ITEMS, UPLOAD_ANNOTATIONS, UPLOAD_PREDICTIONS = "uploadDatasetItems", "uploadAnnotations", "uploadPredictions"
METADATA_UPDATE, ANNOTATION_DELETION = "metadataUpdate", "annotationDeletion"
BENCHMARK_ITEMS, BENCHMARK_DELETION = "benchmarkItems", "benchmarkDeletion"
DATASET_DELETION, MODEL_DELETION, RUN_DELETION = "datasetDeletion", "modelDeletion", "modelRunDeletion"
STEP_OBJECTS, STEP_CHARACTERS = 1000, 4 << 20  # of one step, which others wait for: 1,000 boxes take 30 ms
REPEATED = 10_000  # lines between two of the steps that keep the lease while lines are read again

Kept = TypeVar("Kept", Row, ItemRow)
Steps = Generator[None, None, dict[str, Any]]


def works() -> Mapping[str, Work]:
    """Return the work of each type of job."""
    return {
        UPLOAD_ITEMS: _upload_items,
        UPLOAD_ANNOTATIONS: _upload_annotations,
        UPLOAD_PREDICTIONS: _upload_predictions,
        ANNOTATION_DELETION: _delete_annotations,
        DATASET_DELETION: _delete_dataset,
        MODEL_DELETION: _delete_model,
        RUN_DELETION: _delete_run,
        BENCHMARK_ITEMS: _fill_benchmark,
        BENCHMARK_DELETION: _delete_benchmark,
    }


@dataclass
class _Batch(Generic[Kept]):
    """Some lines of an upload: their good rows, the texts of the bad ones, and the last line."""

    rows: list[Kept] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    derived: bool = False  # whether a row has an id that its line has not
    characters: int = 0
    last: Line | None = None

    def add(self, line: Line, read: Callable[[object, str], Kept | str]) -> None:
        """Add a line."""
        row = line.error or read(line.value, line.text)
        if isinstance(row, str):
            self.errors.append(row)
        else:
            self.rows.append(row)
            self.derived |= row.payload != line.text
        self.characters += len(line.text)
        self.last = line

    def full(self) -> bool:
        """Return whether it is enough for one step."""
        return len(self.rows) + len(self.errors) >= STEP_OBJECTS or self.characters > STEP_CHARACTERS


def _upload_items(lease: Lease) -> Steps:
    parameters = lease.job.parameters
    for batch in _batches(lease, read_item):
        with lease.step() as step:
            dataset = datasets.find(step.connection, parameters["dataset"])
            rows = ((row, None) for row in batch.rows)
            counts = items.add(step.connection, dataset.key, rows, parameters["replace"])
            _count(step, new=counts.new, updated=counts.updated, ignored=counts.ignored)
            _advance(step, parameters["size"], batch, batch.errors)
        yield
    return {"items_upload": {"datasetId": parameters["dataset"], **_counted(lease, "new", "updated", "ignored")}}


def _upload_annotations(lease: Lease) -> Steps:
    return (yield from _upload_objects(lease, truth=True))


def _upload_predictions(lease: Lease) -> Steps:
    return (yield from _upload_objects(lease, truth=False))


def _upload_objects(lease: Lease, truth: bool) -> Steps:
    parameters = lease.job.parameters
    derived = Derived()

    def read(value: object, text: str) -> Row | str:
        return read_object(value, text, truth=truth, derived=derived)

    if lease.job.state.get("derived"):
        yield from _repeat(lease, read)
    for batch in _batches(lease, read):
        with lease.step() as step:
            dataset = datasets.find(step.connection, parameters["dataset"])
            owner = TRUTH if truth else Owner(runs.find(step.connection, parameters["run"]).key)
            counts = annotations.add(step.connection, owner, dataset.key, batch.rows, parameters["replace"])
            _count(step, processed=counts.processed, ignored=counts.ignored)
            _advance(step, parameters["size"], batch, batch.errors + counts.errors)
        yield
    counted = _counted(lease, "processed", "ignored")
    if truth:
        return {"annotation_upload": {"datasetId": parameters["dataset"], **counted}}
    return {"prediction_upload": {"datasetId": parameters["dataset"], "modelRunId": parameters["run"], **counted}}


def _batches(lease: Lease, read: Callable[[object, str], Kept | str]) -> Iterator[_Batch[Kept]]:
    """Yield the lines of a job's upload behind those of its last step."""
    state = lease.job.state
    with _upload(lease) as file:
        batch = _Batch[Kept]()
        for line in read_lines(file, state.get("offset", 0), state.get("lines", 0)):
            batch.add(line, read)
            if batch.full():
                yield batch
                batch = _Batch[Kept]()
        if batch.last:
            yield batch


def _repeat(lease: Lease, read: Callable[[object, str], Row | str]) -> Generator[None, None, None]:
    """Read the lines of the steps that are done: what was seen before tells the next ids that are derived."""
    with _upload(lease) as file:
        for number, line in enumerate(read_lines(file), 1):
            if line.offset_after > lease.job.state["offset"]:
                return
            if not line.error:
                read(line.value, line.text)
            if number % REPEATED == 0:
                with lease.step():  # which writes nothing new, and keeps the lease
                    pass
                yield


def _upload(lease: Lease) -> BinaryIO:
    return lease.store.uploads.open(lease.job.parameters["file"])


def _advance(step: Step, size: int, batch: _Batch[Any], errors: list[str]) -> None:
    """Write how far an upload of `size` bytes is, and what was wrong with this part of it."""
    assert batch.last is not None  # it is not empty
    step.state |= {"offset": batch.last.offset_after, "lines": batch.last.number}
    step.state["derived"] = step.state.get("derived", False) or batch.derived
    step.progress = batch.last.offset_after / size
    step.errors += errors
    _count(step, errored=len(errors))


def _count(step: Step, **numbers: int) -> None:
    """Add numbers to those in the state of a job."""
    for name, number in numbers.items():
        step.state[name] = step.state.get(name, 0) + number


def _counted(lease: Lease, *names: str) -> dict[str, int]:
    """Return the numbers in the state of an upload's job, with those of errors and of all lines."""
    counted = {name: lease.job.state.get(name, 0) for name in (*names, "errored")}
    return {"total": sum(counted.values()), **counted}


def _fill_benchmark(lease: Lease) -> Steps:
    key, size = lease.job.parameters["benchmark"], lease.job.parameters["size"]
    sources = benchmarks.Sources.read(lease.job.parameters["sources"])
    while not lease.job.state.get("done"):
        with lease.step() as step:
            one = benchmarks.by_key(step.connection, key)
            place = benchmarks.Place(*step.state.get("place", ()))
            taken = benchmarks.take(step.connection, key, sources, place, STEP_OBJECTS)
            _count(step, seen=taken.seen, skipped=taken.skipped)
            step.state |= {"place": taken.next, "done": taken.next is None}
            step.progress = min(1.0, step.state["seen"] / size)
            if taken.next is None and one.status != benchmarks.DRAFT:
                benchmarks.settle(step.connection, key)
        yield
    return {"benchmark_items": {"benchmarkId": lease.job.parameters["id"], "skipped": lease.job.state["skipped"]}}


def _delete_benchmark(lease: Lease) -> Steps:
    yield from _erase(lease, lambda connection: benchmarks.erase(connection, lease.job.parameters["benchmark"]))
    return {}


def _delete_annotations(lease: Lease) -> Steps:
    parameters = lease.job.parameters
    parts: list[list[str] | None] = [*batches(parameters["reference_ids"], STEP_OBJECTS)] or [None]
    while (number := lease.job.state.get("part", 0)) < len(parts):
        with lease.step() as step:
            dataset = datasets.find(step.connection, parameters["dataset"])
            erased = annotations.erase(step.connection, TRUTH, dataset.key, parts[number], STEP_OBJECTS)
            _count(step, deleted=erased, part=int(erased < STEP_OBJECTS))
            step.progress = number / len(parts)
        yield
    return {"annotation_deletion": {"datasetId": parameters["dataset"], "deleted": lease.job.state["deleted"]}}


def _delete_dataset(lease: Lease) -> Steps:
    key = lease.job.parameters["dataset"]
    with lease.step() as step:
        waiting = uploads.forget(step.connection, key)
    for file in waiting:
        lease.store.uploads.remove(file)
    yield
    yield from _erase(lease, lambda connection: datasets.erase(connection, key))
    return {}


def _delete_run(lease: Lease) -> Steps:
    yield from _erase_run(lease, lease.job.parameters["run"])
    return {}


def _delete_model(lease: Lease) -> Steps:
    key = lease.job.parameters["model"]
    with lease.store.read() as connection:
        of_model = runs.deleted_of_model(connection, key)
        evaluated = evaluations.every_of_model(connection, key)
    for one in evaluated:
        yield from _erase(lease, partial(evaluations.erase, key=one))
    for run in of_model:
        yield from _erase_run(lease, run)
    with lease.step() as step:
        models.erase(step.connection, key)
    return {}


def _erase_run(lease: Lease, key: int) -> Generator[None, None, None]:
    with lease.store.read() as connection:
        evaluated = evaluations.every_of_run(connection, key)
    for one in evaluated:
        yield from _erase(lease, partial(evaluations.erase, key=one))
    yield from _erase(lease, partial(runs.erase, key=key))


def _erase(lease: Lease, erase: Callable[[Connection], bool]) -> Generator[None, None, None]:
    """Call `erase` in steps until nothing is left."""
    left = True
    while left:
        with lease.step() as step:
            left = erase(step.connection)
        yield
