"""A reader of text that needs no networks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from container.engines.base import Engine
from container.engines.queue import Dispatcher
from container.models.loading import Loader, Model, Placement, Reserve
from container.models.policies.catalogue import Catalogue
from container.models.store import Store
from container.service import Services
from container.structures import ModelSpec
from container.structures.texts import Reading, TextQuery, Word
from tests.fakes import SPEC, FakeEngine, policy_services


@dataclass
class Reader(Engine[TextQuery, Reading]):
    """Reads a line of two words and one of one in whatever is not black."""

    spec: ModelSpec
    query = TextQuery
    task = "ocr"

    def trial(self) -> TextQuery:
        return TextQuery(np.zeros((1, 1, 3), np.uint8))

    def predict(self, queries: Sequence[TextQuery]) -> Sequence[Reading]:
        return [self._read(query.pixels) for query in queries]

    def _read(self, pixels: np.ndarray) -> Reading:
        hello, number, more = (Word(t, 0.98765, (1.0, 2.0, 11.0, 5.006)) for t in ("HELLO", "42", "ß"))
        return Reading(pixels.shape[:2], ((hello, number), (more,)) if pixels.any() else ())


class Readers(Loader):
    """Loads the fake model, and the reader."""

    def __init__(self) -> None:
        super().__init__(Placement())

    def prepare(self) -> tuple[str, Any]:
        return "torch", lambda: 1 << 50

    def load(self, source: Path | ModelSpec, reserve: Reserve = lambda spec: None) -> Model:
        spec = source if isinstance(source, ModelSpec) else ModelSpec(source.name, "trocr", source)
        reserve(spec)
        engine: Engine[Any, Any] = FakeEngine(spec) if spec == SPEC else Reader(spec)
        return Model(engine, Dispatcher(engine.predict, 8))


def reading_services(store: Path | None = None) -> Services:
    """Services of the fake model and the reader, ready; models of a store are readers, too."""
    services = policy_services(Catalogue(SPEC, None if store is None else Store(store)), Readers())
    services.pool.start()
    assert services.pool.settle() == ("ready", "")
    return services
