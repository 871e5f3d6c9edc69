"""A store in a temporary folder, with a dataset of three items."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from container.store import datasets, items
from container.store.objects import ItemRow, Row
from container.store.store import Store
from tests.roomy import roomy


@pytest.fixture
def store(tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """An empty store, whatever the disk has left."""
    roomy(monkeypatch)
    opened = Store.open(tmp_path / "store", address)
    yield opened
    opened.close()


@pytest.fixture
def dataset(store: Store) -> datasets.Dataset:
    """A dataset with the items "a", "b" and "c"."""
    with store.write() as c:
        one = datasets.find(c, datasets.create(c, "streets"))
        items.add(c, one.key, [item_row(name) for name in "abc"], replace=False)
    return one


def item_row(reference_id: str, **metadata: object) -> tuple[ItemRow, None]:
    """An item without a picture of its own."""
    payload = json.dumps({"reference_id": reference_id, "image_url": "s3://b/k", "metadata": metadata})
    return ItemRow(reference_id, "s3://b/k", payload), None


def row(reference_id: str, annotation_id: str, label: str = "car", kind: str = "box", key: str = "") -> Row:
    """A box of an item, or another annotation."""
    payload = json.dumps({"reference_id": reference_id, "annotation_id": annotation_id, "label": label})
    return Row(reference_id, None, None, kind, key or f"a:{annotation_id}", label, 0.5, payload)
