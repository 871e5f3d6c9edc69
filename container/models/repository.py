"""Registry of loaded models: load in the background or while waiting, lease for a prediction, unload, close."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from container.engines.base import Engine
from container.engines.queue import Dispatcher
from container.errors import ModelAlreadyLoaded, ModelError, ModelNotFound, ModelNotReady
from container.telemetry import metrics

log = logging.getLogger(__name__)

State = Literal["loading", "ready", "failed"]


@dataclass(frozen=True)
class Model:
    """A loaded model with its request queue."""

    engine: Engine
    dispatcher: Dispatcher

    @property
    def name(self) -> str:
        """The name of the model in responses."""
        return self.engine.spec.name


Load = Callable[[], Model]


@dataclass
class _Slot:
    state: State = "loading"
    reason: str = ""
    model: Model | None = None
    failure: Exception | None = None  # of `add`
    settled: threading.Event = field(default_factory=threading.Event)
    leases: int = 0


class Repository:
    """Loaded models by key; thread-safe.

    `patience` is the number of seconds that a lease waits for a model that is being loaded: with several workers a
    request may reach one that is still loading, after another has answered /ping.
    """

    def __init__(self, patience: float = 0.0) -> None:
        self._patience = patience
        self._slots: dict[str, _Slot] = {}
        self._moving: dict[str, _Slot] = {}  # keys in transition, loading or unloading: not leasable
        self._changed = threading.Condition()  # notified of changes to either dict, or to the leases

    def load(self, key: str, load: Load) -> None:
        """Start loading a model in its own thread; `state` and `lease` report the outcome."""
        slot = self._slots[key] = _Slot()
        threading.Thread(target=self._load, args=(key, slot, load), name=f"load {key}", daemon=True).start()

    def _load(self, key: str, slot: _Slot, load: Load) -> None:
        try:
            _fill(key, slot, load)
        except ModelError as error:
            slot.state, slot.reason = "failed", str(error)
            log.error("model %s cannot be loaded: %s", key, error)
        except Exception as error:  # any error of loading must be reported, not end the thread silently
            slot.state, slot.reason = "failed", unforeseen(error)
            log.exception("model %s cannot be loaded", key)
        slot.settled.set()

    def add(self, key: str, load: Load) -> None:
        """Load a model and wait for it; ModelAlreadyLoaded, or any error of `load`, which leaves nothing behind."""
        with self._changed:
            if key in self._slots or key in self._moving:
                raise ModelAlreadyLoaded(f"a model is loaded as {key!r}, or is being loaded or unloaded")
            slot = self._moving[key] = _Slot()
        try:
            _fill(key, slot, load)
            slot.settled.set()
        except Exception as error:
            slot.failure = error
            raise
        finally:
            self._moved(key, slot if slot.state == "ready" else None)

    def unload(self, key: str) -> None:
        """Unload a model once its last lease is released; ModelNotFound at once if there is none."""
        with self._changed:
            slot = self._slot(key)
            self._moving[key] = self._slots.pop(key)
            self._changed.wait_for(lambda: not slot.leases)
        if slot.model is not None:
            slot.model.dispatcher.close()
            metrics.MODELS.dec()
        self._moved(key, None)

    def _moved(self, key: str, slot: _Slot | None) -> None:
        with self._changed:  # in one step, so that no other thread can unload the model in between
            del self._moving[key]
            if slot is not None:
                self._slots[key] = slot
            self._changed.notify_all()

    def holds(self, key: str) -> bool:
        """Return True if a model can be leased, waiting for one that is being added or unloaded.

        If adding fails, all waiting callers get the error of `add`; otherwise each would wait as long again for it.
        """
        with self._changed:
            slot = self._moving.get(key)
            self._changed.wait_for(lambda: key not in self._moving)
            if slot is not None and slot.failure is not None:
                raise slot.failure
            return key in self._slots

    def wait(self, key: str, seconds: float | None = None) -> None:
        """Wait until a load has succeeded or failed."""
        self._slots[key].settled.wait(seconds)

    def state(self, key: str) -> tuple[State, str]:
        """Return the state of a model, and the reason if its load failed; ModelNotFound for an unknown key."""
        slot = self._slot(key)
        return slot.state, slot.reason

    @contextmanager
    def lease(self, key: str) -> Iterator[Model]:
        """Lease the model under `key` for one request; ModelNotFound, or ModelNotReady with the reason."""
        self._slot(key).settled.wait(self._patience)
        with self._changed:
            slot = self._slot(key)
            if slot.model is None:
                raise ModelNotReady(slot.reason or "the model is still being loaded", retry_after=2)
            slot.leases += 1
        try:
            yield slot.model
        finally:
            with self._changed:
                slot.leases -= 1
                self._changed.notify_all()

    def broken(self, seconds: float) -> str:
        """Return the key of a broken model and the reason in one line, or ""; see Dispatcher.broken."""
        for key, model in self._models():
            if reason := model.dispatcher.broken(seconds):
                return f"model {key}: {reason}"
        return ""

    def abandon(self) -> None:
        """Reject the queued requests of every model."""
        for _, model in self._models():
            model.dispatcher.abandon()

    def close(self) -> None:
        """Finish the queued requests and stop the threads of every model."""
        for _, model in self._models():
            model.dispatcher.close()

    def _models(self) -> list[tuple[str, Model]]:
        """Return all models that predict, including those that finish requests before they are unloaded."""
        with self._changed:
            slots = [*self._slots.items(), *self._moving.items()]
        return [(key, slot.model) for key, slot in slots if slot.model is not None]

    def _slot(self, key: str) -> _Slot:
        try:
            return self._slots[key]
        except KeyError:
            known = list(self._slots)
            some = ", ".join(known[:10]) + (" and others" if len(known) > 10 else "")
            raise ModelNotFound(f"no model {key!r} is loaded; loaded: {some or 'none'}") from None


def _fill(key: str, slot: _Slot, load: Load) -> None:
    begun = time.monotonic()
    slot.model = load()
    slot.state = "ready"
    metrics.MODELS.inc()
    architecture = slot.model.engine.spec.architecture
    log.info("model %s (%s) is ready after %.1f s", key, architecture, time.monotonic() - begun)


def unforeseen(error: Exception) -> str:
    """Return the message of an unexpected error, without its details."""
    return f"the model cannot be loaded ({type(error).__name__}); the log says why"
