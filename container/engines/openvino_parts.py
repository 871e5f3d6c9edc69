"""Execution of a network's dense parts by OpenVINO on a CPU: convolutions and matrix products, for any image size.

The operations between them (anchors, NMS, RoIAlign) remain in torch.
"""

import logging
import math
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from container.engines.openvino_core import compiled, openvino
from container.engines.runtime import Runtime

log = logging.getLogger(__name__)

_tracing = threading.Lock()

# Modules with the convolutions of a network; those that a network does not have are skipped.
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
AGREEMENT = 1e-3  # largest difference from torch's fp32, relative to the largest value


class CompiledPart(nn.Module):
    """A part of a network compiled by OpenVINO: float32 tensors in and out, in the same structure as the original.

    The next call overwrites the memory of a call's result.
    """

    def __init__(self, part: nn.Module, inputs: Sequence[Any], outputs: Any, runtime: Runtime) -> None:
        """Compile a part.

        Args:
            part: in eval mode, on the CPU.
            inputs: example inputs; later values and sizes may differ, the structure may not.
            outputs: its outputs for them.
        """
        super().__init__()
        self._give = _giver(outputs)
        examples = [tensor.float() for tensor in _flat(inputs)]  # under autocast their dtype may differ
        model = _converted(_Flat(part, inputs), examples)
        self._request = compiled(model, torch.get_num_threads(), runtime.dtype is torch.bfloat16)

    def forward(self, *inputs: Any) -> Any:
        """Return the outputs of the part for `inputs`."""
        tensors = _flat(inputs)
        # An empty tensor, such as no boxes, is replaced by zeros of one row, and that row of the result is dropped.
        empty = any(not tensor.numel() for tensor in tensors)
        arrays = [_array(tensor.new_zeros((1, *tensor.shape[1:])) if empty else tensor) for tensor in tensors]
        found = self._request.infer(arrays, share_inputs=True, share_outputs=True).values()
        return self._give([torch.from_numpy(array)[:0] if empty else torch.from_numpy(array) for array in found])


def compile_parts(module: nn.Module, run: Callable[[], object], runtime: Runtime) -> None:
    """Replace the dense parts of `module` by compiled ones, where they compile and agree with torch.

    Args:
        module: in eval mode, on the CPU.
        run: runs one prediction through every part.
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
            replacement = CompiledPart(parts[name], inputs, outputs, runtime)
        except Exception as error:  # OpenVINO raises errors of several types for parts that it cannot convert
            log.warning("OpenVINO cannot compile %s (%s), so torch's is kept", name, type(error).__name__)
            continue
        off = 0.0 if runtime.dtype is torch.bfloat16 else _difference(replacement(*inputs), outputs)
        if off > AGREEMENT:
            log.warning("OpenVINO's %s is off torch's by %.2g of its peak, so torch's is kept", name, off)
            continue
        parent, _, leaf = name.rpartition(".")
        setattr(module.get_submodule(parent), leaf, replacement)


@contextmanager
def _traced_alone() -> Iterator[None]:
    """Trace within the block, then free the classes that torch keeps for a trace: 12 MB per ResNet-50.

    One trace at a time, because the classes and the tracing state are global to the process.
    """
    with _tracing:
        try:
            yield
        finally:
            torch.jit._recursive.concrete_type_store = torch.jit._recursive.ConcreteTypeStore()
            torch._C._jit_clear_class_registry()


def _converted(part: nn.Module, inputs: list[torch.Tensor]) -> Any:
    """Return OpenVINO's model of a part with plain tensors in and out; all sizes but the channels are dynamic."""
    with _traced_alone(), torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the deprecation of tracing, and about sizes fixed by a trace
        # Traced here, because openvino would trace twice and compare: three quarters of the time, and the compiled part
        # is compared with torch afterwards anyway.
        traced = torch.jit.trace(part, tuple(inputs), check_trace=False)
        model = openvino.convert_model(traced, example_input=tuple(inputs))
    for port, example in zip(model.inputs, inputs, strict=True):
        shape = [example.shape[i] if i == 1 else -1 for i in range(example.ndim)]
        port.get_node().set_partial_shape(openvino.PartialShape(shape))
        port.get_node().set_element_type(openvino.Type.f32)
    model.validate_nodes_and_infer_types()
    return model


class _Flat(nn.Module):
    """A part of a network with its lists and dicts of tensors flattened."""

    def __init__(self, part: nn.Module, inputs: Sequence[Any]) -> None:
        super().__init__()
        self._part = part
        self._give = _giver(list(inputs))

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(_flat(self._part(*self._give(list(tensors)))))


def _flat(value: Any) -> list[torch.Tensor]:
    """Return the tensors in `value`: one, or a nested list, tuple or dict of them."""
    if isinstance(value, torch.Tensor):
        return [value]
    return [tensor for member in (value.values() if isinstance(value, dict) else value) for tensor in _flat(member)]


def _giver(example: Any) -> Callable[[list[torch.Tensor]], Any]:
    """Return a function that restores tensors flattened by `_flat` to the structure of `example`."""
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
    """Return the largest difference of two structures, relative to each tensor's maximum; infinite if sizes differ."""
    worst = 0.0
    for one, other in zip(_flat(found), _flat(expected), strict=True):
        if one.shape != other.shape:
            return math.inf
        if other.numel():
            worst = max(worst, float((one - other).abs().max() / other.abs().max().clamp(min=1e-6)))
    return worst
