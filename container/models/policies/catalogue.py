"""The served model, and models by id out of a store or a package: loaded when asked for, evicted for room."""

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from container.errors import (
    BadModel,
    Conflict,
    InsufficientMemory,
    ModelAlreadyLoaded,
    ModelBroken,
    ModelNotFound,
    setting_name,
    shown,
)
from container.files import fingerprint
from container.models import artifact
from container.models.artifact import Accept
from container.models.locate import PACKAGED
from container.models.policies import Policy
from container.models.store import Store
from container.structures import ModelSpec

log = logging.getLogger(__name__)

MANY, MINUTE = 5, 60.0  # loads of one model, and the seconds within which they are too many
STORED = "store/"  # before an id of the store in the key of its model, which the served model's has not
INSTALLED = "package/"  # before an id of PACKAGED in the key of its model


class Catalogue(Policy):
    """Serves the model of one folder, archive or spec, loaded at the start; others on demand: of a store, and PACKAGED.

    The served one has the ids NAME and NAME/1, by its name in answers. Of the others the one used longest ago gives way
    where memory or places are needed, and is loaded again when it is asked for.
    """

    served = "model"
    greeting = "and loads its model; {url}/ping says when it is ready, {url}/docs how to ask."

    def __init__(
        self,
        source: Path | ModelSpec,
        store: Store | None = None,
        places: int = 8,
        aliases: Mapping[str, str] | None = None,
        processes: int = 1,
        accept: Accept = lambda spec: None,
    ) -> None:
        """`places` counts the served model; `aliases` are ids by the names that they get besides.

        `accept` raises ModelError for a spec of the source that is not to be served.
        """
        self.places = places
        self._source = source
        self._store = store
        self._aliases = dict(aliases or {})
        self._processes = processes
        self._accept = accept
        self._name = ""  # of the served model in answers, once it was loaded
        self._broken: dict[str, Broken] = {}  # what could not be loaded at last, by key
        self._reloads = Reloads()

    def check(self) -> None:
        """Raise ModelError if the source is not a model, its weights are not there, or the store cannot be read."""
        artifact.check(self._source, self._accept)
        if self._store is not None:
            self._store.check()

    def start(self) -> None:
        """Load the served model."""
        self._name = self.pool.load(self.served, self._source)

    def key(self, target: str | None) -> str:
        """Return the key of the served model, whatever the request names."""
        return self.served

    def find(self, name: str) -> str:
        """Return the key of the model with this id, this alias, or for NAME/1 this NAME."""
        own = (self._name, f"{self._name}/1")
        if name in own:
            return self.served
        meant = self._aliases.get(name, name)
        if meant in own:
            return self.served
        try:
            return STORED + self._stored(meant)
        except ModelNotFound as error:
            with suppress(ModelNotFound):
                return super().find(STORED + meant)  # loaded, and its file is gone
            if meant in PACKAGED:
                return INSTALLED + meant
            if meant == name:
                raise
            reason = f"{shown(name)} stands for {shown(meant)} ({setting_name('model_aliases')}): {error.message}"
            raise ModelNotFound(reason, error.hint) from None

    def versions(self, task: str) -> dict[str, str]:
        """Return the served model, if it is of the task, and those of the store below TASK/."""
        stored = [] if self._store is None else self._store.versions(task)
        own = {self._name: self._name} if self.served in super().versions(task) else {}
        return {version: f"{task}/{version}" for version in stored} | own

    def _stored(self, name: str) -> str:
        if self._store is not None:
            return self._store.find(name)
        raise ModelNotFound(
            f"there is no model {shown(name)}; the only one is {shown(self.id_of(self.served))}",
            hint=f"others are loaded from the folder that {setting_name('model_store')} names",
        )

    def id_of(self, key: str) -> str:
        """Return the id of a model with its version, which is 1 where it has none."""
        name = self._name if key == self.served else key.removeprefix(STORED).removeprefix(INSTALLED)
        return name if "/" in name else f"{name}/1"

    def provide(self, key: str) -> bool:
        """Load a model of this policy unless it is loaded; all who wait for a load get its error."""
        if key != self.served and not key.startswith((STORED, INSTALLED)):
            return False
        name, beside = shown(self.id_of(key)), "" if key == self.served else "the served model and "
        try:
            while not self.pool.holds(key):
                self._load(key)
        except BadModel as error:
            raise ModelBroken(
                f"model {name} cannot be loaded: {error.message}", hint="it is tried again once its files have changed"
            ) from None
        except InsufficientMemory as error:
            raise InsufficientMemory(
                f"model {name} does not fit beside {beside}those with requests in flight: {error.message} "
                f"({setting_name('max_active_models')} is {self.places})",
                hint="ask again when fewer requests are in flight, or give the server more memory or places",
            ) from None
        return True

    def _load(self, key: str) -> None:
        """Load a model, unless another request does; BadModel at once for files that are as they were at the last."""
        source = self._source_of(key)
        files = fingerprint(source.weights if isinstance(source, ModelSpec) else source)
        last = self._broken.get(key)
        if last is not None and files and files == last.files and time.monotonic() < last.until:
            raise BadModel(last.reason)
        try:
            name = self.pool.load(key, source)
        except ModelAlreadyLoaded:
            return
        except BadModel as error:
            self._broken[key] = Broken(files, error.message, time.monotonic() + MINUTE)
            raise
        self._broken.pop(key, None)
        if key == self.served:
            self._name = name
        if self._reloads.too_many(key):
            log.warning(
                "model %s was loaded %d times within a minute: unless clients remove it, more models are asked for "
                "than there is room for; raise %s, or give the server more memory",
                *(self.id_of(key), MANY, setting_name("max_active_models")),
            )

    def _source_of(self, key: str) -> Path | ModelSpec:
        if key.startswith(INSTALLED):
            return PACKAGED[key.removeprefix(INSTALLED)]
        return self._source if key == self.served or self._store is None else self._store.source(key[len(STORED) :])

    def make_room(self, key: str, missing: int) -> bool:
        """Unload the idle model that was used longest ago, never the served one."""
        return self.pool.evict(key, spared=self.served)

    def remove(self, name: str) -> None:
        """Unload a model, also the served one, which its next request loads again."""
        self._check_alone()
        super().remove(name)

    def clear(self) -> None:
        """Unload all models."""
        self._check_alone()
        super().clear()

    def _check_alone(self) -> None:
        if self._processes > 1:
            raise Conflict(
                f"{self._processes} processes have a copy of the model each, and only one would unload it",
                hint=f"with {setting_name('workers')}=1, models can be unloaded",
            )


class Broken(NamedTuple):
    """Files that could not be loaded; after `until` they are tried again, as a full disk may have been the reason."""

    files: object  # their fingerprint
    reason: str
    until: float  # on the monotonic clock


class Reloads:
    """The loads of the last minute, by key; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loads: deque[tuple[float, str]] = deque()
        self._told: set[str] = set()

    def too_many(self, key: str) -> bool:
        """Count a load; return True if it is too many of this model, once until they become fewer."""
        with self._lock:
            now = time.monotonic()
            self._loads.append((now, key))
            while self._loads[0][0] < now - MINUTE:
                self._loads.popleft()
            loads = Counter(one for _, one in self._loads)
            self._told = {one for one in self._told if loads[one] >= MANY}
            if loads[key] < MANY or key in self._told:
                return False
            self._told.add(key)
            return True
