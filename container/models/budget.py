"""A memory check before a further model is loaded."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from container.errors import InsufficientMemory
from container.structures import ModelSpec

# Measured peak memory in MB of loading a model, or of a prediction at 1080p, for the embedded model (weights of 12 MB)
# and a Mask R-CNN with ResNet-50 (170 MB): 400 and 1500 with OpenVINO, which keeps the weights twice and larger
# intermediate results; 180 and 790 with torch on a CPU. Other models take less: a DeepLab with ResNet-101 (224 MB) took
# 910 with OpenVINO and 620 with torch. A GPU was not measured.
FACTORS = {"openvino": 7.0, "torch": 4.0}  # times the size of the weights
RESERVE = 320 << 20  # bytes added
# Bytes per pixel of a detector's input, beyond the size of those measurements: 165 with the embedded model and torch,
# 700 with ResNet-50 and OpenVINO. A model.json may ask for sides of 30,000, for which the system would kill the process
# and with it the models that are serving.
PER_PIXEL = 150
_SIDES = {"min_size": 800, "max_size": 1333}  # torchvision's defaults


class Budget:
    """Free memory, minus the reservations of models that are being loaded."""

    def __init__(self, backend: str, available: Callable[[], int]) -> None:
        self._factor = FACTORS[backend]
        self._available = available
        self._promised = 0
        self._lock = threading.Lock()

    @contextmanager
    def promise(self, spec: ModelSpec) -> Iterator[None]:
        """Reserve the memory of a model while it is loaded; InsufficientMemory if it is not free."""
        weights = spec.weights.stat().st_size if isinstance(spec.weights, Path) else 0
        need = int(self._factor * weights) + RESERVE + PER_PIXEL * max(0, _pixels(spec.parameters) - _pixels(_SIDES))
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


def _pixels(parameters: Mapping[str, object]) -> int:
    """Return the pixels of a 4:3 photo after resizing to a detector's `min_size` and `max_size`."""
    given = {name: parameters.get(name, usual) for name, usual in _SIDES.items()}
    short, long = (min(side, 1e9) if isinstance(side, int | float) and side > 0 else 0 for side in given.values())
    return int(min(long, short * 4 / 3) ** 2 * 3 / 4)
