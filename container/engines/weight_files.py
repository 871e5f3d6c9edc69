"""State dicts: reading from a file or from torchvision's published weights, and loading into a module.

Pickles are only read by torch's restricted loader, never by the unrestricted one. A file is rejected before it is read
if reading would take far more memory than the size of the file.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
import torchvision
from torch import nn

from container.engines import pickles
from container.errors import ModelError
from container.structures import WEIGHTS_TYPES

State = Mapping[str, torch.Tensor]

# The published weights of DenseNets have `denselayer1.norm.1.weight` instead of `denselayer1.norm1.weight`;
# torchvision's builders rename them (torchvision.models.densenet).
_OLD_DENSE_LAYER = re.compile(r"(\.denselayer\d+\.(?:norm|conv))\.([12]\.)")

# Bytes of a safetensors header: 2,000 tensors take 0.3 MB. The library allows 100 MB, which took 21 s and 1.5 GB.
MAX_HEADER = 4 << 20

# torchvision trained these with a batch norm epsilon of 0, and sets it when its builders load them
# (torchvision.models.detection._utils.overwrite_eps); the state dict does not contain it.
_ZERO_EPSILON = {
    "fasterrcnn_resnet50_fpn": ("COCO_V1",),
    "keypointrcnn_resnet50_fpn": ("COCO_V1",),
    "maskrcnn_resnet50_fpn": ("COCO_V1",),
    "retinanet_resnet50_fpn": ("COCO_V1",),
}


def read(path: Path) -> State:
    """Read the state dict from a .safetensors, .pth or .pt file; ModelError with the reason."""
    if path.suffix not in WEIGHTS_TYPES or not path.is_file():
        raise ModelError(f"weights {path.name!r}: not a file that ends in {', '.join(WEIGHTS_TYPES)}")
    try:
        if path.suffix == ".safetensors":
            _check_header(path)
            # Read, not memory-mapped: truncating a mapped file kills the process.
            state: State = safetensors.torch.load(path.read_bytes())
        else:
            state = _unwrap(torch.load(pickles.checked(path.read_bytes()), map_location="cpu", weights_only=True))
        _check_size(state, path)
        return state
    except ModelError:
        raise
    except Exception as error:
        # The errors of torch, zipfile and pickle for damaged or malicious files have no common base.
        reason = str(error) if isinstance(error, pickles.Unlikely) else type(error).__name__
        raise ModelError(
            f"weights {path.name!r} cannot be read ({reason}): it must be a state dict, "
            "saved with torch.save(model.state_dict(), …) or as safetensors"
        ) from error


def _check_header(path: Path) -> None:
    with path.open("rb") as file:
        if int.from_bytes(file.read(8), "little") > MAX_HEADER:
            raise ModelError(f"weights {path.name!r}: the header is over {MAX_HEADER >> 20} MB")


def _check_size(state: State, path: Path) -> None:
    """Raise ModelError for tensors larger than the file: with shared storage, 4 bytes can declare 4 TB."""
    if sum(tensor.numel() * tensor.itemsize for tensor in state.values()) > path.stat().st_size:
        raise ModelError(f"weights {path.name!r} hold tensors of more numbers than the file has")


def _unwrap(saved: Any) -> State:
    """Return the state dict inside a training checkpoint, without the prefixes of DataParallel and torch.compile."""
    for key in ("model", "state_dict", "model_state_dict"):
        if isinstance(saved, dict) and isinstance(saved.get(key), dict):
            saved = saved[key]
    if not isinstance(saved, dict) or not saved or not all(_plain(v) for v in saved.values()):
        raise ModelError("the weights file holds no state dict of plain named tensors")
    for prefix in ("module.", "_orig_mod."):
        if all(key.startswith(prefix) for key in saved):
            saved = {key.removeprefix(prefix): value for key, value in saved.items()}
    return dict(saved)  # without instance attributes, which may shadow methods


def _plain(value: Any) -> bool:
    """Return True for a plain tensor in memory: neither sparse, nor quantized, nor without data."""
    return (
        isinstance(value, torch.Tensor)
        and value.layout == torch.strided
        and not value.is_quantized
        and value.device.type == "cpu"
    )


def fetch(architecture: str, name: str) -> tuple[State, tuple[str, ...], float | None]:
    """Return torchvision's published weights: (state dict, labels, batch norm epsilon or None for the builder's).

    They are read from torch's cache, or downloaded from torchvision's site. If both fail, ModelError names the file and
    its folder.
    """
    weights = torchvision.models.get_model_weights(architecture)[name]
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    try:
        state = weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except Exception as error:
        raise ModelError(
            f"weights {name} of {architecture} are not in {folder} and cannot be fetched ({type(error).__name__}): "
            f"put the file {weights.url.rsplit('/')[-1]} there, or name a weights file"
        ) from error
    epsilon = 0.0 if weights.name in _ZERO_EPSILON.get(architecture, ()) else None
    return state, labels_of(weights), epsilon


def labels_of(weights: Any) -> tuple[str, ...]:
    """Return the class names of torchvision's weights, by class id; empty if they have no classifier."""
    return tuple(str(label) for label in weights.meta["categories"] or ())


def published_labels(architecture: str) -> list[tuple[str, ...]]:
    """Return the distinct sets of class names of torchvision's published weights for an architecture."""
    sets = dict.fromkeys(labels_of(weights) for weights in torchvision.models.get_model_weights(architecture))
    return [labels for labels in sets if labels]


