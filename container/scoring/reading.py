"""Items with their truth and their predictions, read out of the store and compared part by part."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from container.scoring.config import Config
from container.scoring.exclusions import kept
from container.scoring.masks import read_blob
from container.scoring.objects import read_objects
from container.scoring.parts import Item, Part
from container.store import annotations, benchmarks, items, recorded
from container.store.annotations import TRUTH, Owner
from container.store.database import Connection
from container.store.evaluations import Selection
from container.store.store import Store

ITEMS = 250  # in one part, at most
SECONDS = 2.0  # of one part, about


@dataclass
class Compared:
    """A part of the items, compared."""

    arrays: dict[str, bytes]  # see evaluation/sample.py; "bbox" and "segm"
    matches: list[tuple[int, str]]
    errors: list[str]
    counts: dict[str, int]
    progress: float  # 0 to 1, of all items


class Read(NamedTuple):
    """An item of a selection as it is compared, with its own JSON; None for one that is left out.

    That is by a rule, or because it is a picture that was served and for which nobody has sent truth.
    """

    item: items.Item
    compared: Item | None
    excluded: tuple[int, int]  # truth and predictions that rules leave out of an item that stays


def read_items(connection: Connection, selection: Selection, config: Config) -> Iterator[Read]:
    """Yield the items of a selection in order, with their truth and predictions."""
    for some in _pages(connection, selection):
        keys = [item.key for item in some]
        truth = annotations.of_items(connection, TRUTH, keys)
        found = [annotations.of_items(connection, Owner(run), keys) for run in selection.runs]
        for item in some:
            document = json.loads(item.payload)
            of_truth = read_objects(truth.pop(item.key))
            of_found = read_objects(row for one in found for row in one.pop(item.key))
            unlabelled = not of_truth and recorded.made_here(document)
            metadata = document.get("metadata") or {}
            left = None if unlabelled else kept(config.exclusions, metadata, of_truth, of_found)
            if left is None:
                yield Read(item, None, (0, 0))
            else:
                excluded = len(of_truth) - len(left[0]), len(of_found) - len(left[1])
                yield Read(item, Item(item.key, item.reference_id, items.size_of(document), *left), excluded)


def compare(
    store: Store, connection: Connection, selection: Selection, config: Config, matches: bool
) -> Iterator[Compared]:
    """Yield the parts of a selection, compared; `matches`: with the rows of a commit."""
    total = max(1, _number(connection, selection))

    def mask(sha256: str) -> np.ndarray:
        return read_blob(store, sha256)

    done = 0
    part, begun, counts = Part(config, mask, matches), time.monotonic(), Counter[str]()
    for read in read_items(connection, selection, config):
        done += 1
        if read.compared is None:
            counts["items_excluded"] += 1
        else:
            part.add(read.compared)
            counts.update(items=1, truth=len(read.compared.truth), predictions=len(read.compared.found))
            counts.update(truth_excluded=read.excluded[0], predictions_excluded=read.excluded[1])
        if len(part) >= ITEMS or time.monotonic() - begun > SECONDS:
            yield _finished(part, counts, done / total)
            part, begun, counts = Part(config, mask, matches), time.monotonic(), Counter()
    yield _finished(part, counts, 1.0)


def _finished(part: Part, counts: Counter[str], progress: float) -> Compared:
    arrays, matches = part.finish()
    return Compared(arrays, matches, part.errors, dict(counts) | part.counts, progress)


def _pages(connection: Connection, selection: Selection) -> Iterator[list[items.Item]]:
    if selection.benchmark is not None:
        after = 0
        while keys := benchmarks.item_keys(connection, selection.benchmark, after, ITEMS):
            yield items.by_keys(connection, keys)
            after = keys[-1]
        return
    for dataset in selection.datasets:
        after = 0
        while some := items.page(connection, dataset, after, ITEMS):
            yield some
            after = some[-1].key


def _number(connection: Connection, selection: Selection) -> int:
    if selection.benchmark is not None:
        return benchmarks.count(connection, selection.benchmark)
    return sum(items.count(connection, dataset) for dataset in selection.datasets)
