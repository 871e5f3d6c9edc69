"""A memory check before a model is loaded, and the memory that each one takes."""

import threading
from collections.abc import Callable, Mapping

from container.engines.base import architectures
from container.errors import InsufficientMemory
from container.structures import ModelSpec

# Measured peak memory in MB of loading a model, or of a prediction at 1080p, for the embedded model (weights of 12 MB)
# and a Mask R-CNN with ResNet-50 (170 MB): 400 and 1500 with OpenVINO, which keeps the weights twice and larger
# intermediate results; 180 and 790 with torch on a CPU. Other models take less: a DeepLab with ResNet-101 (224 MB) took
# 910 with OpenVINO and 620 with torch. A GPU was not measured. Architectures may say their own.
FACTORS = {"openvino": 7.0, "torch": 4.0}  # times the size of the weights
RESERVE = 320 << 20  # bytes added
# Bytes per pixel of a detector's input, beyond the size of those measurements: 165 with the embedded model and torch,
# 700 with ResNet-50 and OpenVINO. A model.json may ask for sides of 30,000, for which the system would kill the process
# and with it the models that are serving.
PER_PIXEL = 150
_SIDES = {"min_size": 800, "max_size": 1333}  # torchvision's defaults


class Budget:
    """The memory that models take, each from the start of its load until it is gone; thread-safe.

    What loaded models take shows in `available`; what is being loaded does not yet, and is subtracted.
    """

    def __init__(
        self,
        backend: str,
        available: Callable[[], int],
        make_room: Callable[[str, int], bool] = lambda key, missing: False,
    ) -> None:
        """`available` returns the free bytes; `make_room` is as Policy.make_room."""
        self._factor = FACTORS[backend]
        self._available = available
        self._make_room = make_room
        self._costs: dict[str, int] = {}
        self._loading: set[str] = set()
        self._lock = threading.Lock()

    def reserve(self, key: str, spec: ModelSpec) -> None:
        """Reserve the memory of a model before it is loaded; InsufficientMemory if it cannot be had."""
        need = self._estimate(spec)
        more = True
        while True:
            with self._lock:
                free = self._available() - sum(self._costs[one] for one in self._loading)
                if need <= free:
                    self._costs[key] = need
                    self._loading.add(key)
                    return
            if not more:
                raise InsufficientMemory(
                    f"the model takes about {need / 1e6:.0f} MB, and {max(0, free) / 1e6:.0f} are free",
                    hint="unload other models first",
                )
            more = self._make_room(key, need - free)  # looked at again in any case: another may have gone meanwhile

    def loaded(self, key: str) -> None:
        """Record that the memory of a model is taken now."""
        with self._lock:
            self._loading.discard(key)

    def release(self, key: str) -> None:
        """Record that a model is gone, or has not been loaded after all."""
        with self._lock:
            self._loading.discard(key)
            self._costs.pop(key, None)

    def cost(self, key: str) -> int:
        """Return the estimated memory of a model in bytes; 0 before it is known."""
        return self._costs.get(key, 0)

    def _estimate(self, spec: ModelSpec) -> int:
        architecture = architectures.get(spec.architecture)
        factor = getattr(architecture, "memory_factor", None) or self._factor
        reserve = getattr(architecture, "memory_reserve", None) or RESERVE
        return int(factor * spec.bytes) + reserve + PER_PIXEL * max(0, _pixels(spec.parameters) - _pixels(_SIDES))


def _pixels(parameters: Mapping[str, object]) -> int:
    """Return the pixels of a 4:3 photo after resizing to a detector's `min_size` and `max_size`."""
    given = {name: parameters.get(name, usual) for name, usual in _SIDES.items()}
    short, long = (min(side, 1e9) if isinstance(side, int | float) and side > 0 else 0 for side in given.values())
    return int(min(long, short * 4 / 3) ** 2 * 3 / 4)
