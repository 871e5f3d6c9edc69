"""Items and annotations as replies show them: the JSON that was sent, with what the server adds."""

from collections.abc import Iterable

from container.protocols.nucleus.addresses import Addresses
from container.protocols.nucleus.replies import array, dump, members, with_members
from container.store.annotations import Stored
from container.store.items import Item

# The kinds of objects, in the order of replies. The client knows no multicategory among predictions.
PREDICTED = ("box", "line", "polygon", "cuboid", "category", "keypoints", "segmentation")
TRUTH = (*PREDICTED, "multicategory")
_LISTS_OF_A_ROW = ("box", "line", "polygon", "keypoints", "cuboid", "category", "multicategory")


class Shapes:
    """Writes items and annotations as JSON texts."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses

    def item(self, item: Item) -> str:
        """Return an item with its own id, and the address of its picture if that was uploaded."""
        more = {"dataset_item_id": item.id}
        if item.blob:
            more["processed_url"] = self._addresses.mask(item.blob)
        return with_members(item.payload, more)

    def one(self, stored: Stored) -> str:
        """Return an annotation, with the address of its mask if that was uploaded."""
        if not stored.blob:
            return stored.payload
        return with_members(stored.payload, {"mask_download_url": self._addresses.mask(stored.blob)})

    def by_kind(self, rows: Iterable[Stored], kinds: tuple[str, ...]) -> str:
        """Return lists of annotations by kind, without the empty ones."""
        found: dict[str, list[str]] = {kind: [] for kind in kinds}
        for row in rows:
            if row.kind in found:
                found[row.kind].append(self.one(row))
        return members({kind: array(texts) for kind, texts in found.items() if texts})

    def flat(self, rows: Iterable[Stored]) -> str:
        """Return predictions in one list."""
        return members({"predictions": array(self.one(row) for row in rows if row.kind in PREDICTED)})

    def with_item(self, item: Item, rows: Iterable[Stored]) -> str:
        """Return an item and its annotations by kind."""
        return members({"item": self.item(item), "annotations": self.by_kind(rows, TRUTH)})

    def row(self, item: Item, rows: Iterable[Stored]) -> str:
        """Return a row of an export: an item, all lists of its annotations, and its segmentation or null."""
        found: dict[str, list[str]] = {kind: [] for kind in TRUTH}
        for row in rows:
            found[row.kind].append(self.one(row))
        lists = {kind: array(found[kind]) for kind in _LISTS_OF_A_ROW}
        segmentation = found["segmentation"][0] if found["segmentation"] else dump(None)
        return members({"item": self.item(item), **lists, "segmentation": segmentation})