def with_current_names(module: nn.Module, state: State) -> State:
    """Return `state` with tensor names of earlier torchvision versions replaced by those of `module`.

    The modules themselves know the old names. FPN, RPN and mask heads, RetinaNet's heads and the MLPs of vision
    transformers had others before 0.13, which the published COCO_V1 weights still use. Current names are kept.
    """
    renamed = {_OLD_DENSE_LAYER.sub(r"\1\2", name): tensor for name, tensor in state.items()}
    for path, part in module.named_modules():
        load: Any = part._load_from_state_dict
        if load.__module__.startswith("torchvision."):
            try:
                load(renamed, f"{path}." if path else "", {}, False, [], [], [])
            except ValueError:  # MNASNet requires the version of the file, and renames nothing
                continue
    return renamed


def count_classes(module: nn.Module, state: State, classes: int) -> int | None:
    """Return the number of classes in `state`, by comparing tensor sizes with a `module` that has `classes`.

    The number of rows of a class-dependent tensor is proportional to the classes. None if sizes differ otherwise.
    """
    state = with_current_names(module, state)
    counts = set()
    for name, own in module.state_dict().items():
        given = state.get(name, own)
        if given.shape != own.shape:
            if not own.ndim or given.shape[1:] != own.shape[1:] or len(given) * classes % len(own):
                return None
            counts.add(len(given) * classes // len(own))
    if len(counts) > 1:
        return None
    return counts.pop() if counts else classes


def fit(module: nn.Module, state: State) -> None:
    """Load `state` into `module`, converted to its dtypes; ModelError names the first tensor that does not fit.

    Tensor names of earlier torchvision versions are accepted.
    """
    own, state = module.state_dict(), with_current_names(module, state)
    # Checkpoints trained with frozen batch norms have no counters, and those of semantic models have an auxiliary
    # classifier that is never used for prediction.
    state = {k: v for k, v in state.items() if not k.startswith("aux_classifier.")}
    missing = [k for k in own if k not in state and not k.endswith("num_batches_tracked")]
    extra = [k for k in state if k not in own and not k.endswith("num_batches_tracked")]
    for key in own:
        if key in state and own[key].shape != state[key].shape:
            raise ModelError(
                f"weights do not fit: {key} is {_shape(state[key])} in the file and {_shape(own[key])} in the model; "
                "do the labels name every class, the background included?"
            )
    if missing or extra:
        raise ModelError(
            f"weights do not fit: {len(missing)} tensors are missing in the file ({', '.join(missing[:2]) or 'none'}) "
            f"and {len(extra)} are unknown to the model ({', '.join(extra[:2]) or 'none'}); is it this architecture?"
        )
    _check_values(own, state)
    _copy(state, own)


def fit_partly(module: nn.Module, state: State) -> list[str]:
    """Load the tensors of `state` that match `module` by name and shape; return the names left unchanged.

    Tensor names of earlier torchvision versions are accepted. ModelError if none fits, or a value is not finite.
    """
    own, state = module.state_dict(), with_current_names(module, state)
    fitting = {k: v for k, v in state.items() if k in own and own[k].shape == v.shape}
    if not fitting:
        raise ModelError("nothing in these weights fits by name and shape; is it this architecture?")
    _check_values(own, fitting)
    _copy(fitting, own)
    return [k for k in own if k not in fitting and not k.endswith("num_batches_tracked")]


def _check_values(own: State, state: State) -> None:
    """Raise ModelError for non-floating tensors, or values not finite in the model's dtype: 0.05 s for 170 MB."""
    for key, value in own.items():
        if key not in state or not value.is_floating_point():  # batch norm counters do not affect predictions
            continue
        if not state[key].is_floating_point():
            raise ModelError(
                f"weights do not fit: {key} is {state[key].dtype} in the file and {value.dtype} in the model"
            )
        try:
            finite = state[key].to(value.dtype).isfinite().all()
        except NotImplementedError:  # a dtype with two values per byte, which torch only stores
            raise ModelError(f"weights do not fit: {key} is {state[key].dtype} in the file") from None
        if not finite:
            raise ModelError(f"weights hold values that are not finite, first in {key}")


def _copy(state: State, own: State) -> None:
    """Copy `state` into the tensors of a module's own state dict, ignoring names that only `state` has."""
    with torch.no_grad():
        for name, tensor in state.items():
            if name in own:
                own[name].copy_(tensor)


def _shape(tensor: torch.Tensor) -> str:
    return "×".join(map(str, tensor.shape)) or "a scalar"


def set_batch_norm_eps(module: nn.Module, eps: float) -> None:
    """Set the epsilon of every batch norm of `module`."""
    for child in module.modules():
        if isinstance(child, nn.BatchNorm2d | torchvision.ops.FrozenBatchNorm2d):
            child.eps = eps


def write(module: nn.Module, path: Path, half: bool = False) -> None:
    """Save the weights of `module` as safetensors, in half precision if `half`."""
    state = {k: v.half() if half and v.is_floating_point() else v for k, v in module.state_dict().items()}
    # `save_file` creates files that only their owner may read, and the server may run as another user.
    path.write_bytes(safetensors.torch.save({k: v.contiguous() for k, v in state.items()}))
