"""Policies of the model pool, a file each: which models are loaded, when, and which one gives way to another."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from container.models.pool import ModelPool


class Policy(ABC):
    """A policy of one pool, which calls `start` first, in the background."""

    pool: "ModelPool"  # set by the pool
    served = ""  # the key of the one model of a single-model endpoint; "" if requests name their model
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

    def changed(self) -> None:  # noqa: B027  # few policies need it
        """Called after a model has become ready, and when one is about to be unloaded."""

    def make_room(self, missing: int) -> bool:
        """Called when a model lacks `missing` bytes; return True if memory was released, so that it is looked at again.

        Models with requests in flight stay: see ModelPool.unload_idle. By default none gives way.
        """
        return False
