"""Rows of objects and items, as the store keeps them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """A checked annotation or prediction, as the store keeps it."""

    reference_id: str | None
    item_id: str | None
    dataset_id: str | None
    kind: str
    key: str
    label: str
    confidence: float | None
    payload: str
    blob: str | None = None


@dataclass(frozen=True, slots=True)
class ItemRow:
    """A checked item."""

    reference_id: str
    image_url: str
    payload: str
