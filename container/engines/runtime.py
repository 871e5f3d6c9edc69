"""The runtime of a model: device, precision, CPU threads, backend."""

import importlib.util
import logging
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
import torchvision

from container import memory
from container.engines import devices
from container.errors import DeviceLost, ModelError, OutOfMemory

log = logging.getLogger(__name__)

NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")


@dataclass(frozen=True)
class Runtime:
    """An available device, with the precision and the backend of a model on it."""

    device: torch.device
    dtype: torch.dtype  # float32, or the dtype of autocast
    backend: str = "torch"  # or "openvino" for the dense parts of a network

    @cached_property
    def autocast(self) -> torch.autocast:
        """A context manager for arithmetic in that precision; for one thread."""
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype is not torch.float32)


def start(device: str, precision: str, cpu_threads: int, backend: str = "torch") -> Runtime:
    """Resolve the settings to a Runtime; ModelError if the device is not available.

    Call it after a fork, never before: a CUDA context, or a multi-threaded OpenMP region, does not survive a fork.
    """
    cuda = _cuda_available()
    if device == "auto" and not cuda and NVIDIA_DRIVER.exists():
        raise ModelError(
            f"there is an NVIDIA driver, and torch {torch.__version__} cannot use it: it is made for CUDA "
            f"{torch.version.cuda}, and the driver may be too old; device cpu runs on the CPU"
        )
    name = ("cuda" if cuda else "cpu") if device == "auto" else device
    try:
        chosen = torch.device(name)
    except RuntimeError:
        raise ModelError(f"device {device!r} is unknown; it takes auto, cpu, cuda or cuda:N") from None
    if chosen.type not in ("cpu", "cuda"):
        raise ModelError(f"device {device!r} is not supported; it takes auto, cpu, cuda or cuda:N")
    if chosen.type == "cuda" and (not cuda or (chosen.index or 0) >= torch.cuda.device_count()):
        raise ModelError(f"device {device!r} was asked for, and torch finds {torch.cuda.device_count()} CUDA devices")
    devices.check_kind(chosen.type, precision, backend)
    if backend == "auto":
        backend = "openvino" if chosen.type == "cpu" and openvino_installed() else "torch"
    torch.set_num_threads(cpu_threads)
    where = torch.cuda.get_device_name(chosen) if chosen.type == "cuda" else f"{torch.get_num_threads()} CPU threads"
    log.info(
        "running on %s (%s), backend %s, precision %s, torch %s, torchvision %s, CUDA %s",
        chosen, where, backend, precision,
        torch.__version__, torchvision.__version__, torch.version.cuda if cuda else "none",
    )  # fmt: skip
    return Runtime(chosen, {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision], backend)


def explain(error: BaseException) -> BaseException:
    """Convert an error of torch to OutOfMemory, after emptying the device's cache, or to DeviceLost; keep others.

    After some CUDA errors, such as a failed assertion on the device, every later call of the process fails as well.
    """
    if not isinstance(error, RuntimeError | MemoryError):  # torch.OutOfMemoryError is a RuntimeError
        return error
    if memory.lacking(error):
        give_back()
        return OutOfMemory("there is not enough memory for this picture; send a smaller one")
    if "cuda error" in str(error).lower():
        lost = DeviceLost("the device has failed, and the model is started again", retry_after=5)
        lost.__cause__ = error
        return lost
    return error


def available(device: torch.device) -> int:
    """Return the bytes available to a model on `device`; on a GPU, including torch's unused cache."""
    if device.type != "cuda":
        return memory.available()
    unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int(torch.cuda.mem_get_info(device)[0]) + unused


def give_back() -> None:
    """Release torch's unused GPU memory."""
    torch.cuda.empty_cache()


def openvino_installed() -> bool:
    """Return True if OpenVINO is installed, without importing it."""
    return importlib.util.find_spec("openvino") is not None


def _cuda_available() -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns about an old driver; `start` logs the device in use
        return torch.cuda.is_available()
