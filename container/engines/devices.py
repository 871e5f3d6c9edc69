"""What can be said of a device without torch: its import takes two seconds, and CUDA does not survive a fork."""

import os
from pathlib import Path

from container.errors import ModelError

DEVICES = Path("/dev")
# Of NVIDIA's driver, of Windows' (WSL) and of Jetson's: where there is none of them, torch finds no GPU.
_DRIVERS = ("nvidia*", "dxg", "nvhost*", "nvmap")


def check(device: str, precision: str, backend: str) -> None:
    """Raise ModelError for a GPU that is not there, and for what this device does not compute.

    What is not known yet, such as a driver that is too old, is found by `runtime.start`.
    """
    gpus = _gpus()
    kind = device.partition(":")[0]
    if kind == "cuda" and gpus is not None and int(device.partition(":")[2] or 0) >= gpus:
        there = f"{gpus} {'GPU' if gpus == 1 else 'GPUs'}" if gpus else "no NVIDIA GPU"
        raise ModelError(f"device {device!r} was asked for, and there is {there} here; device cpu runs on the CPU")
    check_kind("cpu" if kind == "auto" and gpus == 0 else kind, precision, backend)


def check_kind(kind: str, precision: str, backend: str) -> None:
    """Raise ModelError for a precision or a backend that a `cpu` or `cuda` device does not have."""
    if kind == "cpu" and precision == "fp16":
        raise ModelError("precision fp16 needs a CUDA device; on a CPU it takes fp32 or bf16")
    if kind == "cuda" and backend == "openvino":
        raise ModelError("backend openvino is for a CPU, and the device is cuda; it takes auto or torch")


def _gpus() -> int | None:
    """The number of GPUs that torch can find at most; None if it is not known."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and visible.strip() in ("", "-1"):
        return 0
    if not any(next(DEVICES.glob(pattern), None) for pattern in _DRIVERS):
        return 0
    cards = sum(1 for _ in DEVICES.glob("nvidia[0-9]*"))
    return min(cards, visible.count(",") + 1) if cards and visible is not None else cards or None
