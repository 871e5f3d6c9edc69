"""Synchronous uploads of annotations and predictions: a request is one transaction.

The body is on the disk before the transaction begins, so that a slow sender holds no lock, and is then read object by
object. With masks it is a form: their files are kept before the rows that name them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import BinaryIO, Protocol, TypeVar

from flask import request

from container.background import Rests
from container.errors import BadRequest
from container.protocols.nucleus.attachments import Attachments, received
from container.protocols.nucleus.backend import Backend
from container.protocols.nucleus.bodies import flag
from container.protocols.nucleus.documents import read_arrays
from container.store import annotations
from container.store.annotations import Counts, Owner
from container.store.database import Connection
from container.store.derived import Derived
from container.store.objects import KINDS, ItemRow, Row, read_object
from container.store.upserts import batches

ARRAYS = ("annotations", "segmentations")
MAX_ERRORS = 10_000  # bad objects of one request
_QUOTED = 10  # of them, in the refusal of a request with more
_HELD = 32 << 20  # characters of objects that are held while nothing says whether they replace others
_BATCH = 1000

Kept = TypeVar("Kept", Row, ItemRow)
Read = TypeVar("Read", covariant=True)


class Body(Protocol[Read]):
    """A body whose objects are iterated; `rest` has its other members, as far as it was read."""

    rest: dict[str, object]

    def __iter__(self) -> Iterator[Read]: ...


@dataclass(frozen=True)
class Target:
    """Whose objects are uploaded, and the dataset that they name items of; None if they name it themselves."""

    owner: Owner
    dataset_key: int | None


def take(backend: Backend, find: Callable[[Connection], Target], truth: bool, kinds: Sequence[str] = KINDS) -> Counts:
    """Store the objects of this request's body for the target that `find` returns; return what became of them.

    Those of other than these `kinds` are bad. Raises BadRequest, with nothing stored, for a body of another shape, and
    for over MAX_ERRORS bad objects.
    """
    store = backend.store
    store.check_space()
    with received(request, store.uploads.folder) as (file, files):
        masks = Attachments(files, "mask_url")
        masks.check_png()
        errors: list[str] = []

        def objects() -> "Objects":
            errors.clear()
            return Objects(file, truth, kinds, masks, errors)

        update, rows = with_update(objects)
        masks.keep(store)
        with store.write() as connection:
            target = find(connection)
            masks.add(connection, store)
            counts = Counts()
            for some in batches(rows, _BATCH):
                added = annotations.add(connection, target.owner, target.dataset_key, some, update)
                counts.processed += added.processed
                counts.ignored += added.ignored
                errors += added.errors
                bound(errors)
            masks.check_all_bound()
            counts.errors = errors
    return counts


class Objects:
    """The good objects of a body as rows; the texts of the bad ones go to `errors`."""

    def __init__(
        self, file: BinaryIO, truth: bool, kinds: Sequence[str], masks: Attachments, errors: list[str]
    ) -> None:
        file.seek(0)
        self._arrays = read_arrays(file, ARRAYS)
        self.rest = self._arrays.rest
        self._truth = truth
        self._kinds = kinds
        self._masks = masks
        self._errors = errors

    def __iter__(self) -> Iterator[Row]:
        derived = Derived()
        self._masks.begin()
        for _, value, text in self._arrays:
            row = read_object(value, text, truth=self._truth, derived=derived)
            blob = self._masks.next(value) if self._masks.expected and _is_segmentation(value) else None
            if not isinstance(row, str) and row.kind not in self._kinds:
                row = f"{row.kind} of item {row.item_id or row.reference_id}: it takes {', '.join(self._kinds)} only"
            if isinstance(row, str):
                self._errors.append(row)
                bound(self._errors)
            else:
                yield replace(row, blob=blob) if blob else row


def _is_segmentation(value: object) -> bool:
    return isinstance(value, dict) and value.get("type") == "mask"


def with_update(read: Callable[[], Body[Kept]]) -> tuple[bool, Iterator[Kept]]:
    """Return the member `update` of a body and the rows of its objects, whichever comes first in it.

    Bodies whose objects come first are held if they are small, and read twice if they are not.
    """
    objects = read()
    rows = iter(objects)
    unhurried = Rests().between(rows)  # before the transaction, which others wait for
    held: list[Kept] = []
    size = 0
    for row in unhurried:
        held.append(row)
        size += len(row.payload)
        if size > _HELD:
            break
    else:
        return flag(objects.rest, "update"), iter(held)
    if "update" in objects.rest:
        return flag(objects.rest, "update"), chain(held, rows)
    held.clear()
    for _ in unhurried:
        pass
    return flag(objects.rest, "update"), iter(read())


def bound(errors: list[str]) -> None:
    """Raise BadRequest, which quotes the first of them, for over MAX_ERRORS errors."""
    if len(errors) > MAX_ERRORS:
        quoted = "; ".join(errors[:_QUOTED])
        raise BadRequest(f"over {MAX_ERRORS:,} objects are bad, and nothing of this request is stored: {quoted}")
