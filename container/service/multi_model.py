"""Multi-model endpoints: models are loaded and unloaded by name while the others serve."""

import hashlib
import json
import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from container.errors import ModelAlreadyLoaded, ModelError, ModelNotFound, ModelNotReady, ServingError
from container.models import locate
from container.models.repository import Model, Repository, State

log = logging.getLogger(__name__)


class LoadsModels(Protocol):
    """The interface of the model loader; see models.loader.Loader."""

    def prepare(self) -> None: ...
    def load(self, source: Path) -> Model: ...
    def give_back(self) -> None: ...


class Record:
    """A file with the names and URLs of the loaded models; after a restart, the next process loads them again.

    Without a file, nothing is stored.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file

    def read(self) -> dict[str, str]:
        """Return what was last written, or an empty dict."""
        if self._file is None or not self._file.exists():
            return {}
        return dict(json.loads(self._file.read_bytes()))

    def write(self, models: Mapping[str, str]) -> None:
        """Replace the file atomically, because a process may be killed at any moment; OSError is only logged."""
        if self._file is None:
            return
        fresh = self._file.with_suffix(".new")
        try:
            fresh.write_text(json.dumps(models))
            fresh.replace(self._file)
        except OSError:
            log.exception("which models are loaded cannot be written down, for the case that this process ends")


class Page(NamedTuple):
    """One page of the list of models: (name, URL) pairs, and whether there are more."""

    models: list[tuple[str, str]]
    more: bool


class MultiModel:
    """The models of one endpoint, loaded from folders and archives below `root`; thread-safe.

    Models are unloaded only by `unload`: the platform knows which model is least used.
    """

    def __init__(self, repository: Repository, root: Path, loader: LoadsModels) -> None:
        self._repository = repository
        self._root = root
        self._loader = loader
        self._urls: dict[str, str] = {}  # of loaded models, by name
        self._writing = threading.Lock()
        self._record = Record()
        self._state: State = "loading"
        self._reason = ""
        self._settled = threading.Event()

    def start(self, record: Record | None = None) -> None:
        """Start in the background, loading the models that a previous process wrote to `record`."""
        self._record = record or self._record
        threading.Thread(target=self._start, name="start", daemon=True).start()

    def _start(self) -> None:
        try:
            self._loader.prepare()
            for name, url in self._record.read().items():
                self._restore(name, url)
            self._write_down()  # only now: this process may be killed as well
            self._state = "ready"
        except Exception as error:
            self._state, self._reason = "failed", str(error) if isinstance(error, ModelError) else type(error).__name__
            log.exception("models cannot be loaded")
        self._settled.set()

    def _restore(self, name: str, url: str) -> None:
        try:
            self._add(name, url)
        except ServingError as error:
            log.error("model %s was loaded before this process, and cannot be now: %s", name, error)

    def state(self) -> tuple[State, str]:
        """Return the state of the endpoint and, if it failed permanently, the reason."""
        return self._state, self._reason

    def settle(self) -> tuple[State, str]:
        """Wait until the start has ended and return `state`."""
        self._settled.wait()
        return self.state()

    def check(self) -> None:
        """Raise ModelNotReady while models of a previous process are being loaded, or if the start failed."""
        if self._state != "ready":
            raise ModelNotReady(self._reason or "the server is still starting", retry_after=2)

    def load(self, name: str, url: str) -> None:
        """Load the model at `url` as `name`.

        Raises BadLocation, BadModel, ModelAlreadyLoaded, InsufficientMemory, or ModelNotReady.
        """
        self.check()
        self._load(name, url)

    def _load(self, name: str, url: str) -> None:
        self._add(name, url)
        self._write_down()

    def _add(self, name: str, url: str) -> None:
        source = locate.below(self._root, url)
        self._repository.add(name, lambda: self._loader.load(source))
        self._urls[name] = url

    def _write_down(self) -> None:
        with self._writing:
            self._record.write(dict(self._urls))

    def unload(self, name: str) -> None:
        """Unload a model and release its memory once its in-flight requests are done; ModelNotFound."""
        self.check()
        if self._urls.pop(name, None) is None:
            raise _not_loaded(name)
        self._write_down()
        self._repository.unload(name)
        self._loader.give_back()

    def url(self, name: str) -> str:
        """Return the URL that a model was loaded from; ModelNotFound."""
        self.check()
        url = self._urls.get(name)
        if url is None:
            raise _not_loaded(name)
        return url

    def page(self, after: str, limit: int) -> Page:
        """Return up to `limit` models whose names sort after `after`, in the order of names."""
        self.check()
        rest = sorted(one for one in list(self._urls.items()) if one[0] > after)
        return Page(rest[:limit], len(rest) > limit)

    def only(self) -> str:
        """Return the name of the only loaded model; ModelNotFound if none or several are loaded."""
        self.check()
        names = list(self._urls)
        if len(names) != 1:
            raise ModelNotFound(
                f"this is a multi-model endpoint with {len(names)} models loaded, and the request names none of them",
                hint="POST /models/NAME/invoke, or name an artifact in X-Amzn-SageMaker-Target-Model",
            )
        return names[0]

    def ensure(self, target: str) -> str:
        """Return the name of the model at `target` below the root, loading it if it is not loaded; errors of `load`.

        The name is a hash that does not reveal the artifact's name, as on the platform.
        """
        self.check()
        name = hashlib.sha256(target.encode()).hexdigest()[:32]
        while not self._repository.holds(name):
            try:
                self._load(name, f"{self._root}/{target}")
            except ModelAlreadyLoaded:  # by a concurrent request
                continue
        return name


def _not_loaded(name: str) -> ModelNotFound:
    return ModelNotFound(f"no model {name!r} is loaded")
