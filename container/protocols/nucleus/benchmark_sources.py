"""Which items a document names: by their own ids, by dataset and reference_id, or as whole datasets."""

from collections.abc import Sequence
from typing import Any

from container.errors import BadRequest, NotFound, NotOffered, shown
from container.protocols.nucleus.bodies import known, text, texts
from container.store import datasets, items
from container.store.benchmarks import Sources
from container.store.database import Connection

NAMES_OF_SOURCES = ("item_ids", "items", "dataset_id", "dataset_ids", "slice_id", "slice_ids")
MOST_ITEMS, MOST_DATASETS = 100_000, 1000


def read_sources(connection: Connection, document: dict[str, Any]) -> Sources:
    """Return the sources that a document names; NotFound for an unknown item or dataset, NotOffered for slices."""
    for name in ("slice_id", "slice_ids", "scene_ids"):
        if document.get(name):
            raise NotOffered(f"not implemented: {name}; this server keeps neither slices nor scenes")
    ids = texts(document, "dataset_ids", most=MOST_DATASETS)
    if document.get("dataset_id") is not None:
        ids.append(text(document, "dataset_id"))
    of_datasets = tuple(dict.fromkeys(datasets.find(connection, one).key for one in ids))
    keys = read_keys(connection, document, "item_ids", within=of_datasets)
    keys += _by_reference(connection, document, of_datasets)
    return Sources(datasets=of_datasets, items=tuple(sorted(set(keys))))


def read_keys(
    connection: Connection, document: dict[str, Any], name: str, unknown: bool = False, within: Sequence[int] = ()
) -> list[int]:
    """Return the keys of the items whose own ids are in a member, ascending, without those `within` some datasets.

    Raises NotFound for an unknown item, unless those may be `unknown`.
    """
    ids = texts(document, name, most=MOST_ITEMS)
    places = items.places_by_id(connection, ids)
    if not unknown:
        _check(ids, places)
    return sorted(place.key for place in places.values() if place.dataset not in within)


def _by_reference(connection: Connection, document: dict[str, Any], within: Sequence[int]) -> list[int]:
    """Return the keys of items that are named by dataset and reference_id, without those `within` some datasets."""
    value = document.get("items")
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > MOST_ITEMS or not all(isinstance(one, dict) for one in value):
        raise BadRequest(f"items is no list of at most {MOST_ITEMS} objects with dataset_id and ref_id")
    by_dataset: dict[str, list[str]] = {}
    for one in value:
        pair = known(one, "dataset_id", "ref_id")
        by_dataset.setdefault(text(pair, "dataset_id"), []).append(text(pair, "ref_id"))
    keys: list[int] = []
    for dataset_id, references in by_dataset.items():
        dataset = datasets.find(connection, dataset_id).key
        found = items.keys(connection, dataset, references)
        _check(references, found)
        keys += found.values() if dataset not in within else ()
    return keys


def _check(names: Sequence[str], found: dict[str, Any]) -> None:
    unknown = [name for name in dict.fromkeys(names) if name not in found]
    if unknown:
        more = f", and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        raise NotFound(f"Item with id {shown(unknown[0])} doesn't exist{more}.")
