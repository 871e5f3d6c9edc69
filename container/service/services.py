"""The services that a protocol needs, in one dataclass."""

import threading
from dataclasses import dataclass, field

from container.models.repository import Repository, State
from container.service.multi_model import MultiModel
from container.service.pipeline import Pipeline
from container.service.sessions import Sessions

DEFAULT_MODEL = "model"  # the key of the one model of a single-model endpoint


@dataclass(frozen=True)
class Services:
    """The services of one process, passed to every protocol."""

    pipeline: Pipeline
    deadline_seconds: float = 55.0
    sessions: Sessions = field(default_factory=Sessions)
    draining: threading.Event = field(default_factory=threading.Event)  # set after SIGTERM
    multi_model: MultiModel | None = None  # None on a single-model endpoint

    @property
    def repository(self) -> Repository:
        """The repository of loaded models."""
        return self.pipeline.repository

    def health(self) -> tuple[bool, str]:
        """Return (healthy, reason): whether this process accepts requests, and if not, why."""
        if self.draining.is_set():
            return False, "shutting down"
        state, reason = self._state()
        return state == "ready", reason or state

    def settle(self) -> tuple[State, str]:
        """Wait until loading has ended; return its state and, if it failed, the reason."""
        if self.multi_model is not None:
            return self.multi_model.settle()
        self.repository.wait(DEFAULT_MODEL)
        return self._state()

    def _state(self) -> tuple[State, str]:
        return self.multi_model.state() if self.multi_model is not None else self.repository.state(DEFAULT_MODEL)
