"""Benchmarks: made of items, versions and drafts of them, changed and deleted."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

from flask import Blueprint, Response, request

from container.errors import BadRequest, Conflict
from container.protocols.nucleus import openapi
from container.protocols.nucleus.backend import Backend
from container.protocols.nucleus.benchmark_sources import NAMES_OF_SOURCES, read_keys, read_sources
from container.protocols.nucleus.bodies import flag, kept, known, one_of, read_document, text, whole
from container.protocols.nucleus.configs import TAXONOMY, checked_size, shown_groups, taxonomy
from container.protocols.nucleus.jobs import dated
from container.protocols.nucleus.names import PREFIX
from container.protocols.nucleus.replies import dump, members, reply, spliced, streamed, streamed_array
from container.protocols.nucleus.work import BENCHMARK_DELETION, BENCHMARK_ITEMS, STEP_OBJECTS
from container.store import benchmarks, jobs
from container.store.benchmarks import DRAFT, READY, Benchmark, Place, Size, Sources
from container.store.database import Connection
from container.store.store import Store

_ROOT = f"{PREFIX}/benchmarks"
_ONE = f"{_ROOT}/<benchmark_id>"
_TOLD = ("description", "metadata")
_VERSION = ("bump_type", "version_major", "version_minor", "version_label")
_BENCHMARK = openapi.members(benchmark_id=openapi.TEXT, name=openapi.TEXT, status=openapi.TEXT)
_JOB = openapi.members(benchmark_id=openapi.TEXT, job_id={**openapi.TEXT, "nullable": True})
_IDS: openapi.Schema = {"type": "array", "items": openapi.NAME}
_FROM = openapi.optional(item_ids=_IDS, dataset_ids=_IDS, items=openapi.OBJECTS)
MAX_VERSION = 10**6
AT_ONCE = 2000  # items that are looked at while the request waits; more are a job's
PAGE, MAX_PAGE = 1000, 100_000  # items


def add_routes(blueprint: Blueprint, backend: Backend) -> None:
    """Add the routes of benchmarks."""
    _add_benchmarks(blueprint, backend)
    _add_changes(blueprint, backend)
    _add_items(blueprint, backend)


def _add_benchmarks(blueprint: Blueprint, backend: Backend) -> None:
    store = backend.store

    @blueprint.post(_ROOT)
    @openapi.described(
        "Make a benchmark of items with ground truth, a draft of one, or a new version of one",
        _JOB,
        {**_FROM, "required": ["name"], "properties": {"name": openapi.NAME, **_FROM["properties"]}},
        in_part=True,
        conflicts=True,
    )
    def create_benchmark() -> Response:
        document = known(
            read_document(request),
            *("name", "draft", "parent_benchmark_id", "removed_item_ids"),
            *(*_TOLD, *_VERSION, *TAXONOMY, *NAMES_OF_SOURCES),
        )
        given = _sources(store, document)
        with store.write() as connection:
            answer = _create(connection, document, given)
        backend.runner.wake()
        return reply(answer)

    @blueprint.get(_ROOT)
    @openapi.described("All benchmarks, the newest first", {"type": "array", "items": _BENCHMARK})
    def every_benchmark() -> Response:
        def pieces() -> Iterator[str]:
            with store.read() as connection:
                sizes = benchmarks.sizes(connection)
                every = benchmarks.every(connection)
                yield from streamed_array(_shape(one, sizes.get(one.key, Size())) for one in every)

        return streamed(pieces())

    @blueprint.get(_ONE)
    @openapi.described("A benchmark", _BENCHMARK)
    def one_benchmark(benchmark_id: str) -> Response:
        with store.read() as connection:
            return _answer(connection, benchmark_id)


def _add_changes(blueprint: Blueprint, backend: Backend) -> None:
    store = backend.store

    @blueprint.patch(_ONE)
    @openapi.described(
        "Change what a benchmark is called; of a draft also which labels count as one",
        _BENCHMARK,
        openapi.optional(description=openapi.NAME, metadata=openapi.OBJECT),
        in_part=True,
        conflicts=True,
    )
    def change_benchmark(benchmark_id: str) -> Response:
        document = known(read_document(request), "name", *_TOLD, *TAXONOMY)
        values = _told(document)
        if "name" in document:
            values["name"] = text(document, "name")
        said = taxonomy(document)
        if said is None and "allowed_label_matches_id" in document:
            said = [], None  # which takes away what was said before
        with store.write() as connection:
            one = benchmarks.find(connection, benchmark_id, change=True)
            if said is not None:
                _check_draft(one)
                values |= {"groups": said[0], "class_agnostic": said[1]}
            benchmarks.change(connection, one.key, **values)
            return _answer(connection, benchmark_id)

    @blueprint.delete(_ONE)
    @openapi.described("Delete a benchmark; evaluations on it stay", openapi.members(message=openapi.TEXT))
    def remove_benchmark(benchmark_id: str) -> Response:
        with store.write() as connection:
            one = benchmarks.find(connection, benchmark_id, change=True)
            benchmarks.remove(connection, one.key)
            jobs.create(connection, BENCHMARK_DELETION, None, {"benchmark": one.key})
        backend.runner.wake()
        return reply({"message": "Beginning benchmark deletion..."})

    @blueprint.post(f"{_ONE}/finalize")
    @openapi.described("End a draft: its items stay, and models can be evaluated on it", _BENCHMARK, conflicts=True)
    def finalize_benchmark(benchmark_id: str) -> Response:
        known(read_document(request))
        with store.write() as connection:
            one = benchmarks.find(connection, benchmark_id, change=True)
            _check_draft(one)
            _check_idle(one)
            benchmarks.settle(connection, one.key)
            return _answer(connection, benchmark_id)


def _add_items(blueprint: Blueprint, backend: Backend) -> None:
    store = backend.store
    _add_pages(blueprint, store)

    @blueprint.post(f"{_ONE}/items")
    @openapi.described("Add items with ground truth to a draft", _JOB, _FROM, in_part=True, conflicts=True)
    def add_benchmark_items(benchmark_id: str) -> Response:
        document = known(read_document(request), *NAMES_OF_SOURCES, "scene_ids")
        sources = _sources(store, document)
        if sources == Sources():
            raise BadRequest("no items are named; there are item_ids, items, dataset_id and dataset_ids")
        with store.write() as connection:
            one = benchmarks.find(connection, benchmark_id, change=True)
            _check_draft(one)
            answer = {"benchmark_id": one.id, "job_id": _fill(connection, one, sources)}
        backend.runner.wake()
        return reply(answer)

    @blueprint.delete(f"{_ONE}/items")
    @openapi.described(
        "Take items out of a draft",
        openapi.members(benchmark_id=openapi.TEXT),
        openapi.members(item_ids=_IDS),
        conflicts=True,
    )
    def remove_benchmark_items(benchmark_id: str) -> Response:
        document = known(read_document(request), "item_ids")
        with store.read() as connection:
            keys = read_keys(connection, document, "item_ids", unknown=True)
        with store.write() as connection:
            one = benchmarks.find(connection, benchmark_id, change=True)
            _check_draft(one)
            benchmarks.remove_items(connection, one.key, keys)
        return reply({"benchmark_id": one.id})


def _add_pages(blueprint: Blueprint, store: Store) -> None:
    @blueprint.get(f"{_ONE}/items")
    @openapi.described(
        "The ids of some items of a benchmark",
        openapi.members(item_ids=openapi.TEXTS, total=openapi.INTEGER),
        parameters=[
            {"in": "query", "name": "limit", "schema": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE}},
            {"in": "query", "name": "offset", "schema": {"type": "integer", "minimum": 0, "maximum": 10**9}},
        ],
    )
    def benchmark_items(benchmark_id: str) -> Response:
        limit, offset = _whole("limit", PAGE, 1, MAX_PAGE), _whole("offset", 0, 0, 10**9)
        with store.read() as connection:
            key = benchmarks.find(connection, benchmark_id).key
            total = benchmarks.count(connection, key)
            return reply({"item_ids": benchmarks.item_ids(connection, key, offset, limit), "total": total})


def _sources(store: Store, document: dict[str, Any]) -> Sources:
    """Return the sources that a document names, which are looked up before others must wait to write."""
    with store.read() as connection:
        sources = read_sources(connection, document)
        removed = read_keys(connection, document, "removed_item_ids", unknown=True)
        return replace(sources, removed=tuple(removed))


def _create(connection: Connection, document: dict[str, Any], given: Sources) -> dict[str, Any]:
    """Make the benchmark of a document, of its parent's items and the given ones; return the reply."""
    name, draft = text(document, "name"), flag(document, "draft")
    said, values = taxonomy(document), _told(document)
    parent = None
    if document.get("parent_benchmark_id") is not None:
        parent = benchmarks.find(connection, text(document, "parent_benchmark_id"))
        if parent.status != READY:
            raise Conflict(f"benchmark {parent.id} is {parent.status}; only one that is ready has new versions")
        said = said if said is not None else (parent.groups, parent.class_agnostic)
    elif document.get("removed_item_ids") is not None:
        raise BadRequest("removed_item_ids are items of a parent; parent_benchmark_id is missing")
    sources = replace(given, parent=parent.key if parent else None)
    if sources == Sources() and not draft:
        raise BadRequest(
            "no items are named; there are item_ids, items, dataset_id, dataset_ids, parent_benchmark_id, and draft"
        )
    if document.get("version_label") is not None:
        values["version_label"] = text(document, "version_label")
    if said is not None:
        checked_size({"groups": said[0]})
        values |= {"groups": said[0], "class_agnostic": said[1]}
    status = DRAFT if draft else benchmarks.BUILDING
    one = benchmarks.create(connection, name, status, _version(document, parent), parent.key if parent else None)
    benchmarks.change(connection, one.key, **values)
    job_id = None if sources == Sources() else _fill(connection, one, sources)
    return {"benchmark_id": one.id, "name": name, "job_id": job_id}


