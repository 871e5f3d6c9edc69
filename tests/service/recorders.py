"""The fake model behind the application, whose answers are recorded in a store."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from container.app import create_app
from container.engines.base import Engine
from container.errors import NotFound
from container.service import Services, recording
from container.service.recording import Recorder
from container.settings import Settings
from container.store import annotations, datasets, items, runs
from container.store.annotations import Owner
from container.store.store import Store
from tests.fakes import FakeEngine, ready_services
from tests.roomy import roomy

DATASET = "production"
ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"


@dataclass
class Recorded:
    """A client, and what was recorded of its requests."""

    client: FlaskClient
    store: Store
    recorder: Recorder

    def invoke(self, body: bytes, reference_id: str = "", **more: Any) -> dict[str, Any]:
        """The answer of /invocations."""
        attributes = {"reference_id": reference_id, **more}
        answer = self.client.post("/invocations", data=body, headers={ATTRIBUTES: json.dumps(attributes)})
        assert answer.status_code == 200, answer.text
        return dict(answer.json or {})

    def settle(self, seconds: float = 10) -> None:
        """Wait until nothing waits to be recorded."""
        end = time.monotonic() + seconds
        while self.recorder.waiting:
            assert time.monotonic() < end
            time.sleep(0.01)

    def found(self) -> dict[str, dict[str, list[dict[str, Any]]]]:
        """The recorded predictions by run and by item; of a run also the items without any."""
        self.settle()
        with self.store.read() as c:
            (one,) = [one for one in datasets.every(c) if one.name == DATASET]
            there = items.page(c, one.key, 0, 1000)
            return {
                run.name: {
                    item.reference_id: [
                        json.loads(row.payload) for row in annotations.of_item(c, Owner(run.key), item.key)
                    ]
                    for item in there
                }
                for run in runs.of_dataset(c, one.key)
            }

    def references(self) -> list[str]:
        """The references of all items, in their order."""
        return [*dict.fromkeys(name for of_run in self.found().values() for name in of_run)]


@contextmanager
def recorded(
    folder: Path,
    engine: Engine[Any, Any] | None = None,
    most: int = 1_000_000,
    baseline: str = "",
    services: Services | None = None,
    **settings: Any,
) -> Iterator[Recorded]:
    """The application with a store in `folder`, which takes whatever the disk has left, and a quick recorder."""
    with pytest.MonkeyPatch.context() as patch:
        roomy(patch)
        patch.setattr(recording, "PAUSE_SECONDS", 0.01)
        patch.setattr(recording, "RETRY_SECONDS", 0.05)
        store = Store.open(folder)
        recorder = Recorder(store, DATASET, most, baseline)
        services = services or ready_services(engine or FakeEngine())
        services.pipeline.record = recorder.record
        app = create_app(Settings(**settings), replace(services, store=store, recorder=recorder))
        try:
            yield Recorded(app.test_client(), store, recorder)
        finally:
            app.services.draining.set()
            with suppress(NotFound):
                app.close()
            app.services.pool.close()
