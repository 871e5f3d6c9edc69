"""Import of torchvision without torch's compiler, which is unused: saves half the start-up time and 150 MB per process.

At import torchvision.ops.roi_align takes a function of the compiler that it calls only if deterministic algorithms are
on. It gets a stand-in that imports the compiler when it is called.
"""

import importlib
import sys
from types import ModuleType

COMPILER = "torch._dynamo"


def _is_compile_supported(device_type: str) -> bool:
    supported: bool = importlib.import_module(f"{COMPILER}.utils").is_compile_supported(device_type)
    return supported


def install() -> None:
    """Import torch, then torchvision; once per process."""
    import torch  # noqa: F401  # first, so that only torchvision gets the stand-in

    if COMPILER in sys.modules:
        return
    utils = ModuleType(f"{COMPILER}.utils")
    vars(utils)["is_compile_supported"] = _is_compile_supported
    sys.modules |= {COMPILER: ModuleType(COMPILER), utils.__name__: utils}
    try:
        import torchvision  # noqa: F401  # cached in sys.modules for later imports
    finally:
        del sys.modules[COMPILER], sys.modules[utils.__name__]
