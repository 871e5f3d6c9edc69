"""Everything that a protocol needs, in one record."""

import threading
from dataclasses import dataclass, field

from container.images.limits import Limits
from container.models.repository import Repository
from container.service.inference import Inference
from container.service.sessions import Sessions

DEFAULT_MODEL = "model"  # the key of the one model of a single-model endpoint


@dataclass(frozen=True)
class Services:
    """Made once by app.create_app, handed to every protocol."""

    repository: Repository
    inference: Inference
    limits: Limits
    deadline_seconds: float = 55.0
    sessions: Sessions = field(default_factory=Sessions)
    draining: threading.Event = field(default_factory=threading.Event)  # set after SIGTERM

    def health(self) -> tuple[bool, str]:
        """Whether requests should be sent here, and why not."""
        if self.draining.is_set():
            return False, "shutting down"
        state, reason = self.repository.state(DEFAULT_MODEL)
        return state == "ready", reason or state
