"""Predictions that this server has made, as runs of a dataset: written answer by answer, the oldest erased.

with store.write() as c:
    run = find_run(c, "production", Served("maskrcnn", "9f86d0…"))
    write(c, run, [answer])
"""

import heapq
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Connection, case, delete, exists, func, select

from container.store import annotations, datasets, items, models, runs
from container.store.annotations import Owner
from container.store.objects import ItemRow, Row
from container.store.runs import Run
from container.store.tables import annotation, benchmark_item, item, meta, prediction
from container.store.upserts import upsert

ERASED = 2000  # predictions in one transaction, and the rest of the last item's
REQUEST = "request:"  # what the addresses of items begin with that were made here
_MODEL = "served:"  # and the references of models
_MAKING = "recorded predictions"  # a row that is locked while runs are made


@dataclass(frozen=True)
class Served:
    """What answers come from: a model's name in answers, and what its weights are known by; see Model.weights."""

    name: str
    weights: str


@dataclass(frozen=True)
class Answer:
    """What a model has found in one picture."""

    item: ItemRow
    rows: Sequence[Row]  # they name the item by its reference


def item_row(reference_id: str, request_id: str, size: tuple[int, int], moment: float) -> ItemRow:
    """Return the item of a picture of `size` (height, width), which itself is not kept."""
    address = REQUEST + request_id
    document = {
        "image_url": address,
        "reference_id": reference_id,
        "height": size[0],
        "width": size[1],
        "metadata": {"request_id": request_id, "served_at": round(moment, 3)},
    }
    return ItemRow(reference_id, address, json.dumps(document))


def made_here(document: Mapping[str, Any]) -> bool:
    """Return True for the JSON of an item that stands for an answer, and that no client has sent."""
    return str(document.get("image_url", "")).startswith(REQUEST)


def find_run(connection: Connection, dataset: str, served: Served) -> Run:
    """Return the run of a model on the oldest dataset of a name; what is missing is made.

    Of several processes that ask at once, the others wait for the first one's transaction.
    """
    lock = upsert(connection, meta, ("name",), ("value",))
    connection.execute(lock, [{"name": _MAKING, "value": ""}])
    key = _dataset(connection, dataset)
    metadata = json.dumps({"recorded": True, "model": served.name, "weights": served.weights})
    for one in runs.of_dataset(connection, key):
        if one.dataset_key == key and one.metadata == metadata:
            return one
    model = models.find(connection, models.create(connection, served.name, _MODEL + served.name))
    name = f"{served.name} {served.weights[:12]}".strip()
    return runs.find(connection, runs.create(connection, model.key, key, name, metadata))


def _dataset(connection: Connection, name: str) -> int:
    there = (one.key for one in datasets.every(connection) if one.name == name and not one.is_scene)
    key = next(there, None)
    return datasets.find(connection, datasets.create(connection, name)).key if key is None else key


def run_keys(connection: Connection, dataset_key: int) -> list[int]:
    """Return the keys of the runs of a dataset that were made here."""
    there = runs.of_dataset(connection, dataset_key)
    return [one.key for one in there if one.dataset_key == dataset_key and _is_recorded(one)]


def _is_recorded(one: Run) -> bool:
    metadata = json.loads(one.metadata or "null")
    return isinstance(metadata, dict) and metadata.get("recorded") is True


def write(connection: Connection, run: Run, answers: Sequence[Answer]) -> int:
    """Write answers to pictures, whose earlier predictions of this run they replace; return how many predictions.

    Of two answers with one reference the last is written. Items that are there stay as they are.
    """
    assert run.dataset_key is not None
    newest = {one.item.reference_id: one for one in answers}
    items.add(connection, run.dataset_key, [(one.item, None) for one in newest.values()], replace=False)
    found = items.keys(connection, run.dataset_key, [*newest])
    of_items = prediction.c.run_id == run.key, prediction.c.item_id.in_([*found.values()])
    if connection.execute(delete(prediction).where(*of_items)).rowcount:
        runs.changed(connection, run.key)
    rows = [row for one in newest.values() for row in one.rows]
    return annotations.add(connection, Owner(run.key), run.dataset_key, rows, replace=True).processed


def count(connection: Connection, run_keys: Sequence[int]) -> int:
    """Return how many predictions some runs have."""
    rows = select(func.count()).select_from(prediction).where(prediction.c.run_id.in_(run_keys))
    return int(connection.execute(rows).scalar_one())


def erase_oldest(connection: Connection, dataset_key: int, run_keys: Sequence[int], number: int) -> int:
    """Erase the predictions of the oldest items of some runs, about `number` but at most ERASED and an item's rest.

    An item that was made here goes with them, unless it has ground truth or other predictions, or a benchmark has it.
    Returns how many predictions were erased.
    """
    datasets.lock(connection, dataset_key)  # before the runs, as `write` does
    number = min(number, ERASED)
    per_run = []  # by the index of each; over all runs at once, SQLite would sort all rows
    for key in run_keys:
        rows = select(prediction.c.item_id).where(prediction.c.run_id == key).order_by(prediction.c.item_id)
        per_run.append(connection.execute(rows.limit(number)).scalars().all())
    oldest = sorted(set(islice(heapq.merge(*per_run), number)))
    of_items = prediction.c.run_id.in_(run_keys), prediction.c.item_id.in_(oldest)
    erased = connection.execute(delete(prediction).where(*of_items)).rowcount
    unused: list[Any] = [item.c.id.in_(oldest), item.c.payload.like('{"image_url": "' + REQUEST + "%")]
    unused += [~exists().where(table.c.item_id == item.c.id) for table in (prediction, annotation, benchmark_item)]
    if connection.execute(delete(item).where(*unused)).rowcount:
        datasets.changed(connection, dataset_key)
    for key, of_run in zip(run_keys, per_run, strict=True):
        if not {*of_run}.isdisjoint(oldest):
            runs.changed(connection, key)
    return erased


def histogram(connection: Connection, run_key: int, edges: Sequence[float]) -> Counter[tuple[str, int | None]]:
    """Count the objects of a run by label, and by the place of their confidence among `edges`: 0 is below the first.

    The place is None without a confidence. Of a run with boxes only these are counted: it may have their outlines, too.
    """
    boxes = select(prediction.c.id).where(prediction.c.run_id == run_key, prediction.c.kind == "box").limit(1)
    kinds: tuple[Any, ...] = ()
    if connection.execute(boxes).first() is not None:
        kinds = (prediction.c.kind == "box",)
    below = [(prediction.c.confidence < edge, place) for place, edge in enumerate(edges)]
    place = case((prediction.c.confidence.is_(None), -1), *below, else_=len(edges)).label("place")
    rows = select(prediction.c.label, place, func.count()).where(prediction.c.run_id == run_key, *kinds)
    found = Counter[tuple[str, int | None]]()
    for label, at, number in connection.execute(rows.group_by(prediction.c.label, place)):
        found[label, None if at < 0 else at] += number
    return found
