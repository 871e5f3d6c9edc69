"""A multi-model endpoint: models that are loaded and unloaded by name while the others serve."""

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
    """What makes models; see models.loader.Loader."""

    def prepare(self) -> None: ...
    def load(self, source: Path) -> Model: ...
    def give_back(self) -> None: ...


class Record:
    """Which models are loaded and where they lie, in a file that outlives the process: the next one loads them again.

    Without a file, nothing is kept.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file

    def read(self) -> dict[str, str]:
        """What was last written, or nothing."""
        if self._file is None or not self._file.exists():
            return {}
        return dict(json.loads(self._file.read_bytes()))

    def write(self, models: Mapping[str, str]) -> None:
        """Replace what was written, in one step: a process may be killed at any moment."""
        if self._file is None:
            return
        fresh = self._file.with_suffix(".new")
        try:
            fresh.write_text(json.dumps(models))
            fresh.replace(self._file)
        except OSError:
            log.exception("which models are loaded cannot be written down, for the case that this process ends")


class Page(NamedTuple):
    """Some of the models: their names and where they lie, and whether there are more."""

    models: list[tuple[str, str]]
    more: bool


class MultiModel:
    """The models of one endpoint, out of folders and archives below `root`; safe to use from many threads.

    Nothing is ever unloaded but by `unload`: it is the platform that knows which model is wanted least.
    """

    def __init__(self, repository: Repository, root: Path, loader: LoadsModels) -> None:
        self._repository = repository
        self._root = root
        self._loader = loader
        self._urls: dict[str, str] = {}  # of models that are loaded
        self._writing = threading.Lock()
        self._record = Record()
        self._state: State = "loading"
        self._reason = ""
        self._settled = threading.Event()

    def start(self, record: Record | None = None) -> None:
        """Get ready in the background, loading what a process before this one had loaded, by its `record`."""
        self._record = record or self._record
        threading.Thread(target=self._start, name="start", daemon=True).start()

    def _start(self) -> None:
        try:
            self._loader.prepare()
            for name, url in self._record.read().items():
                self._restore(name, url)
            self._write_down()  # not before: this process may be killed as well
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
        """Whether models may be asked for; and why not, where that cannot be mended."""
        return self._state, self._reason

    def settle(self) -> tuple[State, str]:
        """`state`, once it is known."""
        self._settled.wait()
        return self.state()

    def check(self) -> None:
        """ModelNotReady while models of a process before this one are being loaded."""
        if self._state != "ready":
            raise ModelNotReady(self._reason or "the server is still starting", retry_after=2)

    def load(self, name: str, url: str) -> None:
        """Load what lies at `url` as `name`; BadLocation, BadModel, ModelAlreadyLoaded or InsufficientMemory."""
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
        """Unload a model and give back its memory, after the requests that it has; ModelNotFound."""
        self.check()
        if self._urls.pop(name, None) is None:
            raise _not_loaded(name)
        self._write_down()
        self._repository.unload(name)
        self._loader.give_back()

    def url(self, name: str) -> str:
        """Where a model was loaded from; ModelNotFound."""
        self.check()
        url = self._urls.get(name)
        if url is None:
            raise _not_loaded(name)
        return url

    def page(self, after: str, limit: int) -> Page:
        """The models whose names come after one, in the order of names."""
        self.check()
        rest = sorted(one for one in list(self._urls.items()) if one[0] > after)
        return Page(rest[:limit], len(rest) > limit)

    def only(self) -> str:
        """The name of the model where there is only one; ModelNotFound."""
        self.check()
        names = list(self._urls)
        if len(names) != 1:
            raise ModelNotFound(
                f"this is a multi-model endpoint with {len(names)} models loaded, and the request names none of them",
                hint="POST /models/NAME/invoke, or name an artifact in X-Amzn-SageMaker-Target-Model",
            )
        return names[0]

    def ensure(self, target: str) -> str:
        """The name of the model that lies at `target` below the root, loaded if it was not; as `load`.

        As the platform does, by a name that does not tell the artifact's.
        """
        self.check()
        name = hashlib.sha256(target.encode()).hexdigest()[:32]
        while not self._repository.holds(name):
            try:
                self._load(name, f"{self._root}/{target}")
            except ModelAlreadyLoaded:  # by another request, in between
                continue
        return name


def _not_loaded(name: str) -> ModelNotFound:
    return ModelNotFound(f"no model {name!r} is loaded")
