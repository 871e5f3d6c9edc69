"""A store with a dataset whose truth and runs are told in few words."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from container.store import annotations, blobs, datasets, items, models, runs
from container.store.annotations import TRUTH, Owner
from container.store.database import Connection
from container.store.datasets import Dataset
from container.store.derived import Derived
from container.store.objects import ItemRow, Row, read_object
from container.store.runs import Run
from container.store.store import Store
from tests.conftest import encode

Box = tuple[float, float, float, float]  # x, y, width, height
Thing = tuple[Any, ...]  # (label, box) of the truth, (label, box, confidence) of a run; several numbers are a polygon


def make(
    store: Store,
    name: str,
    truth: Mapping[str, Sequence[Thing]],
    pictures: Mapping[str, np.ndarray] | None = None,
    size: tuple[int, int] | None = (300, 400),
) -> Dataset:
    """Make a dataset of items by their references, some with pictures; the others have a (height, width)."""
    known = pictures or {}
    with store.write() as c:
        one = datasets.find(c, datasets.create(c, name))
        items.add(c, one.key, [_item(store, c, ref, known.get(ref), size) for ref in truth], replace=False)
        annotations.add(c, TRUTH, one.key, rows(truth, truth=True), replace=False)
        return datasets.find(c, one.id)


def predict(store: Store, dataset: Dataset, model: str, found: Mapping[str, Sequence[Thing]]) -> Run:
    """Make a run of a model, which is made if there is none of this reference."""
    with store.write() as c:
        key = models.find(c, models.create(c, f"Model {model}", model)).key
        run = runs.find(c, runs.create(c, key, dataset.key, "a run"))
        annotations.add(c, Owner(run.key), dataset.key, rows(found, truth=False), replace=False)
        return runs.find(c, run.id)


def segment(
    store: Store,
    owner: Owner,
    dataset: Dataset,
    reference_id: str,
    mask: np.ndarray,
    labels: Mapping[int, str],
    confidence: float | None = None,
) -> None:
    """Add a segmentation: a mask of indices, uint8 H×W, and the label of each index."""
    metadata = {} if confidence is None else {"metadata": {"confidence": confidence}}
    segments = [{"label": label, "index": index, **metadata} for index, label in labels.items()]
    value = {"type": "mask", "reference_id": reference_id, "mask_url": "mask.png", "annotations": segments}
    row = read_object(value, json.dumps(value), truth=owner == TRUTH, derived=Derived())
    assert isinstance(row, Row), row
    with store.write() as c:
        held = replace(row, blob=_blob(store, c, mask))
        annotations.add(c, owner, dataset.key, [held], replace=False)


def rows(things: Mapping[str, Sequence[Thing]], truth: bool) -> list[Row]:
    """The rows of objects by the references of their items."""
    several = []
    for reference_id, objects in things.items():
        for number, (label, shape, *confidence) in enumerate(objects):
            value = {
                "label": label,
                "reference_id": reference_id,
                "annotation_id": f"{reference_id} {number}",
                **_shape(shape),
                **({"confidence": confidence[0]} if confidence else {}),
            }
            row = read_object(value, json.dumps(value), truth=truth, derived=Derived())
            assert isinstance(row, Row), row
            several.append(row)
    return several


def _shape(shape: Sequence[float]) -> dict[str, Any]:
    numbers = [float(value) for value in shape]
    if len(numbers) == 4:
        return {"type": "box", "geometry": dict(zip(("x", "y", "width", "height"), numbers, strict=True))}
    vertices = [{"x": x, "y": y} for x, y in zip(numbers[::2], numbers[1::2], strict=True)]
    return {"type": "polygon", "geometry": {"vertices": vertices}}


def _item(
    store: Store, connection: Connection, reference_id: str, picture: np.ndarray | None, size: tuple[int, int] | None
) -> tuple[ItemRow, str | None]:
    address = f"s3://pictures/{reference_id}.jpg"
    payload: dict[str, Any] = {"reference_id": reference_id, "image_url": address}
    if size is not None and picture is None:
        payload |= {"height": size[0], "width": size[1]}
    return ItemRow(reference_id, address, json.dumps(payload)), _blob(store, connection, picture)


def _blob(store: Store, connection: Connection, picture: np.ndarray | None) -> str | None:
    if picture is None:
        return None
    data = encode(picture)
    sha256 = hashlib.sha256(data).hexdigest()
    path = Path(store.folder / f"{sha256}.part")
    path.write_bytes(data)
    store.blobs.keep({sha256: path})
    store.blobs.add(connection, [blobs.Blob(sha256, len(data), "image/png")])
    return sha256
