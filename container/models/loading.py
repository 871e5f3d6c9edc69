"""From a source to a Model, alone or beside models that serve; torch comes into the process here, at the first load."""

import gc
import logging
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from container import cores, memory
from container.engines.queue import Dispatcher
from container.errors import BadModel, DeviceLost, InsufficientMemory, ModelError, ServingError
from container.models import artifact
from container.models.budget import Budget
from container.models.repository import Model, unforeseen
from container.structures import ModelSpec, Options

log = logging.getLogger(__name__)

# Through every head of the network: a detection is returned whatever the scores are.
WARM_UP_SIZE = (480, 640, 3)
WARM_UP_OPTIONS = Options(confidence=0.0, max_detections=1)
WARM_UP_SECONDS = 600.0

# What surrounds the building of a model, given its spec, such as a check of memory.
Admission = Callable[[ModelSpec], AbstractContextManager[object]]


@dataclass(frozen=True)
class Placement:
    """Where and how a model runs; the settings of the same names say more."""

    device: str = "auto"
    precision: str = "fp32"
    backend: str = "auto"
    cpu_threads: int = 0  # 0: the cores, shared by the workers
    workers: int = 1
    queue_size: int = 64
    batch_size: int = 8


def preload() -> None:
    """Import what loading a model needs and no more, so that processes forked afterwards share its memory.

    Four workers with the embedded model take 2.3 GB and 7 s to start, without it 3.2 GB and 11 s.
    """
    cores.share()
    from container.engines import light_torchvision

    light_torchvision.install()
    from container.engines import building

    building.preload()
    gc.collect()
    gc.freeze()  # else the first collection in each worker writes to every page


def load(source: Path | ModelSpec, placement: Placement, admission: Admission = nullcontext) -> Model:
    """Read, build and warm up a model and start its queue; ModelError in one line where that cannot be."""
    runtime = _start(placement)
    from container.engines import building
    from container.engines.runtime import explain

    with artifact.opened(source) as spec, admission(spec):
        engine = building.load(spec, runtime)
        # Batches on a CPU lose 7-9 % against one picture at a time.
        batch_size = placement.batch_size if runtime.device.type == "cuda" else 1
        dispatcher = Dispatcher(engine.predict, placement.queue_size, batch_size, explain)
        try:
            # In the thread that will predict, whose OpenMP team is its own.
            dispatcher.predict([np.zeros(WARM_UP_SIZE, np.uint8)], WARM_UP_OPTIONS, time.monotonic() + WARM_UP_SECONDS)
        except BaseException:
            dispatcher.close()
            raise
    give_back()  # what building and compiling took: 90 MB of 1020 with the embedded model
    return Model(engine, dispatcher)


def _start(placement: Placement) -> Any:
    """The Runtime of this process; imports torch, which takes two seconds and must not come before a fork."""
    cores.share()
    from container.engines import light_torchvision

    light_torchvision.install()
    from container.engines import runtime

    threads = placement.cpu_threads or max(1, cores.count() // placement.workers)
    return runtime.start(placement.device, placement.precision, threads, placement.backend)


def prepare(placement: Placement) -> tuple[str, Callable[[], int]]:
    """Import what loading a model needs; gives the backend, and how many bytes a model may still take on its device."""
    runtime = _start(placement)
    from container.engines import building
    from container.engines.runtime import available

    building.preload()
    return runtime.backend, lambda: available(runtime.device)


def give_back() -> None:
    """Have the memory that a model has left go back to the device and to the machine."""
    from container.engines import runtime

    gc.collect()
    runtime.give_back()
    memory.give_back()


def pack(spec: ModelSpec, archive: Path) -> ModelSpec:
    """Build a model, predict once, and write it as a model.tar.gz; the spec with everything filled in.

    ModelError where the model cannot be built, or where nothing says what its classes are called.
    """
    from container.engines import building, runtime, weight_files

    built = building.build(spec)
    if not built.named:
        raise ModelError(
            f"the weights have {len(built.spec.labels)} classes, which no published weights of {spec.architecture} "
            "have, so their names are needed: --labels cat,dog, or a file with a name a line"
        )
    engine = building.start(built, runtime.start("cpu", "fp32", cores.count()))
    engine.predict([np.zeros(WARM_UP_SIZE, np.uint8)], [WARM_UP_OPTIONS])
    with tempfile.TemporaryDirectory(prefix="maskserve-", dir=archive.parent) as scratch:
        weights = Path(scratch) / "model.safetensors"
        weight_files.write(built.module, weights)
        whole = Path(scratch) / "model.tar.gz"
        artifact.pack(built.spec, weights, whole)
        whole.replace(archive)  # in one step: an interrupted pack leaves no half archive
    return built.spec


class Loader:
    """Loads models in one placement beside those that serve, as far as there is memory for them.

    What cannot be loaded is an answer, and leaves nothing behind.
    """

    def __init__(self, placement: Placement) -> None:
        self._placement = placement
        self._budget: Budget  # from `prepare` on

    def prepare(self) -> None:
        """Import what loading needs, three seconds, and find the device; ModelError where it is not there."""
        self._budget = Budget(*prepare(self._placement))

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
            return load(source, self._placement, self._budget.promise)
        except Exception as error:  # whatever a model raises while loading
            refusal = _refusal(error)
        # Out of the block: the error holds the frames that it was raised in, and those hold what there is of the model.
        self.give_back()
        raise refusal

    def give_back(self) -> None:
        """Have the memory that a model has left go back to the device and to the machine."""
        give_back()


def _refusal(error: Exception) -> ServingError:
    if isinstance(error, InsufficientMemory | DeviceLost):
        return error.with_traceback(None)
    if memory.lacking(error):
        return InsufficientMemory("the memory ran out while the model was loaded", hint="unload other models first")
    if isinstance(error, ModelError):
        return BadModel(str(error))
    log.error("a model cannot be loaded", exc_info=error)
    return BadModel(unforeseen(error))