def _fill(connection: Connection, one: Benchmark, sources: Sources) -> str:
    """Take the items of sources into a benchmark, at once or by a job; return the id of that."""
    size = benchmarks.number(connection, sources)
    if size > AT_ONCE:
        _check_idle(one)
        parameters = {"benchmark": one.key, "id": one.id, "sources": asdict(sources), "size": size}
        job_id = jobs.create(connection, BENCHMARK_ITEMS, None, parameters)
        benchmarks.set_job(connection, one.key, job_id)
        return job_id
    place: Place | None = Place()
    skipped = 0
    while place is not None:
        taken = benchmarks.take(connection, one.key, sources, place, STEP_OBJECTS)
        place, skipped = taken.next, skipped + taken.skipped
    if one.status != DRAFT:
        benchmarks.settle(connection, one.key)
    message = {"benchmark_items": {"benchmarkId": one.id, "skipped": skipped}}
    return jobs.create_done(connection, BENCHMARK_ITEMS, None, message, [])


def _version(document: dict[str, Any], parent: Benchmark | None) -> tuple[int, int]:
    """Return the version that a document asks for; BadRequest if it is not above the parent's."""
    bump = one_of(document, "bump_type", "minor", "major")
    numbers = [document.get(name) for name in ("version_major", "version_minor")]
    if numbers == [None, None]:
        if parent is None:
            return 1, 0
        major, minor = parent.version
        return (major + 1, 0) if bump == "major" else (major, minor + 1)
    if None in numbers or document.get("bump_type") is not None:
        raise BadRequest("a version is version_major and version_minor, or what bump_type makes of its parent's")
    version = (
        whole(document, "version_major", 1, MAX_VERSION, low=0),
        whole(document, "version_minor", 0, MAX_VERSION, low=0),
    )
    if parent is not None and version <= parent.version:
        major, minor = parent.version
        raise BadRequest(f"version {version[0]}.{version[1]} is not above that of the parent, {major}.{minor}")
    return version


