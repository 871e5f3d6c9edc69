"""From a source to a Model: the one place that brings torch into the process, at the time of loading."""

import tempfile
from pathlib import Path

from container.engines._dispatch import Dispatcher
from container.models import artifact
from container.models.repository import Model
from container.structures import ModelSpec


def load(
    source: Path | ModelSpec, device: str, precision: str, cpu_threads: int, queue_size: int, batch_size: int
) -> Model:
    """Read, build and warm up a model and start its queue; ModelError in one line where that cannot be."""
    from container.engines import _loading, _runtime  # imports torch: two seconds, and not before a fork

    runtime = _runtime.start(device, precision, cpu_threads)
    with tempfile.TemporaryDirectory(prefix="maskserve-") as scratch:
        spec = source if isinstance(source, ModelSpec) else artifact.read(source, Path(scratch))
        engine = _loading.load(spec, runtime)
    # Batches on a CPU lose 7-9 % against one picture at a time.
    batch_size = batch_size if runtime.device.type == "cuda" else 1
    return Model(engine, Dispatcher(engine.predict, queue_size, batch_size))


def pack(spec: ModelSpec, archive: Path) -> ModelSpec:
    """Build a model to see that all fits, and write it as a model.tar.gz; the spec with everything filled in."""
    from container.engines import _loading, _weights

    built = _loading.build(spec)
    with tempfile.TemporaryDirectory(prefix="maskserve-") as scratch:
        weights = Path(scratch) / "model.safetensors"
        _weights.write(built.module, weights)
        artifact.pack(built.spec, weights, archive)
    return built.spec
