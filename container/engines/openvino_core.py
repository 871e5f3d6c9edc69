"""OpenVINO without its telemetry: compiling for a number of threads, and inference that can be cancelled."""

import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import numpy as np

from container import cores
from container.cancellation import checkpoint

# OpenVINO sends telemetry over the network, and keeps a file for it in the home folder, unless this import fails.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # None makes the import fail
import openvino  # noqa: E402  # after the line above

__all__ = ["compiled", "inferred", "openvino"]

# OpenVINO caches a kernel per layer and image size. Images of 160 sizes grew the process by 230 MB with its default
# limit of 5000, and by 165 MB with this one.
CACHED_KERNELS = 500
LOOK_MS = 20  # between two looks at whether an inference is still wanted


def compiled(model: Any, threads: int, bf16: bool) -> Any:
    """Return the inference request of a model compiled for the CPU."""
    return (
        openvino.Core()
        .compile_model(
            model,
            "CPU",
            {
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32",
                "INFERENCE_NUM_THREADS": threads,
                "ENABLE_CPU_PINNING": False,  # several workers would be pinned to the same cores
                "CPU_RUNTIME_CACHE_CAPACITY": CACHED_KERNELS,
            },
        )
        .create_infer_request()
    )


def compiled_behind(model: Any, threads: int, bf16: bool) -> Any:
    """Return what `compiled` does, for `inferred`: its inference leaves the cores to whatever else runs.

    The p99 of a Mask R-CNN that one client kept busy on two cores was 2.1 times as high beside embeddings of Segment
    Anything, and 1.2 times since they stand back; an embedding took 2.0 s then in place of 1.1.
    """
    # The thread that computes is started by the one that compiles, and has its priority.
    with ThreadPoolExecutor(1, "compile", cores.stand_back) as thread:
        return thread.submit(compiled, model, threads, bf16).result()


def inferred(request: Any, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Return copies of all outputs for inputs by name; `checkpoint` may end it after the layer that is being computed.

    A single layer of ViT-H takes a fifth of a second on two cores.
    """
    request.start_async(dict(inputs), share_inputs=True)
    try:
        while not request.wait_for(LOOK_MS):
            checkpoint()
    except BaseException:
        request.cancel()
        with suppress(RuntimeError):  # that it was cancelled
            request.wait()
        raise
    return [np.array(output.data) for output in request.output_tensors]
