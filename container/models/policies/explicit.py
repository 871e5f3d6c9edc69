"""Models that clients load and unload by name while others serve, as on SageMaker's multi-model endpoints."""

import hashlib
import json
import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from container.errors import ModelAlreadyLoaded, ModelNotFound, ServingError
from container.models import locate
from container.models.policies import Policy

log = logging.getLogger(__name__)


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


class Loaded(NamedTuple):
    """A model that can be leased."""

    name: str
    target: str | None  # its path below the root, by which `key` finds it; None if its URL is of another form


class Explicit(Policy):
    """Loads models from folders and archives below `root`; none gives way: the platform knows which is least used.

    The models in `record` are loaded at the start.
    """

    greeting = "and takes models; {url}/docs says how."

    def __init__(self, root: Path, record: Record | None = None) -> None:
        self._root = root
        self._record = record or Record()
        self._writing = threading.Lock()
        self._restoring = True

    def check(self) -> None:
        """There is nothing to check: models come later."""

    def start(self) -> None:
        """Load the models that a previous process has left in the record."""
        for name, url in self._record.read().items():
            try:
                self.pool.load(name, locate.below(self._root, url), url)
            except ServingError as error:
                log.error("model %s was loaded before this process, and cannot be now: %s", name, error)
        self._restoring = False
        self.changed()  # only now: this process may be killed as well

    def changed(self) -> None:
        """Write the record."""
        if not self._restoring:
            with self._writing:
                self._record.write(self._urls())

    def key(self, target: str | None) -> str:
        """Return the name of the model at `target` below the root, loading it if it is not loaded.

        The name is a hash that does not reveal the artifact's name, as on the platform. Without a target, it is that of
        the only loaded model; ModelNotFound if none or several are loaded.
        """
        self.check_started()
        if target is None:
            return self._only()
        name = hashlib.sha256(target.encode()).hexdigest()[:32]
        while not self.pool.holds(name):
            try:
                self.load(name, f"{self._root}/{target}")
            except ModelAlreadyLoaded:  # by a concurrent request
                continue
        return name

    def find(self, name: str) -> str:
        """Return the name of the loaded model with the id NAME or NAME/1; ModelNotFound says how to load one."""
        try:
            return super().find(name)
        except ModelNotFound as error:
            raise ModelNotFound(error.message, hint="POST /models loads a model under a name") from None

    def load(self, name: str, url: str) -> None:
        """Load the model at `url` as `name`.

        Raises BadLocation, BadModel, ModelAlreadyLoaded, InsufficientMemory, or ModelNotReady.
        """
        self.check_started()
        self.pool.load(name, locate.below(self._root, url), url)

    def unload(self, name: str) -> None:
        """Unload a model and release its memory once its in-flight requests are done; ModelNotFound."""
        self.url(name)
        self.pool.unload(name)

    def url(self, name: str) -> str:
        """Return the URL that a model was loaded from; ModelNotFound."""
        self.check_started()
        try:
            return self._urls()[name]
        except KeyError:
            raise ModelNotFound(f"no model {name!r} is loaded") from None

    def loaded(self) -> list[Loaded]:
        """Return the models that can be leased now, none while the first are being loaded."""
        root = f"{self._root}/"
        urls = self._urls().items()
        return [Loaded(name, url.removeprefix(root) if url.startswith(root) else None) for name, url in urls]

    def page(self, after: str, limit: int) -> Page:
        """Return up to `limit` models whose names sort after `after`, in the order of names."""
        self.check_started()
        rest = sorted(one for one in self._urls().items() if one[0] > after)
        return Page(rest[:limit], len(rest) > limit)

    def _only(self) -> str:
        names = list(self._urls())
        if len(names) != 1:
            raise ModelNotFound(
                f"this is a multi-model endpoint with {len(names)} models loaded, and the request names none of them",
                hint="POST /models/NAME/invoke, or name an artifact in X-Amzn-SageMaker-Target-Model",
            )
        return names[0]

    def _urls(self) -> dict[str, str]:
        """Return the URLs of the models that can be leased, by name."""
        return {slot.key: slot.origin for slot in self.pool.list() if slot.state == "ready"}
