"""Loading of models, alone or beside models that are serving; torch is imported here, at the first load."""

import atexit
import gc
import logging
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from container import cores, memory
from container.engines import base
from container.engines.base import Engine
from container.engines.queue import Dispatcher
from container.errors import BadModel, DeviceLost, InsufficientMemory, ModelError, ServingError
from container.files import checksum
from container.gate import outside
from container.models import artifact, packing
from container.models.artifact import Accept
from container.structures import ModelSpec

log = logging.getLogger(__name__)

TRIAL_SECONDS = 600.0  # limit of the first prediction

Reserve = Callable[[ModelSpec], None]  # called before a model is built, with its spec; raises if it must not be


@dataclass(frozen=True)
class Model:
    """A loaded model with its request queue."""

    engine: Engine[Any, Any]
    dispatcher: Dispatcher[Any, Any]
    weights: str = ""  # SHA-256, or the name of published weights; "" if nobody needs it

    @property
    def name(self) -> str:
        """The name of the model in responses."""
        return self.engine.spec.name


@dataclass(frozen=True)
class Placement:
    """Device, precision and limits of a running model; the settings of the same names document them."""

    device: str = "auto"
    precision: str = "fp32"
    backend: str = "auto"
    cpu_threads: int = 0  # 0: the cores, divided among the workers
    workers: int = 1
    queue_size: int = 64
    batch_size: int = 8


def preload() -> None:
    """Import only what loading a model needs, so that processes forked afterwards share that memory.

    Four workers with the embedded model take 2.3 GB and 7 s to start; without preloading, 3.2 GB and 11 s.
    """
    import_torch()
    from container.engines import building

    building.preload()
    gc.collect()
    gc.freeze()  # otherwise the first collection in each worker writes to every page


def import_torch() -> None:
    """Import torch as serving does, in two seconds: the architectures need it, too."""
    cores.share()
    from container.engines import light_torchvision

    light_torchvision.install()