def _told(document: dict[str, Any]) -> dict[str, Any]:
    """Return the description and the metadata of a document, as they are kept; without those that it has not."""
    values: dict[str, Any] = {}
    if "description" in document:
        none = document["description"] in (None, "")
        values["description"] = None if none else text(document, "description", longest=10_000)
    if "metadata" in document:
        values["metadata"] = None if document["metadata"] is None else kept(document, "metadata")
    return values


def _check_draft(one: Benchmark) -> None:
    if one.status != DRAFT:
        raise Conflict(f"benchmark {one.id} is {one.status}, no draft: make a new version, with parent_benchmark_id")


def _check_idle(one: Benchmark) -> None:
    if one.job is not None:
        raise Conflict(f"items are added to benchmark {one.id} by job {one.job}; wait until that has ended")


def _whole(name: str, default: int, low: int, high: int) -> int:
    """Return a number in the query of this request; BadRequest for anything else."""
    given = request.args.get(name)
    if given is None:
        return default
    digits = given.isascii() and given.isdecimal() and len(given) < 18
    return whole({name: int(given) if digits else given}, name, default, high, low)


def _answer(connection: Connection, benchmark_id: str) -> Response:
    one = benchmarks.find(connection, benchmark_id)
    return spliced(_shape(one, benchmarks.sizes(connection, one.key).get(one.key, Size())))


def _shape(one: Benchmark, size: Size) -> str:
    """Return a benchmark as replies show it."""
    facts = {
        "benchmark_id": one.id,
        "name": one.name,
        "description": one.description,
        "created_by_user_id": None,
        "created_at": dated(one.created_at),
        "item_count": size.items,
        "dataset_count": size.datasets,
        "skipped_items_without_ground_truth": one.skipped,
        "status": one.status,
        "parent_benchmark_id": one.parent_id,
        "version_major": one.version[0],
        "version_minor": one.version[1],
        "version_label": one.version_label,
        "rollup_groups": shown_groups(one.groups) or None,
        "allowed_label_matches_id": None,
        "class_agnostic": one.class_agnostic,
    }
    return members({**{name: dump(value) for name, value in facts.items()}, "metadata": one.metadata or "null"})
