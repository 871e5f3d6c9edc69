"""A dataset of the store as COCO's files: its truth, and the predictions of a run as results."""

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, Any
from urllib.parse import urlsplit

from container.exchange.entries import COCO, NUMBER, OWN, Size
from container.exchange.files import GUESSED, item_payload
from container.exchange.things import Kind, Thing, Things
from container.store import annotations, items
from container.store.annotations import TRUTH, Owner, Stored
from container.store.database import Connection
from container.store.datasets import Dataset
from container.store.items import Item
from container.store.store import Store

PAGE = 250  # items that are read at once


class Writer:
    """Writes the files of a dataset; `notes` counts what they do not have."""

    def __init__(self, store: Store, connection: Connection, dataset: Dataset, kind: Kind | None = None) -> None:
        """`kind`: only boxes, or only outlines and masks."""
        self.notes: Counter[str] = Counter()
        self._store, self._connection, self._dataset, self._kind = store, connection, dataset, kind
        kept = (dataset.annotation_metadata_schema or {}).get(COCO)
        self._head: dict[str, Any] = kept if isinstance(kept, dict) else {}
        self._categories = list(self._head.get("categories", []))
        self._ids = {one["name"]: one["id"] for one in reversed(self._categories)}  # the first of a name
        self._images, self._entries = _Numbers(), _Numbers()

    def write(self, truth: IO[str], results: IO[str] | None = None, run: int | None = None) -> None:
        """Write the dataset's file, and one of the results of a run, which are of one kind."""
        kind = self._kind or ("mask" if run and not annotations.kinds(self._connection, run).get("box") else "box")
        with tempfile.TemporaryFile("w+") as spool:
            truth.write('{"images": ')
            images, entries = _Array(truth), _Array(spool)
            found = _Array(results) if results else None
            for item, of_truth, of_run in self._items(run):
                payload = json.loads(item.payload)
                things = Things(self._store, items.size_of(payload), [*of_truth, *of_run], self.notes)
                image = self._image(item, payload, things.size)
                images.add(image)
                for entry in self._of_truth(list(things.of(of_truth, truth=True)), image["id"]):
                    entries.add(entry)
                if found:
                    for entry in self._of_run(things.of(of_run, truth=False), image["id"], kind):
                        found.add(entry)
            images.end()
            truth.write(', "annotations": ')
            entries.end()
            spool.seek(0)
            while text := spool.read(1 << 20):
                truth.write(text)
        rest = {**self._head, "categories": self._categories}
        truth.write("".join(f', "{name}": {json.dumps(part)}' for name, part in rest.items()) + "}\n")
        if found:
            found.end()

    def _items(self, run: int | None) -> Iterator[tuple[Item, list[Stored], list[Stored]]]:
        """Yield the items in order, with their truth and their predictions."""
        after = 0
        while page := items.page(self._connection, self._dataset.key, after, PAGE):
            after = page[-1].key
            keys = [item.key for item in page]
            truth = annotations.of_items(self._connection, TRUTH, keys)
            found = {} if run is None else annotations.of_items(self._connection, Owner(run), keys)
            yield from ((item, truth[item.key], found.get(item.key, [])) for item in page)

    def _image(self, item: Item, payload: dict[str, Any], size: Size) -> dict[str, Any]:
        kept = (payload.get("metadata") or {}).get(COCO)
        image = dict(kept) if isinstance(kept, dict) else {}
        image["id"] = self._images.given(image.get("id"), item.key)
        image.setdefault("file_name", _file_name(payload))
        image["height"], image["width"] = size
        guessed = items.size_of(payload) is None
        if guessed:
            image[GUESSED] = True
            self.notes["images without a width and height, which get those of what holds their objects"] += 1
        if item.blob:
            self.notes["pictures that were uploaded, which are not in the file"] += 1
        if item_payload(image) != payload:
            sides = () if guessed else ("width", "height")
            image[OWN] = {name: value for name, value in payload.items() if name not in sides}
        return image

    def _of_truth(self, things: list[Thing], image: Any) -> Iterator[dict[str, Any]]:
        """Yield the entries of an item's truth; a box and an outline that were one entry are one again."""
        used = [one for one in things if self._kind in (None, one.kind)]
        boxes = {one.pair: one.bbox for one in used if one.kind == "box" and one.pair is not None}
        outlines = {one.pair: one for one in used if one.kind == "mask" and one.pair in boxes}
        for one in used:
            joined = one.pair in outlines
            if joined and one.kind == "mask":
                continue  # it is where its box is
            thing = outlines[one.pair] if joined else one
            members = thing.members() | ({"bbox": one.bbox} if joined else {})
            kept = {name: value for name, value in thing.kept.items() if name != "id"}
            id = self._entries.given(thing.kept.get("id"))
            entry = {"id": id, "image_id": image, "category_id": self._category(one.label), **members, **kept}
            yield entry if thing.own is None else {**entry, OWN: thing.own}
            self.notes["boxes with an outline" if joined else f"{_KINDS[one.kind]} alone"] += 1

    def _of_run(self, things: Iterator[Thing], image: Any, kind: Kind) -> Iterator[dict[str, Any]]:
        for one in things:
            if one.kind != kind:
                continue
            if one.score is None or (kind == "mask" and one.lengths is None):
                self.notes["predictions without a confidence, which are no results"] += one.score is None
                continue
            kept = {name: value for name, value in one.kept.items() if name != NUMBER}
            shape = {"bbox": one.bbox} if kind == "box" else {"segmentation": one.lengths}
            entry = {"image_id": image, "category_id": self._category(one.label), **shape, "score": one.score, **kept}
            yield entry if one.own is None else {**entry, OWN: one.own}

    def _category(self, label: str) -> Any:
        if label not in self._ids:
            known = [one["id"] for one in self._categories if isinstance(one["id"], int)]
            self._ids[label] = max(known, default=0) + 1
            self._categories.append({"id": self._ids[label], "name": label})
        return self._ids[label]


_KINDS = {"box": "boxes", "mask": "outlines"}


class _Numbers:
    """Ids, each given once."""

    def __init__(self) -> None:
        self._given: set[Any] = set()
        self._highest = 0

    def given(self, *wishes: Any) -> Any:
        """Give the first of some ids that is free, or else a new one."""
        free = (one for one in wishes if isinstance(one, int | str) and one not in self._given)
        id = next(free, self._highest + 1)
        self._given.add(id)
        self._highest = max(self._highest, id) if isinstance(id, int) else self._highest
        return id


class _Array:
    """Writes an array, a value a line."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._separator = "["

    def add(self, value: object) -> None:
        """Write a value."""
        self._file.write(f"{self._separator}{json.dumps(value)}")
        self._separator = ",\n"

    def end(self) -> None:
        """Write the end."""
        self._file.write("[]" if self._separator == "[" else "]")


def _file_name(payload: dict[str, Any]) -> str:
    """Return an item's reference as a path below a folder, with the suffix of its picture."""
    path = PurePosixPath(*(part for part in PurePosixPath(payload["reference_id"]).parts if part not in ("/", "..")))
    suffix = PurePosixPath(urlsplit(payload["image_url"]).path).suffix
    return str(path) if path.suffix.lower() == suffix.lower() or not suffix else f"{path}{suffix}"
