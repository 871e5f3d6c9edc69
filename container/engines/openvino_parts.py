"""The dense parts of a network, run by OpenVINO on a CPU: convolutions and matrix products, for pictures of any size.

What lies between them (anchors, NMS, RoIAlign) stays torch's.
"""

import logging
import math
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from container.engines.runtime import Runtime

# OpenVINO reports to its makers over the network, and keeps a file for that at home, unless this import fails.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # which is how Python is told that there is none
import openvino  # noqa: E402  # after the line above

log = logging.getLogger(__name__)

_tracing = threading.Lock()

# Where networks keep their convolutions; a part that a network does not have is passed over.
PARTS = (
    "backbone",
    "rpn.head",
    "rpn.network.head",
    "head",
    "roi_heads.box_head",
    "roi_heads.mask_head",
    "roi_heads.mask_predictor",
    "roi_heads.keypoint_head",
    "roi_heads.keypoint_predictor",
    "classifier",
)
# It keeps a kernel for each layer and each size of picture. Pictures of 160 sizes grew the process by 230 MB with its
# own limit of 5000, by 165 with this one.
CACHED_KERNELS = 500
AGREEMENT = 1e-3  # largest difference from torch's fp32, in parts of the largest value


class CompiledPart(nn.Module):
    """A part of a network as OpenVINO runs it: takes and gives float32 tensors in the form that the part does.

    The result of a call lies in memory that the next call writes over.
    """

    def __init__(self, part: nn.Module, inputs: Sequence[Any], outputs: Any, runtime: Runtime) -> None:
        """Args:
        part: in eval mode, on the CPU.
        inputs: one example of what it is called with; its numbers and sizes may be others later, its form may not.
        outputs: what it gives for them.
        """
        super().__init__()
        self._give = _giver(outputs)
        examples = [tensor.float() for tensor in _flat(inputs)]  # under autocast they may be of another type
        compiled = openvino.Core().compile_model(
            _converted(_Flat(part, inputs), examples),
            "CPU",
            {
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_PRECISION_HINT": "bf16" if runtime.dtype is torch.bfloat16 else "f32",
                "INFERENCE_NUM_THREADS": torch.get_num_threads(),
                "ENABLE_CPU_PINNING": False,  # several workers would be pinned to the same cores
                "CPU_RUNTIME_CACHE_CAPACITY": CACHED_KERNELS,
            },
        )
        self._request = compiled.create_infer_request()

    def forward(self, *inputs: Any) -> Any:
        """What the part gives for `inputs`."""
        tensors = _flat(inputs)
        # A tensor without elements, such as no boxes at all, goes in as one of zeros, and what comes of it goes out.
        empty = any(not tensor.numel() for tensor in tensors)
        arrays = [_array(tensor.new_zeros((1, *tensor.shape[1:])) if empty else tensor) for tensor in tensors]
        found = self._request.infer(arrays, share_inputs=True, share_outputs=True).values()
        return self._give([torch.from_numpy(array)[:0] if empty else torch.from_numpy(array) for array in found])


def compile_parts(module: nn.Module, run: Callable[[], object], runtime: Runtime) -> None:
    """Put compiled parts in the places of the dense parts of `module`, those that can be compiled and agree with torch.

    Args:
        module: in eval mode, on the CPU.
        run: predicts once, through every part.
    """
    parts = {name: part for name, part in module.named_modules() if name in PARTS}
    seen: dict[str, tuple[Any, Any]] = {}
    hooks = [
        part.register_forward_hook(lambda _, inputs, outputs, name=name: seen.update({name: (inputs, outputs)}))
        for name, part in parts.items()
    ]
    run()
    for hook in hooks:
        hook.remove()
    for name, (inputs, outputs) in seen.items():
        try:
            compiled = CompiledPart(parts[name], inputs, outputs, runtime)
        except Exception as error:  # it raises errors of several kinds for what it cannot convert
            log.warning("OpenVINO cannot compile %s (%s), so torch's is kept", name, type(error).__name__)
            continue
        off = 0.0 if runtime.dtype is torch.bfloat16 else _difference(compiled(*inputs), outputs)
        if off > AGREEMENT:
            log.warning("OpenVINO's %s is off torch's by %.2g of its peak, so torch's is kept", name, off)
            continue
        parent, _, leaf = name.rpartition(".")
        setattr(module.get_submodule(parent), leaf, compiled)


@contextmanager
def _traced_alone() -> Iterator[None]:
    """A trace of which nothing is left: torch keeps the classes that it makes, 12 MB with each ResNet-50.

    One at a time, since the classes are the whole process's, and so is where tracing has got to.
    """
    with _tracing:
        try:
            yield
        finally:
            torch.jit._recursive.concrete_type_store = torch.jit._recursive.ConcreteTypeStore()
            torch._C._jit_clear_class_registry()


def _converted(part: nn.Module, inputs: list[torch.Tensor]) -> Any:
    """OpenVINO's model of a part that takes and gives single tensors, for any sizes but the number of channels."""
    with _traced_alone(), torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tracing's future, and of sizes that a trace would keep
        # Traced here, since openvino would trace twice and compare: three quarters of the time, and what is compiled is
        # compared with torch afterwards anyway.
        traced = torch.jit.trace(part, tuple(inputs), check_trace=False)
        model = openvino.convert_model(traced, example_input=tuple(inputs))
    for port, example in zip(model.inputs, inputs, strict=True):
        shape = [example.shape[i] if i == 1 else -1 for i in range(example.ndim)]
        port.get_node().set_partial_shape(openvino.PartialShape(shape))
        port.get_node().set_element_type(openvino.Type.f32)
    model.validate_nodes_and_infer_types()
    return model


class _Flat(nn.Module):
    """A part of a network with its lists and dicts of tensors laid out as single ones."""

    def __init__(self, part: nn.Module, inputs: Sequence[Any]) -> None:
        super().__init__()
        self._part = part
        self._give = _giver(list(inputs))

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(_flat(self._part(*self._give(list(tensors)))))


def _flat(value: Any) -> list[torch.Tensor]:
    """The tensors in `value`: one, or a list, tuple or dict of such values."""
    if isinstance(value, torch.Tensor):
        return [value]
    return [tensor for member in (value.values() if isinstance(value, dict) else value) for tensor in _flat(member)]


def _giver(example: Any) -> Callable[[list[torch.Tensor]], Any]:
    """What puts tensors, as `_flat` lays them out, back into the form of `example`."""
    if isinstance(example, torch.Tensor):
        return lambda tensors: tensors[0]
    members = list(example.values()) if isinstance(example, dict) else list(example)
    givers = [_giver(member) for member in members]
    ends = np.cumsum([0, *(len(_flat(member)) for member in members)]).tolist()
    names = list(example) if isinstance(example, dict) else None
    kind = type(example)

    def give(tensors: list[torch.Tensor]) -> Any:
        given = [one(tensors[a:b]) for one, a, b in zip(givers, ends, ends[1:], strict=False)]
        return kind(given if names is None else zip(names, given, strict=True))

    return give


def _array(tensor: torch.Tensor) -> np.ndarray:
    array: np.ndarray = tensor.float().contiguous().numpy()
    return array


def _difference(found: Any, expected: Any) -> float:
    """Largest difference of two alike structures, in parts of each tensor's largest value; infinite for other sizes."""
    worst = 0.0
    for one, other in zip(_flat(found), _flat(expected), strict=True):
        if one.shape != other.shape:
            return math.inf
        if other.numel():
            worst = max(worst, float((one - other).abs().max() / other.abs().max().clamp(min=1e-6)))
    return worst
