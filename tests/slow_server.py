"""`serve` with a fake model, for what needs a request that takes a known time or fails, or a load that does."""

import itertools
import os
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from container.server.application import Application
from container.settings import Settings

TRAP = 7


def create(settings: Settings, record: Path | None) -> Any:
    """The services; MASKSERVE_TEST_SECONDS is the time of a prediction, …_ERROR what it raises, …_LOAD the time of
    the load, …_FAIL what it raises. It finds …_MASKS masks of …_MASK_SECONDS each; number …_BREAKS_AT fails.
    A picture TRAP pixels wide gets the prediction to do what …_TRAP says. Of threads for requests, each …_THREAD-th
    ends before it has begun, as one does that has no memory to begin with.
    """
    # Here and not above: metrics of several workers want their folder before their import.
    from container.app import open_store
    from container.engines.queue import Dispatcher
    from container.errors import ModelError
    from container.models.loading import Model
    from container.models.policies.explicit import Record
    from tests.fakes import FakeEngine, FakeLoader, TricklingEngine, fake_services, multi_model_services

    if every := int(os.environ.get("MASKSERVE_TEST_THREAD", "0")):
        _end_early(every)
    seconds = float(os.environ.get("MASKSERVE_TEST_SECONDS", "0"))
    load_seconds = float(os.environ.get("MASKSERVE_TEST_LOAD", "0"))
    if settings.multi_model:
        loader = FakeLoader(load_seconds=load_seconds, seconds=seconds, wrap=_trapped)
        root = Path(settings.base_dir, "models")
        return multi_model_services(root, loader, settings.deadline_seconds, Record(record))
    error = os.environ.get("MASKSERVE_TEST_ERROR")
    engine = FakeEngine(seconds=seconds, error=ZeroDivisionError(error) if error else None)
    if masks := os.environ.get("MASKSERVE_TEST_MASKS"):
        engine = TricklingEngine(
            count=int(masks),
            mask_seconds=float(os.environ["MASKSERVE_TEST_MASK_SECONDS"]),
            breaks_at=int(os.environ.get("MASKSERVE_TEST_BREAKS_AT", "-1")),
        )

    def load() -> Model:
        time.sleep(load_seconds)
        if reason := os.environ.get("MASKSERVE_TEST_FAIL"):
            raise ModelError(reason)
        return Model(engine, Dispatcher(_trapped(engine.predict), settings.queue_size))

    patience = settings.deadline_seconds if settings.processes > 1 else 0.0
    return replace(fake_services(load, settings.deadline_seconds, patience), store=open_store(settings))


def _end_early(every: int) -> None:
    class Thread(threading.Thread):
        def _bootstrap(self) -> None:
            if self.name.startswith("ThreadPoolExecutor") and next(numbers) % every == 0:
                raise SystemExit
            super()._bootstrap()

    numbers = itertools.count(1)
    threading.Thread = Thread


def _trapped(predict: Any) -> Any:
    trap = os.environ.get("MASKSERVE_TEST_TRAP")
    if not trap:
        return predict

    from container.engines.runtime import explain

    def run(queries: Any) -> Any:
        if any(query.pixels.shape[1] == TRAP for query in queries):
            if trap == "stall":
                time.sleep(120)
            raise explain(RuntimeError(trap))
        return predict(queries)

    return run


if __name__ == "__main__":
    Application(Settings.from_environ(os.environ), create).run()