def _start(placement: Placement) -> Any:
    """Return the Runtime of this process, which must not precede a fork."""
    import_torch()
    from container.engines import runtime

    threads = placement.cpu_threads or max(1, cores.count() // placement.workers)
    return runtime.start(placement.device, placement.precision, threads, placement.backend)


def give_back() -> None:
    """Release the memory freed by a model to the device and to the operating system."""
    from container.engines import runtime

    gc.collect()
    runtime.give_back()
    memory.give_back()


def pack(spec: ModelSpec, archive: Path) -> ModelSpec:
    """Build a model, predict once, and write it as a model.tar.gz; return the completed spec.

    Raises ModelError if the model cannot be built, or if the names of its classes are unknown.
    """
    import_torch()
    from container.engines import building, runtime, weight_files

    if base.takes_folder(spec.architecture):
        return _pack_folder(spec, archive)
    built = building.build(spec)
    if not built.named:
        raise ModelError(
            f"the weights have {len(built.spec.labels)} classes, which no published weights of {spec.architecture} "
            "have, so their names are needed: --labels cat,dog, or a file with a name a line"
        )
    engine = building.start(built, runtime.start("cpu", "fp32", cores.count()))
    engine.predict([engine.trial()])
    with tempfile.TemporaryDirectory(prefix="maskserve-", dir=archive.parent) as scratch:
        weights = Path(scratch) / "model.safetensors"
        weight_files.write(built.module, weights)
        whole = Path(scratch) / "model.tar.gz"
        packing.pack(built.spec, weights, whole)
        whole.replace(archive)  # atomic: an interrupted pack leaves no partial archive
    return built.spec


def _pack_folder(spec: ModelSpec, archive: Path) -> ModelSpec:
    """Do what `pack` does for an architecture whose models are folders, of which one may be the weights."""
    from container.engines import runtime

    base.check_published(spec)
    with tempfile.TemporaryDirectory(prefix="maskserve-", dir=archive.parent) as scratch:
        given = isinstance(spec.weights, Path) and spec.weights.is_dir()
        folder = Path(scratch) / "model"
        folder.mkdir()
        if not given:
            base.find(spec.architecture).pack(spec, folder)
        made = spec if given else replace(spec, weights=folder)
        engine = base.load(made, runtime.start("cpu", "fp32", cores.count(), "torch"))
        engine.predict([engine.trial()])
        whole = Path(scratch) / "model.tar.gz"
        if (folder / artifact.WEIGHTS).exists():
            packing.pack(made, folder / artifact.WEIGHTS, whole, sorted(folder.glob("*.json")))
        else:
            packing.pack_folder(made, Path(made.weights), whole, Path(scratch))
        whole.replace(archive)
    return made


class Loader:
    """Loads models with one placement, beside those that are serving.

    A failed load raises an error for the response, and leaves no memory behind.
    """

    device = ""  # such as cuda:0, set by `prepare`

    def __init__(self, placement: Placement, hashes: bool = False, accept: Accept = lambda spec: None) -> None:
        """`hashes`: models say what their weights are known by; `accept` raises for those that are not to be served."""
        self._placement = placement
        self._hashes = hashes
        self._accept = accept
        self._runtime: Any  # a Runtime, set by `prepare`

    def prepare(self) -> tuple[str, Callable[[], int]]:
        """Import what loading needs, in three seconds; return the backend, and a function for the device's free bytes.

        Raises ModelError if the device is missing.
        """
        runtime = self._runtime = _start(self._placement)
        self.device = str(runtime.device)
        from container.engines import building
        from container.engines.runtime import available

        building.preload()
        if not gc.get_freeze_count():
            # Else each collection goes through what was imported: /ping waited 85 ms whenever a load failed.
            gc.collect()
            gc.freeze()
            atexit.register(gc.unfreeze)  # libraries count what they have at the end
        return runtime.backend, lambda: available(runtime.device)

    def load(self, source: Path | ModelSpec, reserve: Reserve = lambda spec: None) -> Model:
        """Load a model from a folder, an archive or a spec; BadModel, InsufficientMemory or DeviceLost."""
        # In a thread that ends, to free the 0.7 MB that libraries keep for each computing thread.
        with ThreadPoolExecutor(1, "load") as thread:
            try:
                load = thread.submit(self._load, source, reserve)
            except RuntimeError as error:  # no memory for a thread
                raise _refusal(error) from None
            with outside():
                return load.result()

    def _load(self, source: Path | ModelSpec, reserve: Reserve) -> Model:
        def admit(spec: ModelSpec) -> None:
            self._accept(spec)
            reserve(spec)

        try:
            return _load_on(self._runtime, source, self._placement, admit, self._hashes)
        except Exception as error:  # whatever a model raises while loading
            refusal = _refusal(error)
        # After the block, because the error holds the frames that it was raised in, and those hold parts of the model.
        self.give_back()
        raise refusal

    def give_back(self) -> None:
        """Release the memory freed by a model to the device and to the operating system."""
        give_back()


def load(source: Path | ModelSpec, placement: Placement) -> Model:
    """Read, build and try a model, and start its queue; ModelError with a one-line reason."""
    return _load_on(_start(placement), source, placement)


def _load_on(
    runtime: Any,
    source: Path | ModelSpec,
    placement: Placement,
    reserve: Reserve = lambda spec: None,
    hashes: bool = False,
) -> Model:
    from container.engines.preprocessing import applied
    from container.engines.runtime import explain

    with artifact.opened(source) as spec:
        reserve(spec)
        weights = _identity(spec) if hashes else ""
        engine = applied(base.load(spec, runtime))
        # On a CPU, batches are 7-9 % slower than one image at a time.
        batch_size = placement.batch_size if runtime.device.type == "cuda" else 1
        dispatcher = Dispatcher(engine.predict, placement.queue_size, batch_size, explain)
        try:
            # In the thread that will predict, because each thread has its own OpenMP team.
            dispatcher.predict([engine.trial()], time.monotonic() + TRIAL_SECONDS)
        except BaseException:
            dispatcher.close()
            raise
    give_back()  # memory of building and compiling: 90 MB of 1020 with the embedded model
    return Model(engine, dispatcher, weights)


def _identity(spec: ModelSpec) -> str:
    """Return the SHA-256 of the weights, of all files where they are a folder, or the name of published ones."""
    return spec.weights if isinstance(spec.weights, str) else checksum(spec.weights)


def _refusal(error: Exception) -> ServingError:
    if isinstance(error, InsufficientMemory | DeviceLost):
        return error.with_traceback(None)
    if memory.lacking(error):
        return InsufficientMemory("the memory ran out while the model was loaded", hint="unload other models first")
    if isinstance(error, ModelError):
        return BadModel(str(error))
    log.error("a model cannot be loaded", exc_info=error)
    return BadModel(unforeseen(error))


def unforeseen(error: Exception) -> str:
    """Return the message of an unexpected error, without its details."""
    return f"the model cannot be loaded ({type(error).__name__}); the log says why"
