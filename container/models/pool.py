"""The owner of the loaded models: one slot a key, leased for predictions; a policy decides what is loaded and when.

pool = ModelPool(Catalogue(source), Loader(placement))
pool.start()
pool.settle()  # ("ready", "")
with pool.lease(pool.policy.key(None)) as model:
    model.dispatcher.predict(…)
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from container.engines.base import Engine
from container.errors import (
    InsufficientMemory,
    ModelAlreadyLoaded,
    ModelError,
    ModelNotFound,
    ModelNotReady,
    ServingError,
)
from container.gate import outside
from container.models.budget import Budget
from container.models.loading import Loader, Model, unforeseen
from container.models.policies import Policy
from container.models.slot import Slot, oldest_idle, others_end
from container.structures import ModelSpec
from container.telemetry import metrics

log = logging.getLogger(__name__)

Health = Literal["loading", "ready", "failed"]


class ModelPool:
    """Loaded models by key; thread-safe.

    `patience` is the number of seconds that a request waits for the start: with several workers it may reach one that
    is still loading, after another has answered /ping.
    """

    def __init__(self, policy: Policy, loader: Loader, patience: float = 0.0) -> None:
        self.policy = policy
        self._loader = loader
        self._patience = patience
        self._budget: Budget  # set by `start`, as the device is not known before
        self._slots: dict[str, Slot] = {}
        self._wanted: Counter[str] = Counter()  # leases that wait for a load, by key
        self._changed = threading.Condition()  # notified of changes to the slots or their leases
        self._health: tuple[Health, str] = ("loading", "")
        self._started = threading.Event()
        self.on_unload: Callable[[Engine[Any, Any]], None] = lambda engine: None  # called before a model is gone
        policy.pool = self

    def start(self) -> None:
        """Start in the background: prepare the loader, then load what the policy wants from the start."""
        threading.Thread(target=self._start, name="start", daemon=True).start()

    def _start(self) -> None:
        try:
            backend, available = self._loader.prepare()
            self._budget = Budget(backend, available, self.policy.make_room)
            self.policy.start()
            self._health = ("ready", "")
        except (ModelError, ServingError) as error:
            self._health = ("failed", str(error))
            log.error("models cannot be loaded: %s", error)
        except Exception as error:  # any error must be reported, not end the thread silently
            self._health = ("failed", unforeseen(error))
            log.exception("models cannot be loaded")
        self._started.set()

    def health(self) -> tuple[Health, str]:
        """Return the state of the start and, if it failed, the reason."""
        return self._health

    def settle(self, seconds: float | None = None) -> tuple[Health, str]:
        """Wait until the start has ended, at most `seconds`, and return `health`."""
        if not self._started.is_set():
            with outside():
                self._started.wait(seconds)
        return self._health

    def check(self, meanwhile: str) -> None:
        """Raise ModelNotReady, with `meanwhile` or the reason of the failure, unless the start has succeeded."""
        health, reason = self.settle(self._patience)
        if health != "ready":
            raise ModelNotReady(reason or meanwhile, retry_after=2)

    def load(self, key: str, source: Path | ModelSpec, origin: str = "") -> str:
        """Load a model, wait for it, and return its name in answers; a failed load leaves nothing behind.

        Raises ModelAlreadyLoaded if the key is taken, also by a model in transition; InsufficientMemory if the policy
        has no place for it; and the errors of Loader.load.
        """
        with self._changed:
            if key in self._slots:
                raise ModelAlreadyLoaded(f"a model is loaded as {key!r}, or is being loaded or unloaded")
            slot = self._slots[key] = Slot(key, origin)
        begun = time.monotonic()
        try:
            self._take_place(slot)
            model = self._loader.load(source, partial(self._budget.reserve, key))
        except Exception as error:
            slot.failure = error
            self._remove(key)
            raise
        self._budget.loaded(key)
        engine = model.engine
        model.dispatcher.waiting = metrics.model_loaded(engine.spec.name, self._loader.device)
        log.info("model %s (%s) is ready after %.1f s", key, engine.spec.architecture, time.monotonic() - begun)
        with self._changed:
            slot.model, slot.state, slot.last_used = model, "ready", time.monotonic()
            slot.name, slot.task = engine.spec.name, engine.task
            self._changed.notify_all()
        self.policy.changed()
        return engine.spec.name

    def _take_place(self, slot: Slot) -> None:
        """Wait for one of the policy's places, which are counted and taken at once, so that there are never more."""
        while True:
            with self._changed:
                if self._place_is_free():
                    slot.state = "loading"
                    return
            if not self.policy.make_room(slot.key, 0):
                raise InsufficientMemory(f"there are places for {self.policy.places} models at once, all of them taken")

    def _place_is_free(self) -> bool:
        return sum(slot.state != "waiting" for slot in self._slots.values()) < self.policy.places

    def unload(self, key: str) -> None:
        """Unload a model once its last lease is released; ModelNotFound at once if there is none."""
        with self._changed:
            slot = self._expected(key)
            slot.state = "unloading"
        self._end(key, slot)

    def unload_idle(self, key: str) -> bool:
        """Unload a model, unless a request has leased it or there is none; return True if it has been unloaded."""
        with self._changed:
            slot = self._ready(key)
            if slot is None or slot.leases or self._wanted[key]:
                return False
            slot.state = "unloading"
        self._end(key, slot)
        metrics.model_evicted(slot.name)
        return True

    def evict(self, asking: str, spared: str = "") -> bool:
        """Unload the idle model that was used longest ago, but not `spared`, for the load of `asking`.

        While none is idle it waits for other loads, and for models that are about to be gone. Returns False once that
        is in vain: all have requests in flight, or waiting for them. A policy may call it in `make_room`.
        """
        waited = False
        while True:
            with outside(), self._changed:
                slot = self._slots[asking]
                slot.lacking = slot.state == "loading"
                self._changed.notify_all()  # others that wait for this load
                while (oldest := self._oldest_idle(spared)) is None and others_end(self._slots.values(), slot):
                    self._changed.wait()
                    waited = True
                slot.lacking = False
                free = slot.state == "waiting" and self._place_is_free()
            if free or oldest is None:
                return free or waited
            if self.unload_idle(oldest):
                return True

    def _oldest_idle(self, spared: str) -> str | None:
        return oldest_idle(slot for key, slot in self._slots.items() if key != spared and not self._wanted[key])

    def _end(self, key: str, slot: Slot) -> None:
        self.policy.changed()
        with outside(), self._changed:
            self._changed.wait_for(lambda: not slot.leases)
        assert slot.model is not None
        slot.model.dispatcher.close()
        self.on_unload(slot.model.engine)
        metrics.model_unloaded(slot.model.name)
        slot.model = None
        self._loader.give_back()
        self._remove(key)

    def _remove(self, key: str) -> None:
        self._budget.release(key)
        with self._changed:
            del self._slots[key]
            self._changed.notify_all()

    def holds(self, key: str) -> bool:
        """Return True if a model can be leased, waiting for one that is being loaded or unloaded.

        If loading fails, all waiting callers get the error of `load`; otherwise each would wait as long again for it.
        """
        with outside(), self._changed:
            slot = self._slots.get(key)
            self._changed.wait_for(lambda: key not in self._slots or self._slots[key].state == "ready")
            if slot is not None and slot.failure is not None:
                raise slot.failure
            return key in self._slots

    def is_ready(self, key: str) -> bool:
        """Return True if a model can be leased without waiting."""
        with self._changed:
            return self._ready(key) is not None

    def asked(self, name: str) -> str | None:
        """Return the key of the model that is loaded and was asked for under the id `name` before, or None."""
        with self._changed:
            for slot in self._slots.values():
                if name in slot.ids and slot.state == "ready":
                    slot.last_used = time.monotonic()
                    return slot.key
        return None

    def ask(self, key: str, name: str) -> bool:
        """Note that a model is asked for under the id `name`; return False if none is loaded as `key`."""
        with self._changed:
            slot = self._ready(key)
            if slot is None:
                return False
            slot.last_used = time.monotonic()
            if name not in slot.ids:
                slot.ids += (name,)
            return True

    def peek(self, key: str) -> Engine[Any, Any] | None:
        """Return a model that is ready, to read what it says of itself, or None; it may be unloaded meanwhile."""
        with self._changed:
            slot = self._ready(key)
            return slot.model.engine if slot is not None and slot.model is not None else None

    @property
    def device(self) -> str:
        """The device of the models, such as cuda:0; "" until the start has found it."""
        return self._loader.device

    @contextmanager
    def lease(self, key: str) -> Iterator[Model]:
        """Lease the model under `key` for one request, loading it if the policy provides it and it is not loaded.

        Raises ModelNotFound, ModelNotReady with the reason, and the errors of Policy.provide. Whoever has a lease must
        not ask for another of the same model: it would wait for an unload that waits for the first.
        """
        self.check("the model is still being loaded")
        with self._changed:
            slot = self._ready(key)
            if slot is not None:
                slot.leases += 1
        if slot is None:
            slot = self._provided(key)
        try:
            assert slot.model is not None
            yield slot.model
        finally:
            with self._changed:
                slot.leases -= 1
                slot.last_used = time.monotonic()
                self._changed.notify_all()

    def _provided(self, key: str) -> Slot:
        """Return the slot of a model that the policy provides, leased."""
        with self._changed:
            self._wanted[key] += 1  # from now on no load of another makes it give way
        try:
            while True:
                provided = self.policy.provide(key)
                with self._changed:
                    slot = self._ready(key) if provided else self._expected(key)
                    if slot is not None:
                        slot.leases += 1
                        return slot
        finally:
            with self._changed:
                self._wanted[key] -= 1
                if not self._wanted[key]:
                    del self._wanted[key]
                self._changed.notify_all()

    def list(self) -> Sequence[Slot]:
        """Return copies of all slots, without their models, in the order of their loads."""
        with self._changed:
            slots = self._slots.values()
            return [replace(slot, model=None, cost=self._budget.cost(slot.key)) for slot in slots]

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

    def _models(self) -> Sequence[tuple[str, Model]]:
        """Return all models that predict, including those that finish requests before they are unloaded."""
        with self._changed:
            return [(key, slot.model) for key, slot in self._slots.items() if slot.model is not None]

    def _ready(self, key: str) -> Slot | None:
        slot = self._slots.get(key)
        return slot if slot is not None and slot.state == "ready" else None

    def _expected(self, key: str) -> Slot:
        """Return the slot of a model that can be leased; ModelNotFound names those that can."""
        slot = self._ready(key)
        if slot is not None:
            return slot
        known = [key for key, slot in self._slots.items() if slot.state == "ready"]
        some = ", ".join(known[:10]) + (" and others" if len(known) > 10 else "")
        raise ModelNotFound(f"no model {key!r} is loaded; loaded: {some or 'none'}")
