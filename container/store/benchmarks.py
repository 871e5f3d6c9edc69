"""Benchmarks: items with ground truth, of any datasets, on which models are compared.

A draft takes and loses items. Once it is ready it stays as it is, and its next version is a benchmark of its own.
"""

import json
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update

from container.errors import BadRequest, NotFound, shown
from container.store import items, jobs
from container.store.database import new_id, now
from container.store.items import BATCH
from container.store.tables import annotation, benchmark, benchmark_item, dataset, item, job
from container.store.upserts import batches, one_by_one, upsert

DRAFT, BUILDING, READY, FAILED = "draft", "building", "ready", "failed"
ERASED = 5000  # items in one transaction

Groups = list[list[Any]]  # of labels: the name of a group, and the labels that count as it


class Benchmark(NamedTuple):
    """A benchmark; `key` is the number of its row, `metadata` JSON text, `job` the id of one that adds items now."""

    key: int
    id: str
    name: str
    description: str | None
    metadata: str | None
    status: str
    version: tuple[int, int]
    version_label: str | None
    groups: Groups
    class_agnostic: bool | None
    skipped: int  # items that were left out, as they had no ground truth
    created_at: float
    parent_id: str | None
    job: str | None


class Size(NamedTuple):
    """How many items a benchmark has, and of how many datasets."""

    items: int = 0
    datasets: int = 0


@dataclass(frozen=True)
class Sources:
    """Where the items of a benchmark come from, as keys: its parent's, those of datasets, and single ones.

    `removed` are left out of what the parent has.
    """

    parent: int | None = None
    datasets: tuple[int, ...] = ()
    items: tuple[int, ...] = ()  # ascending
    removed: tuple[int, ...] = ()  # ascending

    @classmethod
    def read(cls, document: dict[str, Any]) -> Self:
        """Return what `asdict` has written, once it has been JSON."""
        lists = {name: tuple(document[name]) for name in ("datasets", "items", "removed")}
        return cls(document["parent"], **lists)


class Place(NamedTuple):
    """How far sources are taken: the number of one, and the key of the last item of it."""

    source: int = 0
    after: int = 0


class Taken(NamedTuple):
    """What a step has taken: how many items it has looked at, how many had no ground truth, and where to go on."""

    seen: int
    skipped: int
    next: Place | None


def create(
    connection: Connection, name: str, status: str, version: tuple[int, int] = (1, 0), parent: int | None = None
) -> Benchmark:
    """Make an empty benchmark."""
    values = {
        "public_id": new_id("bm"),
        "name": name,
        "status": status,
        "parent_id": parent,
        "version_major": version[0],
        "version_minor": version[1],
        "created_at": now(),
    }
    connection.execute(insert(benchmark).values(values))
    return find(connection, str(values["public_id"]))


def find(connection: Connection, benchmark_id: str, change: bool = False) -> Benchmark:
    """Return a benchmark by its id; NotFound if there is none, or if it was deleted.

    Others that `change` it, or its items, wait until the transaction ends.
    """
    rows = _select().where(benchmark.c.public_id == benchmark_id)
    row = connection.execute(rows.with_for_update(of=benchmark, key_share=True) if change else rows).first()
    if row is None:
        raise NotFound(f"Benchmark with id {shown(benchmark_id)} doesn't exist.")
    return _benchmark(row)


def by_key(connection: Connection, key: int) -> Benchmark:
    """Return a benchmark by the number of its row; NotFound if it was deleted."""
    row = connection.execute(_select().where(benchmark.c.id == key)).first()
    if row is None:
        raise NotFound("The benchmark was deleted.")
    return _benchmark(row)


def every(connection: Connection) -> Iterator[Benchmark]:
    """Yield all benchmarks, newest first."""
    yield from map(_benchmark, one_by_one(connection, _select().order_by(benchmark.c.id.desc())))


def ids(connection: Connection, keys: Iterable[int]) -> dict[int, str]:
    """Return the ids of benchmarks by their keys; those that were deleted are missing."""
    rows = select(benchmark.c.id, benchmark.c.public_id).where(
        benchmark.c.id.in_(set(keys)), benchmark.c.deleted_at.is_(None)
    )
    return {row.id: row.public_id for row in connection.execute(rows)}


