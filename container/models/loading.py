"""From a source to a Model: the one place that brings torch into the process, at the time of loading."""

import gc
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from container import cores, memory
from container.engines._dispatch import Dispatcher
from container.errors import ModelError
from container.models import artifact
from container.models.repository import Model
from container.structures import ModelSpec, Options

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
    from container.engines import _light_torchvision, _loading  # noqa: F401  # the first for what it does

    _loading.preload()
    gc.collect()
    gc.freeze()  # else the first collection in each worker writes to every page


def load(source: Path | ModelSpec, placement: Placement, admission: Admission = nullcontext) -> Model:
    """Read, build and warm up a model and start its queue; ModelError in one line where that cannot be."""
    runtime = _start(placement)
    from container.engines import _loading, _runtime

    with artifact.opened(source) as spec, admission(spec):
        engine = _loading.load(spec, runtime)
        # Batches on a CPU lose 7-9 % against one picture at a time.
        batch_size = placement.batch_size if runtime.device.type == "cuda" else 1
        dispatcher = Dispatcher(_runtime.bounded(engine.predict), placement.queue_size, batch_size)
        try:
            # In the thread that will predict, whose OpenMP team is its own.
            dispatcher.predict(np.zeros(WARM_UP_SIZE, np.uint8), WARM_UP_OPTIONS, time.monotonic() + WARM_UP_SECONDS)
        except BaseException:
            dispatcher.close()
            raise
    give_back()  # what building and compiling took: 90 MB of 1020 with the embedded model
    return Model(engine, dispatcher)


def _start(placement: Placement) -> Any:
    """The Runtime of this process; imports torch, which takes two seconds and must not come before a fork."""
    cores.share()
    from container.engines import _light_torchvision, _runtime  # noqa: F401  # the first for what it does

    threads = placement.cpu_threads or max(1, cores.count() // placement.workers)
    return _runtime.start(placement.device, placement.precision, threads, placement.backend)


def prepare(placement: Placement) -> tuple[str, Callable[[], int]]:
    """Import what loading a model needs; gives the backend, and how many bytes a model may still take on its device."""
    runtime = _start(placement)
    from container.engines import _loading, _runtime

    _loading.preload()
    return runtime.backend, lambda: _runtime.available(runtime.device)


def give_back() -> None:
    """Have the memory that a model has left go back to the device and to the machine."""
    from container.engines import _runtime

    gc.collect()
    _runtime.give_back()
    memory.give_back()


def pack(spec: ModelSpec, archive: Path) -> ModelSpec:
    """Build a model, predict once, and write it as a model.tar.gz; the spec with everything filled in.

    ModelError where the model cannot be built, or where nothing says what its classes are called.
    """
    from container.engines import _loading, _runtime, _weights

    built = _loading.build(spec)
    if not built.named:
        raise ModelError(
            f"the weights have {len(built.spec.labels)} classes, which no published weights of {spec.architecture} "
            "have, so their names are needed: --labels cat,dog, or a file with a name a line"
        )
    engine = _loading.start(built, _runtime.start("cpu", "fp32", cores.count()))
    engine.predict([np.zeros(WARM_UP_SIZE, np.uint8)], [WARM_UP_OPTIONS])
    with tempfile.TemporaryDirectory(prefix="maskserve-", dir=archive.parent) as scratch:
        weights = Path(scratch) / "model.safetensors"
        _weights.write(built.module, weights)
        whole = Path(scratch) / "model.tar.gz"
        artifact.pack(built.spec, weights, whole)
        whole.replace(archive)  # in one step: an interrupted pack leaves no half archive
    return built.spec
