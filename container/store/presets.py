"""Presets: configurations of evaluations by name."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, insert, select, update

from container.errors import Conflict, NotFound, shown
from container.store.database import new_id, now
from container.store.tables import preset
from container.store.upserts import one_by_one


class Preset(NamedTuple):
    """A preset; `config` is a JSON object."""

    key: int
    id: str
    name: str
    config: dict[str, Any]
    created_at: float
    updated_at: float


def create(connection: Connection, name: str, config: dict[str, Any]) -> Preset:
    """Make a preset; Conflict if there is one of this name."""
    _check_free(connection, name)
    moment = now()
    values = {"public_id": new_id("prev"), "name": name, "config": json.dumps(config)}
    connection.execute(insert(preset).values(values | {"created_at": moment, "updated_at": moment}))
    return find(connection, values["public_id"])


def find(connection: Connection, preset_id: str) -> Preset:
    """Return a preset by its id; NotFound if there is none."""
    row = connection.execute(select(preset).filter_by(public_id=preset_id)).first()
    if row is None:
        raise NotFound(f"Preset with id {shown(preset_id)} doesn't exist.")
    return _preset(row)


def every(connection: Connection) -> Iterator[Preset]:
    """Yield all presets, newest first."""
    yield from map(_preset, one_by_one(connection, select(preset).order_by(preset.c.id.desc())))


def change(connection: Connection, one: Preset, name: str, config: dict[str, Any]) -> None:
    """Replace the name and the configuration of a preset; Conflict if another one has the name."""
    if name != one.name:
        _check_free(connection, name)
    values = {"name": name, "config": json.dumps(config), "updated_at": now()}
    connection.execute(update(preset).filter_by(id=one.key).values(values))


def remove(connection: Connection, key: int) -> None:
    """Delete a preset."""
    connection.execute(delete(preset).filter_by(id=key))


def _check_free(connection: Connection, name: str) -> None:
    taken = connection.execute(select(preset.c.public_id).filter_by(name=name)).scalar()
    if taken is not None:
        raise Conflict(f"preset {taken} has the name {shown(name)} already")


def _preset(row: Row[Any]) -> Preset:
    return Preset(row.id, row.public_id, row.name, json.loads(row.config), row.created_at, row.updated_at)
