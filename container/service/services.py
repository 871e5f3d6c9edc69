"""The services that a protocol needs, in one dataclass."""

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from container.models.pool import ModelPool
from container.service.embeddings import Embeddings
from container.service.pipeline import Pipeline
from container.service.sessions import Sessions

if TYPE_CHECKING:  # they load SQLAlchemy
    from container.service.recording import Recorder
    from container.store.store import Store


@dataclass(frozen=True)
class Services:
    """The services of one process, passed to every protocol."""

    pipeline: Pipeline
    deadline_seconds: float = 55.0
    sessions: Sessions = field(default_factory=Sessions)
    embeddings: Embeddings = field(default_factory=Embeddings)
    store: "Store | None" = None
    recorder: "Recorder | None" = None
    draining: threading.Event = field(default_factory=threading.Event)  # set after SIGTERM

    def __post_init__(self) -> None:
        self.pool.on_unload = self.embeddings.forget

    @property
    def pool(self) -> ModelPool:
        """The owner of the loaded models."""
        return self.pipeline.pool

    def health(self) -> tuple[bool, str]:
        """Return (healthy, reason): whether this process accepts requests, and if not, why."""
        if self.draining.is_set():
            return False, "shutting down"
        health, reason = self.pool.health()
        return health == "ready", reason or health

    def close(self) -> None:
        """Write what waits to be recorded, and close the store; after the last request, and after the protocols."""
        if self.recorder is not None:
            self.recorder.close()
        if self.store is not None:
            self.store.close()
