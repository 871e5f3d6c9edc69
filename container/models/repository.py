"""Which models are loaded: load in the background, lease while predicting, close."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from container.engines._base import Engine
from container.engines._dispatch import Dispatcher
from container.errors import ModelError, ModelNotFound, ModelNotReady

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
    settled: threading.Event = field(default_factory=threading.Event)


class Repository:
    """Models by the key that they were loaded under; safe to use from many threads.

    `patience` is how many seconds a lease waits for a model that is being loaded: with several workers a request may
    come to one that is loading, while /ping was answered by another.
    """

    def __init__(self, patience: float = 0.0) -> None:
        self._patience = patience
        self._slots: dict[str, _Slot] = {}

    def load(self, key: str, load: Load) -> None:
        """Begin to load a model in a thread of its own; `state` and `lease` tell how it went."""
        slot = self._slots[key] = _Slot()
        threading.Thread(target=self._load, args=(key, slot, load), name=f"load {key}", daemon=True).start()

    def _load(self, key: str, slot: _Slot, load: Load) -> None:
        begun = time.monotonic()
        try:
            slot.model = load()
        except ModelError as error:
            slot.state, slot.reason = "failed", str(error)
            log.error("model %s cannot be loaded: %s", key, error)
        except Exception as error:  # whatever a model raises while loading must be told, not end a thread unheard
            slot.state, slot.reason = "failed", f"the model cannot be loaded ({type(error).__name__}); the log says why"
            log.exception("model %s cannot be loaded", key)
        else:
            slot.state = "ready"
            log.info(
                "model %s (%s) is ready after %.1f s",
                key,
                slot.model.engine.spec.architecture,
                time.monotonic() - begun,
            )
        slot.settled.set()

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
        slot = self._slot(key)
        slot.settled.wait(self._patience)
        if slot.model is None:
            raise ModelNotReady(slot.reason or "the model is still being loaded", retry_after=2)
        yield slot.model

    def broken(self, seconds: float) -> str:
        """In one line, which model will not answer any more and why, or ""; see Dispatcher.broken."""
        for key, slot in list(self._slots.items()):
            if slot.model is not None and (reason := slot.model.dispatcher.broken(seconds)):
                return f"model {key}: {reason}"
        return ""

    def abandon(self) -> None:
        """Refuse what waits for any model."""
        for slot in list(self._slots.values()):
            if slot.model is not None:
                slot.model.dispatcher.abandon()

    def close(self) -> None:
        """Finish what is queued and end the threads of every model."""
        for slot in self._slots.values():
            if slot.model is not None:
                slot.model.dispatcher.close()

    def _slot(self, key: str) -> _Slot:
        try:
            return self._slots[key]
        except KeyError:
            raise ModelNotFound(f"no model {key!r} is loaded; loaded: {', '.join(self._slots) or 'none'}") from None
