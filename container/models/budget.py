"""Whether there is memory for one more model, before it is loaded."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from container.errors import InsufficientMemory
from container.structures import ModelSpec

# What loading a model, or a prediction at 1080p, took at the most, in MB, for the embedded model, whose weights have
# 12, and a Mask R-CNN with ResNet-50, whose have 170: 400 and 1500 with OpenVINO, which keeps the weights twice and
# larger intermediate results; 180 and 790 with torch on a CPU. Others take less: a DeepLab with ResNet-101, whose
# weights have 224, 910 and 620. A GPU was not measured.
FACTORS = {"openvino": 7.0, "torch": 4.0}  # times the weights
RESERVE = 320 << 20  # bytes on top


class Budget:
    """Memory that is free, less what is promised to models that are being loaded."""

    def __init__(self, backend: str, available: Callable[[], int]) -> None:
        self._factor = FACTORS[backend]
        self._available = available
        self._promised = 0
        self._lock = threading.Lock()

    @contextmanager
    def promise(self, spec: ModelSpec) -> Iterator[None]:
        """Hold for the time of loading what a model takes; InsufficientMemory where that is not free."""
        weights = spec.weights.stat().st_size if isinstance(spec.weights, Path) else 0
        need = int(self._factor * weights) + RESERVE
        with self._lock:
            free = self._available() - self._promised
            if need > free:
                raise InsufficientMemory(
                    f"the model takes about {need / 1e6:.0f} MB, and {max(0, free) / 1e6:.0f} are free",
                    hint="unload other models first",
                )
            self._promised += need
        try:
            yield
        finally:
            with self._lock:
                self._promised -= need
