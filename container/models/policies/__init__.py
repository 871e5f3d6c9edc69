"""Policies of the model pool, a file each: which models are loaded, when, and which one gives way to another."""

import time
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from container.errors import ModelNotFound, ServingError, shown

if TYPE_CHECKING:
    from container.models.pool import ModelPool


class Named(NamedTuple):
    """What an id means."""

    key: str  # of the pool
    load_seconds: float  # that the request waited for the model to be loaded; 0.0 if it was


class Row(NamedTuple):
    """A loaded model under one of the ids by which it was asked for."""

    id: str
    name: str  # in answers
    task: str  # as Engine.task
    cost: int  # memory in bytes, estimated


class Policy(ABC):
    """A policy of one pool, which calls `start` first, in the background."""

    pool: "ModelPool"  # set by the pool
    served = ""  # the key of the one model of a single-model endpoint; "" if requests name their model
    places: float = float("inf")  # models that may be loaded at once, those that are being loaded or unloaded included
    greeting: str  # what the server does, in the line that it prints when it listens at {url}

    @abstractmethod
    def check(self) -> None:
        """Raise ModelError for what cannot work, as far as can be checked without torch; the pool is not set yet."""

    @abstractmethod
    def start(self) -> None:
        """Load the models that are wanted from the start; an error ends the server."""

    @abstractmethod
    def key(self, target: str | None) -> str:
        """Return the key of the model that a request means by `target`, None if it names none; it may be loaded first.

        Raises ModelNotFound, BadLocation, ModelNotReady and the errors of ModelPool.load.
        """

    def find(self, name: str) -> str:
        """Return the key of the model with the id `name`, without loading it; ModelNotFound.

        By default these are the loaded ones, by their key and by KEY/1.
        """
        for key in (name, name.removesuffix("/1")):
            if self.pool.is_ready(key):
                return key
        raise ModelNotFound(f"no model {shown(name)} is loaded")

    def versions(self, task: str) -> dict[str, str]:
        """Return ids of models of a task that is asked for by version, such as sam, by version.

        By default these are the loaded ones, by their key.
        """
        return {slot.key: slot.key for slot in self.pool.list() if slot.state == "ready" and slot.task == task}

    def provide(self, key: str) -> bool:
        """Load the model under `key` if it is not loaded, waiting for it; return False if that is not for requests.

        Raises ModelNotFound, ModelBroken and InsufficientMemory. By default requests load nothing by id.
        """
        return False

    def id_of(self, key: str) -> str:
        """Return the id of a loaded model that nobody has asked for by id."""
        return f"{key}/1"

    def changed(self) -> None:  # noqa: B027  # few policies need it
        """Called after a model has become ready, and when one is about to be unloaded."""

    def make_room(self, key: str, missing: int) -> bool:
        """Called when the load of `key` lacks `missing` bytes, or a place if that is 0.

        Return True if there may be more now, so that it is looked at again. Models with requests in flight stay: see
        ModelPool.unload_idle and ModelPool.evict. By default none gives way.
        """
        return False

    def check_started(self) -> None:
        """Raise ModelNotReady while the models of the start are being loaded, or if that failed."""
        self.pool.check("the server is still starting")

    def by_id(self, name: str) -> Named:
        """Return what the id `name` means, having loaded it if necessary; the ids asked for are kept for `rows`.

        Raises ModelNotFound, ModelNotReady, ModelBroken and InsufficientMemory.
        """
        self.check_started()
        if (known := self.pool.asked(name)) is not None:
            return Named(known, 0.0)
        begun, key = time.monotonic(), self.find(name)
        if self.pool.ask(key, name):
            return Named(key, 0.0)
        if not self.provide(key):
            raise ModelNotFound(f"no model {shown(name)} is loaded")
        self.pool.ask(key, name)  # if it is gone again already, the lease loads it
        return Named(key, time.monotonic() - begun)

    def remove(self, name: str) -> None:
        """Unload a model by any of its ids once its requests in flight are done; nothing happens if none is loaded.

        Raises ModelNotReady; Conflict if other processes have models, too.
        """
        self.check_started()
        with suppress(ModelNotFound):
            self._unload(self.pool.asked(name) or self.find(name))

    def clear(self) -> None:
        """Unload all models, the served one, too; raises as `remove`."""
        self.check_started()
        for slot in self.pool.list():
            self._unload(slot.key)

    def rows(self) -> list[Row]:
        """Return a row for each id by which a loaded model was asked for since it was loaded, in the order of loads.

        A model that nobody has asked for by id has one row.
        """
        return [
            Row(name, slot.name, slot.task, slot.cost)
            for slot in self.pool.list()
            if slot.state == "ready"
            for name in slot.ids or (self.id_of(slot.key),)
        ]

    def _unload(self, key: str) -> None:
        """Unload a model, also one that is being loaded or unloaded at the moment, and wait until it is gone."""
        with suppress(ServingError):  # of a load that has failed
            while self.pool.holds(key):
                with suppress(ModelNotFound):  # by another, at the same time
                    return self.pool.unload(key)
