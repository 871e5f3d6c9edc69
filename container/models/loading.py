"""From a source to a Model: the one place that brings torch into the process, at the time of loading."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from container.engines._dispatch import Dispatcher
from container.models import artifact
from container.models.repository import Model
from container.structures import ModelSpec


@dataclass(frozen=True)
class Placement:
    """Where and how a model runs; the settings of the same names say more."""

    device: str = "auto"
    precision: str = "fp32"
    cpu_threads: int = 0  # 0: the cores, shared by the workers
    workers: int = 1
    queue_size: int = 64
    batch_size: int = 8


def load(source: Path | ModelSpec, placement: Placement) -> Model:
    """Read, build and warm up a model and start its queue; ModelError in one line where that cannot be."""
    from container.engines import _loading, _runtime  # imports torch: two seconds, and not before a fork

    threads = placement.cpu_threads or max(1, _runtime.cpu_count() // placement.workers)
    runtime = _runtime.start(placement.device, placement.precision, threads)
    with tempfile.TemporaryDirectory(prefix="maskserve-") as scratch:
        spec = source if isinstance(source, ModelSpec) else artifact.read(source, Path(scratch))
        engine = _loading.load(spec, runtime)
    # Batches on a CPU lose 7-9 % against one picture at a time.
    batch_size = placement.batch_size if runtime.device.type == "cuda" else 1
    return Model(engine, Dispatcher(engine.predict, placement.queue_size, batch_size))


def pack(spec: ModelSpec, archive: Path) -> ModelSpec:
    """Build a model to see that all fits, and write it as a model.tar.gz; the spec with everything filled in."""
    from container.engines import _loading, _weights

    built = _loading.build(spec)
    with tempfile.TemporaryDirectory(prefix="maskserve-") as scratch:
        weights = Path(scratch) / "model.safetensors"
        _weights.write(built.module, weights)
        artifact.pack(built.spec, weights, archive)
    return built.spec
