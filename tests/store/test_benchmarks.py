"""Benchmarks in the store: filled step by step, from wherever, and erased."""

from dataclasses import asdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from container.errors import BadRequest, Conflict, NotFound
from container.store import annotations, benchmarks, datasets, items, jobs, presets
from container.store.annotations import TRUTH
from container.store.benchmarks import BUILDING, DRAFT, FAILED, READY, Place, Size, Sources
from container.store.database import Connection
from container.store.datasets import Dataset
from container.store.store import Store
from container.store.tables import benchmark, benchmark_item
from tests.store.conftest import item_row, row


@pytest.fixture
def other(store: Store, dataset: Dataset) -> Dataset:
    """Another dataset, of the items "d" and "e"; "a", "b", "d" and "e" have ground truth."""
    with store.write() as c:
        one = datasets.find(c, datasets.create(c, "roads"))
        items.add(c, one.key, [item_row(name) for name in "de"], replace=False)
        annotations.add(c, TRUTH, dataset.key, [row("a", "1"), row("a", "2"), row("b", "1")], replace=False)
        annotations.add(c, TRUTH, one.key, [row("d", "1"), row("e", "1")], replace=False)
    return one


def keys_of(c: Connection, one: Dataset) -> list[int]:
    return items.page_keys(c, one.key, 0, 10)


def fill(c: Connection, key: int, sources: Sources, size: int = 10) -> tuple[list[int], int]:
    """Take all of the sources; the keys of the items that are there then, and how many were looked at."""
    place, seen = Place(), 0
    while place is not None:
        taken = benchmarks.take(c, key, sources, place, size)
        place, seen = taken.next, seen + taken.seen
    return benchmarks.item_keys(c, key, 0, 100), seen


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(1, 4), st.sets(st.integers(0, 4)), st.sets(st.integers(0, 4)), st.booleans(), st.booleans())
def test_steps_of_any_size_take_the_same(
    store: Store,
    dataset: Dataset,
    other: Dataset,
    size: int,
    named: set[int],
    removed: set[int],
    whole: bool,
    parent: bool,
) -> None:
    with store.write() as c:
        a, b, without, d, e = every = keys_of(c, dataset) + keys_of(c, other)
        first = benchmarks.create(c, "first", DRAFT)
        fill(c, first.key, Sources(items=(b, e)))
        sources = Sources(
            first.key if parent else None,
            (dataset.key,) if whole else (),
            tuple(every[i] for i in sorted(named)),
            tuple(every[i] for i in sorted(removed)),
        )
        assert Sources.read(asdict(sources)) == sources
        one = benchmarks.create(c, "one", BUILDING)
        found, seen = fill(c, one.key, sources, size)
        expected = {every[i] for i in named} | ({b, e} if parent else set()) | ({a, b} if whole else set())
        assert found == sorted(expected - {without} - {every[i] for i in removed})
        assert seen == benchmarks.number(c, sources)
        skipped = (2 in named) + whole
        assert benchmarks.by_key(c, one.key).skipped == skipped
        assert benchmarks.count(c, one.key) == len(found)


def test_what_a_benchmark_has(store: Store, dataset: Dataset, other: Dataset) -> None:
    with store.write() as c:
        one, empty = benchmarks.create(c, "one", DRAFT), benchmarks.create(c, "empty", BUILDING)
        fill(c, one.key, Sources(datasets=(dataset.key, other.key)))
        a, b, _ = keys_of(c, dataset)
        assert benchmarks.sizes(c) == {one.key: Size(4, 2)}
        assert benchmarks.item_keys(c, one.key, a, 1) == [b]
        assert benchmarks.dataset_keys(c, one.key) == (dataset.key, other.key)
        assert [benchmark.id for benchmark in benchmarks.every(c)] == [empty.id, one.id]
        datasets.remove(c, other)
        assert benchmarks.sizes(c, one.key) == {one.key: Size(2, 1)}
        assert benchmarks.dataset_keys(c, one.key) == (dataset.key,)
        with pytest.raises(BadRequest, match="ground truth"):
            benchmarks.settle(c, empty.key)
        benchmarks.settle(c, one.key)
        assert benchmarks.by_key(c, one.key).status == READY
        assert benchmarks.ids(c, [one.key, 99]) == {one.key: one.id}


@pytest.mark.parametrize(("status", "running", "failed"), [(BUILDING, BUILDING, FAILED), (DRAFT, DRAFT, DRAFT)])
def test_its_job(store: Store, dataset: Dataset, status: str, running: str, failed: str) -> None:
    with store.write() as c:
        one = benchmarks.create(c, "one", status)
        benchmarks.set_job(c, one.key, jobs.create(c, "fill", None, {}))
        there = benchmarks.by_key(c, one.key)
        assert (there.status, there.job is not None) == (running, True)
    lease = jobs.claim(store, "me", ["fill"])
    assert lease is not None
    lease.finish(jobs.ERRORED, {"error": "no"})
    with store.read() as c:
        there = benchmarks.by_key(c, one.key)
        assert (there.status, there.job) == (failed, None)


def test_a_deleted_one(store: Store, dataset: Dataset, other: Dataset) -> None:
    with store.write() as c:
        one = benchmarks.create(c, "one", DRAFT)
        child = benchmarks.create(c, "child", DRAFT, (1, 1), one.key)
        fill(c, one.key, Sources(datasets=(dataset.key,)))
        benchmarks.remove(c, one.key)
        for find in (lambda: benchmarks.find(c, one.id), lambda: benchmarks.by_key(c, one.key)):
            with pytest.raises(NotFound):
                find()
        assert benchmarks.by_key(c, child.key).parent_id is None and benchmarks.ids(c, [one.key]) == {}
        assert benchmarks.erase(c, one.key) and not benchmarks.erase(c, one.key)
        assert c.execute(select(func.count()).select_from(benchmark_item)).scalar() == 0
        assert c.execute(select(benchmark.c.public_id)).scalars().all() == [child.id]


def test_the_key_of_a_deleted_one_is_not_given_again(store: Store) -> None:
    """Evaluations and jobs that name it would be those of another benchmark."""
    with store.write() as c:
        one = benchmarks.create(c, "one", DRAFT)
        benchmarks.remove(c, one.key)
        assert not benchmarks.erase(c, one.key)
        assert benchmarks.create(c, "two", DRAFT).key > one.key


def test_presets(store: Store) -> None:
    with store.write() as c:
        one, two = presets.create(c, "one", {"a": 1}), presets.create(c, "two", {})
        with pytest.raises(Conflict, match=one.id):
            presets.create(c, "one", {})
        with pytest.raises(Conflict):
            presets.change(c, two, "one", {})
        presets.change(c, one, "one", {"b": 2})
        presets.change(c, two, "three", {})
        assert [(preset.name, preset.config) for preset in presets.every(c)] == [("three", {}), ("one", {"b": 2})]
        presets.remove(c, one.key)
        with pytest.raises(NotFound):
            presets.find(c, one.id)
