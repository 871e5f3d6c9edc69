"""Tags: names on datasets and on models.

tags.OF_DATASETS.add(connection, dataset.key, ["night"])
"""

from collections.abc import Sequence

from sqlalchemy import Connection, Table, delete, select

from container.store.tables import dataset_tag, model_tag
from container.store.upserts import upsert


class Tags:
    """The tags in one table; `key` is the number of the row that has them."""

    def __init__(self, table: Table, owner: str) -> None:
        """`owner` is the column with that number."""
        self._table = table
        self._owner = owner

    def of(self, connection: Connection, key: int) -> list[str]:
        """Return the tags of one owner, sorted."""
        return sorted(connection.execute(select(self._table.c.tag).filter_by(**{self._owner: key})).scalars())

    def every(self, connection: Connection) -> dict[int, list[str]]:
        """Return the tags of all owners that have some, sorted."""
        found: dict[int, list[str]] = {}
        rows = select(self._table.c[self._owner], self._table.c.tag).order_by(self._table.c.tag)
        for key, tag in connection.execute(rows):
            found.setdefault(key, []).append(tag)
        return found

    def add(self, connection: Connection, key: int, names: Sequence[str]) -> None:
        """Add tags; those that are there stay."""
        if names:
            rows = [{self._owner: key, "tag": name} for name in sorted({*names})]
            connection.execute(upsert(connection, self._table, (self._owner, "tag")), rows)

    def remove(self, connection: Connection, key: int, names: Sequence[str]) -> int:
        """Remove those of some tags that are there; return how many."""
        where = self._table.c[self._owner] == key, self._table.c.tag.in_(names)
        return connection.execute(delete(self._table).where(*where)).rowcount


OF_DATASETS, OF_MODELS = Tags(dataset_tag, "dataset_id"), Tags(model_tag, "model_id")
