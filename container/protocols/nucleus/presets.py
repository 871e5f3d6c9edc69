"""Presets of evaluations: which labels count as one, and what is left out, under a name. All keys see the same ones."""

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response, request

from container.protocols.nucleus import configs, openapi
from container.protocols.nucleus.backend import Backend
from container.protocols.nucleus.bodies import known, read_document, text
from container.protocols.nucleus.jobs import dated
from container.protocols.nucleus.names import PREFIX
from container.protocols.nucleus.replies import dump, reply, streamed, streamed_array
from container.store import presets
from container.store.presets import Preset

_ROOT = f"{PREFIX}/evaluationV2Presets"
_PRESET = openapi.members(id=openapi.TEXT, name=openapi.TEXT)
_CONFIG = {"rollup_groups": configs.groups, "allowed_label_matches": configs.pairs, "exclusion_rules": configs.rules}


def add_routes(blueprint: Blueprint, backend: Backend) -> None:
    """Add the routes of presets."""
    store = backend.store

    @blueprint.get(_ROOT)
    @openapi.described("All presets of evaluations, the newest first", {"type": "array", "items": _PRESET})
    def every_preset() -> Response:
        def pieces() -> Iterator[str]:
            with store.read() as connection:
                yield from streamed_array(dump(_shape(one)) for one in presets.every(connection))

        return streamed(pieces())

    @blueprint.post(_ROOT)
    @openapi.described("Make a preset of evaluations", _PRESET, openapi.members(name=openapi.NAME), conflicts=True)
    def create_preset() -> Response:
        document = known(read_document(request), "name", *_CONFIG)
        name, config = text(document, "name"), _checked(_config(document))
        with store.write() as connection:
            return reply(_shape(presets.create(connection, name, config)))

    @blueprint.patch(f"{_ROOT}/<preset_id>")
    @openapi.described("Change a preset; null takes a member away", _PRESET, openapi.OBJECT, conflicts=True)
    def change_preset(preset_id: str) -> Response:
        document = known(read_document(request), "name", *_CONFIG)
        changed = _config(document)
        with store.write() as connection:
            one = presets.find(connection, preset_id)
            name = text(document, "name") if "name" in document else one.name
            presets.change(connection, one, name, _checked({**one.config, **changed}))
            return reply(_shape(presets.find(connection, preset_id)))

    @blueprint.delete(f"{_ROOT}/<preset_id>")
    @openapi.described("Delete a preset", openapi.members(message=openapi.TEXT))
    def remove_preset(preset_id: str) -> Response:
        with store.write() as connection:
            presets.remove(connection, presets.find(connection, preset_id).key)
        return reply({"message": "The preset was deleted."})


def _config(document: dict[str, Any]) -> dict[str, Any]:
    """Return what a document says about each part of a configuration that it names."""
    return {name: read(document, name) for name, read in _CONFIG.items() if name in document}


def _checked(config: dict[str, Any]) -> dict[str, Any]:
    configs.compared_by(config)
    return config


def _shape(one: Preset) -> dict[str, Any]:
    """Return a preset as replies show it."""
    return {
        "id": one.id,
        "name": one.name,
        "rollup_groups": configs.shown_groups(one.config.get("rollup_groups", ())) or None,
        "allowed_label_matches": configs.shown_pairs(one.config.get("allowed_label_matches", ())) or None,
        "exclusion_rules": one.config.get("exclusion_rules") or None,
        "created_by_user_id": None,
        "created_at": dated(one.created_at),
        "updated_at": dated(one.updated_at),
        "deleted_at": None,
    }