def change(connection: Connection, key: int, **values: Any) -> None:
    """Replace columns of a benchmark; `groups` are lists."""
    if "groups" in values:
        values["rollup_groups"] = json.dumps(values.pop("groups"))
    if values:
        connection.execute(update(benchmark).filter_by(id=key).values(values))


def set_job(connection: Connection, key: int, job_id: str) -> None:
    """Write which job adds items to a benchmark."""
    job_key = select(job.c.id).filter_by(public_id=job_id).scalar_subquery()
    connection.execute(update(benchmark).filter_by(id=key).values(job_id=job_key))


def sizes(connection: Connection, key: int | None = None) -> dict[int, Size]:
    """Return the sizes of a benchmark, or of all, by key; those without items are missing."""
    counts = func.count(), func.count(item.c.dataset_id.distinct())
    rows = _members(benchmark_item.c.benchmark_id, *counts).group_by(benchmark_item.c.benchmark_id)
    if key is not None:
        rows = rows.where(benchmark_item.c.benchmark_id == key)
    return {one: Size(*counted) for one, *counted in connection.execute(rows)}


def item_keys(connection: Connection, key: int, after: int, size: int) -> list[int]:
    """Return the keys of at most `size` items of a benchmark in order, those behind the key `after`."""
    rows = _members(benchmark_item.c.item_id).where(benchmark_item.c.benchmark_id == key)
    rows = rows.where(benchmark_item.c.item_id > after).order_by(benchmark_item.c.item_id).limit(size)
    return list(connection.execute(rows).scalars())


def item_ids(connection: Connection, key: int, offset: int, limit: int) -> list[str]:
    """Return the ids of some items of a benchmark, in the order of `item_keys`."""
    rows = _members(item.c.public_id).where(benchmark_item.c.benchmark_id == key)
    return list(connection.execute(rows.order_by(benchmark_item.c.item_id).offset(offset).limit(limit)).scalars())


def dataset_keys(connection: Connection, key: int) -> tuple[int, ...]:
    """Return the keys of the datasets that a benchmark has items of."""
    rows = _members(item.c.dataset_id).distinct().where(benchmark_item.c.benchmark_id == key)
    return tuple(sorted(connection.execute(rows).scalars()))


def count(connection: Connection, key: int) -> int:
    """Return how many items a benchmark has."""
    return sizes(connection, key).get(key, Size()).items


def number(connection: Connection, sources: Sources) -> int:
    """Return how many items `take` will look at, of all sources together."""
    parent = 0 if sources.parent is None else count(connection, sources.parent)
    of_datasets = sum(items.count(connection, one) for one in sources.datasets)
    return parent + of_datasets + len(sources.items) + len(sources.removed)


def take(connection: Connection, key: int, sources: Sources, place: Place, size: int) -> Taken:
    """Take at most `size` items of one source into a benchmark, without those that have no ground truth."""
    steps = _steps(connection, sources)
    if place.source == len(steps):
        return Taken(0, 0, None)
    page, put = steps[place.source]
    some = page(place.after, size)
    skipped = 0
    for part in batches(some, BATCH):
        skipped += put(connection, key, part)
    if skipped:
        connection.execute(update(benchmark).filter_by(id=key).values(skipped=benchmark.c.skipped + skipped))
    later = Place(place.source, some[-1]) if len(some) == size else Place(place.source + 1)
    return Taken(len(some), skipped, None if later.source == len(steps) else later)


def remove_items(connection: Connection, key: int, keys: Iterable[int]) -> None:
    """Take items out of a benchmark; those that it has not are passed over."""
    for some in batches(keys, BATCH):
        _put_out(connection, key, some)


def settle(connection: Connection, key: int) -> None:
    """Make a benchmark ready; BadRequest if it has no items."""
    if not item_keys(connection, key, 0, 1):
        raise BadRequest("a benchmark takes one item or more with ground truth; none of these has any")
    connection.execute(update(benchmark).filter_by(id=key).values(status=READY))


