"""Which models are loaded: load in the background or at once, lease while predicting, unload, close."""

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
    """A loaded model with the queue in front of it."""

    engine: Engine
    dispatcher: Dispatcher

    @property
    def name(self) -> str:
        """What answers call the model."""
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
    """Models by the key that they were loaded under; safe to use from many threads.

    `patience` is how many seconds a lease waits for a model that is being loaded: with several workers a request may
    come to one that is loading, while /ping was answered by another.
    """

    def __init__(self, patience: float = 0.0) -> None:
        self._patience = patience
        self._slots: dict[str, _Slot] = {}
        self._moving: dict[str, _Slot] = {}  # keys in transition, loading or unloading: not leasable
        self._changed = threading.Condition()  # either of them, or the leases

    def load(self, key: str, load: Load) -> None:
        """Begin to load a model in a thread of its own; `state` and `lease` tell how it went."""
        slot = self._slots[key] = _Slot()
        threading.Thread(target=self._load, args=(key, slot, load), name=f"load {key}", daemon=True).start()

    def _load(self, key: str, slot: _Slot, load: Load) -> None:
        try:
            _fill(key, slot, load)
        except ModelError as error:
            slot.state, slot.reason = "failed", str(error)
            log.error("model %s cannot be loaded: %s", key, error)
        except Exception as error:  # whatever a model raises while loading must be told, not end a thread unheard
            slot.state, slot.reason = "failed", unforeseen(error)
            log.exception("model %s cannot be loaded", key)
        slot.settled.set()

    def add(self, key: str, load: Load) -> None:
        """Load a model, waiting for it; ModelAlreadyLoaded, or whatever `load` raises, and then nothing is left."""
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
        """End a model when the last request that leases it is done; ModelNotFound where there is none, or at once."""
        with self._changed:
            slot = self._slot(key)
            self._moving[key] = self._slots.pop(key)
            self._changed.wait_for(lambda: not slot.leases)
        if slot.model is not None:
            slot.model.dispatcher.close()
            metrics.MODELS.dec()
        self._moved(key, None)

    def _moved(self, key: str, slot: _Slot | None) -> None:
        with self._changed:  # in one step: between two, another may begin to unload what was just added
            del self._moving[key]
            if slot is not None:
                self._slots[key] = slot
            self._changed.notify_all()

    def holds(self, key: str) -> bool:
        """Whether there is a model to lease; one that is being added or unloaded is waited for.

        Where it could not be added, those who waited get what `add` raised: each would wait as long again to be told.
        """
        with self._changed:
            slot = self._moving.get(key)
            self._changed.wait_for(lambda: key not in self._moving)
            if slot is not None and slot.failure is not None:
                raise slot.failure
            return key in self._slots

    def wait(self, key: str, seconds: float | None = None) -> None:
        """Wait until a load has ended, well or badly."""
        self._slots[key].settled.wait(seconds)

    def state(self, key: str) -> tuple[State, str]:
        """How a model stands, and why where its load has failed; ModelNotFound where there is no such key."""
        slot = self._slot(key)
        return slot.state, slot.reason

    @contextmanager
    def lease(self, key: str) -> Iterator[Model]:
        """The model under `key` for the time of one request; ModelNotFound, or ModelNotReady with the reason."""
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
        """In one line, which model will not answer any more and why, or ""; see Dispatcher.broken."""
        for key, model in self._models():
            if reason := model.dispatcher.broken(seconds):
                return f"model {key}: {reason}"
        return ""

    def abandon(self) -> None:
        """Refuse what waits for any model."""
        for _, model in self._models():
            model.dispatcher.abandon()

    def close(self) -> None:
        """Finish what is queued and end the threads of every model."""
        for _, model in self._models():
            model.dispatcher.close()

    def _models(self) -> list[tuple[str, Model]]:
        """All that predict, those that finish before they are unloaded too."""
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
    """What may be told of an error that nobody foresaw."""
    return f"the model cannot be loaded ({type(error).__name__}); the log says why"
