"""Import torchvision without torch's compiler, which nothing here uses: half a start's time and 150 MB a process.

torchvision.ops.roi_align asks the compiler, at import, for a function that it calls only where deterministic algorithms
are switched on. It gets one that asks when it is called.
"""

import importlib
import sys
from types import ModuleType

COMPILER = "torch._dynamo"


def _is_compile_supported(device_type: str) -> bool:
    supported: bool = importlib.import_module(f"{COMPILER}.utils").is_compile_supported(device_type)
    return supported


def install() -> None:
    """Import torch, then torchvision, once a process."""
    import torch  # noqa: F401  # first, so that only torchvision meets the stand-in

    if COMPILER in sys.modules:
        return
    utils = ModuleType(f"{COMPILER}.utils")
    vars(utils)["is_compile_supported"] = _is_compile_supported
    sys.modules |= {COMPILER: ModuleType(COMPILER), utils.__name__: utils}
    try:
        import torchvision  # noqa: F401  # so that it is there when others import it
    finally:
        del sys.modules[COMPILER], sys.modules[utils.__name__]