def remove(connection: Connection, key: int) -> None:
    """Mark a benchmark as deleted: nobody finds it any more, and `erase` frees its space."""
    connection.execute(update(benchmark).filter_by(id=key).values(deleted_at=now()))


def erase(connection: Connection, key: int) -> bool:
    """Erase a part of a benchmark that was deleted; return False once there is nothing left of it."""
    some = select(benchmark_item.c.item_id).filter_by(benchmark_id=key).limit(ERASED)
    mine = benchmark_item.c.benchmark_id == key, benchmark_item.c.item_id.in_(some)
    if connection.execute(delete(benchmark_item).where(*mine)).rowcount:
        return True
    connection.execute(delete(benchmark).where(benchmark.c.id == key, benchmark.c.deleted_at.is_not(None)))
    return False


_Page = Callable[[int, int], list[int]]  # the keys of items behind a key, at most so many
_Put = Callable[[Connection, int, list[int]], int]  # returns how many have no ground truth


def _steps(connection: Connection, sources: Sources) -> list[tuple[_Page, _Put]]:
    """Return the sources in their order, what gives their items, and what is done with them."""

    def of_benchmark(key: int) -> _Page:
        return lambda after, size: item_keys(connection, key, after, size)

    def of_dataset(key: int) -> _Page:
        return lambda after, size: items.page_keys(connection, key, after, size)

    def of(keys: Sequence[int]) -> _Page:
        return lambda after, size: list(keys[(start := bisect_right(keys, after)) : start + size])

    steps: list[tuple[_Page, _Put]] = [] if sources.parent is None else [(of_benchmark(sources.parent), _put)]
    steps += [(of_dataset(one), _put_with_truth) for one in sources.datasets]
    steps += [(of(sources.items), _put_with_truth)] if sources.items else []
    return steps + ([(of(sources.removed), _put_out)] if sources.removed else [])


def _put(connection: Connection, key: int, keys: list[int]) -> int:
    rows = [{"benchmark_id": key, "item_id": one} for one in keys]
    if rows:
        connection.execute(upsert(connection, benchmark_item, ("benchmark_id", "item_id")), rows)
    return 0


def _put_with_truth(connection: Connection, key: int, keys: list[int]) -> int:
    truth = select(annotation.c.id).where(annotation.c.item_id == item.c.id).exists()
    there = list(connection.execute(select(item.c.id).where(item.c.id.in_(keys), truth)).scalars())
    _put(connection, key, there)
    return len(keys) - len(there)


def _put_out(connection: Connection, key: int, keys: list[int]) -> int:
    mine = benchmark_item.c.benchmark_id == key, benchmark_item.c.item_id.in_(keys)
    connection.execute(delete(benchmark_item).where(*mine))
    return 0


def _members(*columns: Any) -> Select[Any]:
    """Select items of benchmarks, without those of datasets that were deleted."""
    rows = select(*columns).select_from(benchmark_item).join(item, item.c.id == benchmark_item.c.item_id)
    return rows.join(dataset, dataset.c.id == item.c.dataset_id).where(dataset.c.deleted_at.is_(None))


def _select() -> Select[Any]:
    parent = benchmark.alias("parent")
    columns = parent.c.public_id.label("parent_public_id"), job.c.public_id.label("job_public_id")
    rows = select(benchmark, *columns, job.c.status.label("job_status")).outerjoin(job, job.c.id == benchmark.c.job_id)
    rows = rows.outerjoin(parent, (parent.c.id == benchmark.c.parent_id) & parent.c.deleted_at.is_(None))
    return rows.where(benchmark.c.deleted_at.is_(None))


def _benchmark(row: Row[Any]) -> Benchmark:
    failed = row.status == BUILDING and row.job_status == jobs.ERRORED
    return Benchmark(
        row.id,
        row.public_id,
        row.name,
        row.description,
        row.metadata,
        FAILED if failed else row.status,
        (row.version_major, row.version_minor),
        row.version_label,
        json.loads(row.rollup_groups),
        row.class_agnostic,
        row.skipped,
        row.created_at,
        row.parent_public_id,
        row.job_public_id if row.job_status == jobs.RUNNING else None,
    )
