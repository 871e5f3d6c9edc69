"""What a training run runs on: a device, a precision, and its place among the processes of torchrun."""

import os
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed

from container import cores
from container.engines import runtime as runtime

WAIT = timedelta(hours=1)  # for the first process, which measures and saves
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Machine:
    """A device and a precision; of several processes, the number of this one."""

    device: torch.device
    dtype: torch.dtype
    process: int = 0
    processes: int = 1

    @property
    def reduced(self) -> bool:
        """Whether autocast is on."""
        return self.dtype is not torch.float32

    @property
    def first(self) -> bool:
        """Whether this process measures, logs and saves."""
        return self.process == 0

    def agreed(self, value: float) -> float:
        """The first process's value, in every process."""
        if self.processes == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64, device=self.device)
        torch.distributed.broadcast(shared, src=0)
        return shared.item()


def start(device: str, precision: str) -> Machine:
    """The machine of this process; ModelError where it is not there.

    Under torchrun, which sets WORLD_SIZE and its kin, each process takes the GPU of its number and joins the others.
    """
    processes, process = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    local = int(os.environ.get("LOCAL_RANK", "0"))
    many = processes > 1
    if many and torch.cuda.is_available() and device in ("auto", "cuda"):
        device = f"cuda:{local}"
    # Processes on one CPU share its cores.
    threads = max(1, cores.count() // (int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if many else 1))
    chosen = runtime.start(device, "fp32", threads).device
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    dtype = DTYPES[precision] if precision != "auto" else torch.bfloat16 if _fast_bf16(chosen) else torch.float32
    if many and not torch.distributed.is_initialized():
        torch.distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo", timeout=WAIT)
    return Machine(chosen, dtype, process, processes)


def leave() -> None:
    """End together with the other processes: one whose connection is cut as it ends is aborted, and torchrun fails."""
    if torch.distributed.is_initialized():
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


def _fast_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # Emulated bfloat16 is several times slower than float32.
    return bool(torch.cpu._is_avx512_bf16_supported())
