"""Loading beside models that serve: what cannot be loaded is an answer, and leaves nothing behind."""

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from container import memory
from container.errors import BadModel, DeviceLost, InsufficientMemory, ModelError, ServingError
from container.models import loading
from container.models.budget import Budget
from container.models.repository import Model, unforeseen

log = logging.getLogger(__name__)


class Loader:
    """Loads models in one placement, as far as there is memory for them."""

    def __init__(self, placement: loading.Placement) -> None:
        self._placement = placement
        self._budget: Budget  # from `prepare` on

    def prepare(self) -> None:
        """Import what loading needs, three seconds, and find the device; ModelError where it is not there."""
        self._budget = Budget(*loading.prepare(self._placement))

    def load(self, source: Path) -> Model:
        """A model in a folder or an archive; BadModel, InsufficientMemory or DeviceLost."""
        # In a thread that ends, and with it what libraries keep for each thread that computes: 0.7 MB.
        with ThreadPoolExecutor(1, "load") as thread:
            try:
                load = thread.submit(self._load, source)
            except RuntimeError as error:  # there is no memory for a thread
                raise _refusal(error) from None
            return load.result()

    def _load(self, source: Path) -> Model:
        try:
            return loading.load(source, self._placement, self._budget.promise)
        except Exception as error:  # whatever a model raises while loading
            refusal = _refusal(error)
        # Out of the block: the error holds the frames that it was raised in, and those hold what there is of the model.
        self.give_back()
        raise refusal

    def give_back(self) -> None:
        """Have the memory that a model has left go back to the device and to the machine."""
        loading.give_back()


def _refusal(error: Exception) -> ServingError:
    if isinstance(error, InsufficientMemory | DeviceLost):
        return error.with_traceback(None)
    if memory.lacking(error):
        return InsufficientMemory("the memory ran out while the model was loaded", hint="unload other models first")
    if isinstance(error, ModelError):
        return BadModel(str(error))
    log.error("a model cannot be loaded", exc_info=error)
    return BadModel(unforeseen(error))
