"""COCO's files, once they are read and checked, into the store: a dataset with its truth, and results as a run."""

import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image as Picture

from container.errors import DataError
from container.exchange.entries import COCO, Segment
from container.exchange.files import File, Id, Image
from container.store import annotations, datasets, items
from container.store.annotations import TRUTH, Owner
from container.store.blobs import Blob
from container.store.datasets import Dataset
from container.store.derived import Derived
from container.store.objects import Row, read_object
from container.store.store import Store
from container.store.upserts import batches

ROWS = 5000  # in one transaction
LAST_INDEX = 65_535  # of a mask's pixels

Told = Callable[[str], None]


def add_dataset(store: Store, name: str, file: File, known: Dataset | None, tell: Told) -> Dataset:
    """Add the images of a file and their truth to a dataset, which is made unless it is `known`.

    What is there already stays as it is, so that the same again changes nothing.
    """
    with store.write() as connection:
        if known is None:
            schema = {COCO: file.head}
            known = datasets.find(connection, datasets.create(connection, name, annotation_metadata_schema=schema))
    new = items.Counts()
    for some in batches(file.images.values(), items.BATCH):
        with store.write() as connection:
            new += items.add(connection, known.key, [(image.row, None) for image in some], replace=False)
    tell(f"images: {new.new:,} new, {new.ignored:,} there before")
    add_entries(store, TRUTH, known, file.images, tell)
    return known


def add_entries(store: Store, owner: Owner, dataset: Dataset, images: Mapping[Id, Image], tell: Told) -> None:
    """Add the entries of images to the truth of a dataset, or to a run."""
    counts, lost = Counter[str](), Counter[str]()
    for some in _few(_rows(store, images, owner == TRUTH, lost)):
        with store.write() as connection:
            held = {blob.sha256: blob for _, blob in some if blob is not None}
            store.blobs.add(connection, list(held.values()))
            done = annotations.add(connection, owner, dataset.key, [row for row, _ in some], replace=False)
        if done.errors:
            raise DataError(done.errors[0])
        counts.update(new=done.processed, old=done.ignored)
    what = "truth" if owner == TRUTH else "predictions"
    tell(f"{what}: {counts['new']:,} objects new, {counts['old']:,} there before")
    for text, number in lost.items():
        tell(f"{text}: {number:,}")


def _few(rows: Iterator[tuple[Row, Blob | None]]) -> Iterator[list[tuple[Row, Blob | None]]]:
    return batches(rows, ROWS)


def _rows(
    store: Store, images: Mapping[Id, Image], truth: bool, lost: Counter[str]
) -> Iterator[tuple[Row, Blob | None]]:
    """Yield the objects of all images; their masks are files of the store by then."""
    for image in images.values():
        segments = _Segments(image)
        for one in image.objects():
            if isinstance(one, Row):
                yield one, None
            elif segments.add(one):
                if one.beside:
                    yield one.beside, None
            else:
                lost["masks that lie on another one, of which the box is kept, and the mask in its metadata"] += 1
                if one.instead:
                    yield one.instead, None
        if segments:
            yield segments.finish(store, truth)


class _Segments:
    """The masks of one image, as a picture of indices: in it they cannot lie on each other."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._pixels = np.zeros(image.size or (0, 0), np.uint16)
        self._taken = np.zeros(self._pixels.shape, bool)
        self._segments: dict[int, dict[str, Any]] = {}
        self._row: dict[str, Any] | None = None

    def __bool__(self) -> bool:
        return bool(self._segments)

    def add(self, one: Segment) -> bool:
        """Add a mask; return False if it lies on another one, or if there are too many."""
        index = max(self._segments, default=0) + 1 if one.before is None else one.before
        if not 0 <= index <= LAST_INDEX or index in self._segments or self._taken[one.mask].any():
            return False
        self._pixels[one.mask] = index
        self._taken |= one.mask
        self._segments[index] = {"label": one.label, "index": index, **one.more}
        self._row = one.row if self._row is None else self._row
        return True

    def finish(self, store: Store, truth: bool) -> tuple[Row, Blob | None]:
        """Write the picture; return the segmentation."""
        nothing = next(index for index in range(LAST_INDEX + 2) if index not in self._segments)
        self._pixels[~self._taken] = nothing
        wide = self._pixels.max() > 255
        file = io.BytesIO()
        Picture.fromarray(self._pixels if wide else self._pixels.astype(np.uint8)).save(file, "PNG")
        blob = keep(store, file.getvalue(), "image/png")
        reference_id = self._image.row.reference_id
        new = {"mask_url": f"{reference_id}.png", "annotation_id": "segmentation"}
        payload = {
            **(new if self._row is None else self._row),
            "type": "mask",
            "reference_id": reference_id,
            "annotations": list(self._segments.values()),
        }
        found = read_object(payload, json.dumps(payload), truth=truth, derived=Derived())
        if isinstance(found, str):
            raise DataError(found)
        return replace(found, blob=blob.sha256), blob


def keep(store: Store, data: bytes, media_type: str) -> Blob:
    """Keep bytes as a file of the store; their row is the caller's to add."""
    sha256 = hashlib.sha256(data).hexdigest()
    path, size = store.uploads.write([data])
    store.blobs.keep({sha256: path})
    return Blob(sha256, size, media_type)
