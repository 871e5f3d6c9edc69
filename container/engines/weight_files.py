"""State dicts: reading from a file or from torchvision's published weights, and loading into a module.

What is no safetensors is read in a process of its own, which runs nothing of it (`container.checkpoints`).
"""

import logging
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
import torchvision
from torch import nn

from container.checkpoints.reader import as_safetensors
from container.checkpoints.state_dicts import AVERAGED
from container.checkpoints.values import Unreadable
from container.engines import misfits
from container.errors import ModelError
from container.files import checksum
from container.structures import WEIGHTS_TYPES

log = logging.getLogger(__name__)

State = Mapping[str, torch.Tensor]

# The published weights of DenseNets have `denselayer1.norm.1.weight` instead of `denselayer1.norm1.weight`;
# torchvision's builders rename them (torchvision.models.densenet).
_OLD_DENSE_LAYER = re.compile(r"(\.denselayer\d+\.(?:norm|conv))\.([12]\.)")

_URL_DIGEST = re.compile(r"-([0-9a-f]{8,})\.\w+$")
# What wraps a network in training, by the name it gives the network.
_WRAPPERS = {"module", "model", "_orig_mod", "net", "network"}
# The counters of batch norms and of averaged models, which do not affect predictions.
COUNTER = re.compile(r"(?:^|\.)(?:num_batches_tracked|n_averaged)$")

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
    """Read the state dict from a weights file of any kind; ModelError with the reason.

    It is the averaged one of a checkpoint that has several; the log says which was taken.
    """
    if not path.is_file():
        raise ModelError(f"weights {path.name!r}: not a file that ends in {', '.join(WEIGHTS_TYPES)}")
    try:
        with path.open("rb") as file:
            length, first = int.from_bytes(file.read(8), "little"), file.read(1)
        if first == b"{" and (path.suffix.lower() == ".safetensors" or length < path.stat().st_size):
            if length > MAX_HEADER:
                raise ModelError(f"weights {path.name!r}: the header is over {MAX_HEADER >> 20} MB")
            # Read, not memory-mapped: truncating a mapped file kills the process.
            content = path.read_bytes()
        else:
            content, taken, maker = as_safetensors(path)
            if taken:
                by = f" of {maker}" if maker else ""
                log.info("weights %s: `%s` of the checkpoint%s is taken", path.name, ".".join(taken), by)
        state: State = safetensors.torch.load(content)
        _check_size(state, path)
        return state
    except ModelError:
        raise
    except Exception as error:  # the errors of safetensors and of the file system have no common base
        reason = str(error) if isinstance(error, Unreadable) else type(error).__name__
        hint = "" if "torch.save" in reason else "; save a state dict with torch.save(model.state_dict(), FILE)"
        raise ModelError(f"weights {path.name!r} cannot be read: {reason}{hint}") from error


def _check_size(state: State, path: Path) -> None:
    """Raise ModelError for tensors larger than the file."""
    if sum(tensor.numel() * tensor.itemsize for tensor in state.values()) > path.stat().st_size:
        raise ModelError(f"weights {path.name!r} hold tensors of more numbers than the file has")


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
    return state, labels_of(weights), published_eps(architecture, name)


def published_eps(architecture: str, name: str) -> float | None:
    """Return the epsilon of the batch norms that published weights were trained with; None for the builder's."""
    name = torchvision.models.get_model_weights(architecture)[name].name  # DEFAULT stands for another
    return 0.0 if name in _ZERO_EPSILON.get(architecture, ()) else None


def published_name(architecture: str, path: Path) -> str:
    """Return the name of torchvision's published weights of an architecture that a file is a copy of, or "".

    Their addresses end in the first digits of the file's SHA-256, computed where the size agrees: 0.1 s for 170 MB.
    """
    size, digest = path.stat().st_size, ""
    for weights in torchvision.models.get_model_weights(architecture):
        if abs(size / 2**20 - weights.meta.get("_file_size", 0)) < 0.001:
            digest = digest or checksum(path)
            if (found := _URL_DIGEST.search(weights.url)) and digest.startswith(found[1]):
                return str(weights.name)
    return ""


def labels_of(weights: Any) -> tuple[str, ...]:
    """Return the class names of torchvision's weights, by class id; empty if they have no classifier."""
    return tuple(str(label) for label in weights.meta["categories"] or ())


def published_labels(architecture: str) -> list[tuple[str, ...]]:
    """Return the distinct sets of class names of torchvision's published weights for an architecture."""
    sets = dict.fromkeys(labels_of(weights) for weights in torchvision.models.get_model_weights(architecture))
    return [labels for labels in sets if labels]


def for_module(module: nn.Module, state: State) -> State:
    """Return `state` under the names of `module`: without what stands before them, and with old names replaced."""
    return with_current_names(module, without_prefix(module, state))


def without_prefix(module: nn.Module, state: State) -> State:
    """Return the part of `state` that is for `module`, without the prefix of its names.

    DataParallel, torch.compile, Lightning and averaged models put `module.`, `_orig_mod.`, `model.` and others before
    them, in any order. The prefix is the one after which most names go on with a part of `module`; of two, that of an
    average. What has another prefix, such as a loss, is left out.
    """
    parts = {name for name, _ in module.named_children()}
    found: Counter[str] = Counter()
    for name in state:
        steps = name.split(".")
        for i, step in enumerate(steps):
            # A number names a part of many networks, such as an encoder's.
            if step in parts and (not step.isdecimal() or _WRAPPERS.issuperset(steps[:i])):
                found[".".join([*steps[:i], ""])] += 1
    if not found or max(found.values()) < len(state) / 3:  # another network's, with a part of the same name somewhere
        return state
    prefix = min(found, key=lambda one: (-found[one], not any(map(AVERAGED.search, one.split("."))), len(one)))
    if not prefix:
        return state
    left = [name for name in state if not name.startswith(prefix) and not COUNTER.search(name)]
    log.info(
        "names in the weights file: read without %r%s", prefix, f"; not read: {', '.join(left[:3])}" if left else ""
    )
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}


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
    state = for_module(module, state)
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

    Prefixes and tensor names of earlier torchvision versions are accepted.
    """
    own, given = module.state_dict(), for_module(module, state)
    # Checkpoints trained with frozen batch norms have no counters, and those of semantic models have an auxiliary
    # classifier that is never used for prediction.
    given = {k: v for k, v in given.items() if not k.startswith("aux_classifier.")}
    missing = [k for k in own if k not in given and not COUNTER.search(k)]
    extra = sorted(k for k in given if k not in own and not COUNTER.search(k))
    if reason := misfits.of_shapes(own, given):
        raise ModelError(f"weights do not fit: {reason}")
    if missing or extra:
        raise ModelError(
            f"weights do not fit: {len(missing)} tensors are missing in the file ({', '.join(missing[:2]) or 'none'}) "
            f"and {len(extra)} are unknown to the model ({', '.join(extra[:2]) or 'none'}); {misfits.of_names(state)}"
        )
    _check_values(own, given)
    _copy(given, own)


def fit_partly(module: nn.Module, state: State) -> list[str]:
    """Load the tensors of `state` that match `module` by name and shape; return the names left unchanged.

    Prefixes and names of earlier torchvision versions are accepted, and the names of a backbone alone. ModelError if
    none fits, or a value is not finite.
    """
    own = module.state_dict()
    fitting = _fitting(own, for_module(module, state)) or _fitting(own, _in_backbone(own, state))
    if not fitting:
        raise ModelError(f"nothing in these weights fits by name and shape; {misfits.of_names(state)}")
    _check_values(own, fitting)
    _copy(fitting, own)
    return [k for k in own if k not in fitting and not COUNTER.search(k)]


def _fitting(own: State, state: State) -> State:
    return {k: v for k, v in state.items() if k in own and own[k].shape == v.shape}


def _in_backbone(own: State, state: State) -> State:
    """Return `state`, whose names are those of a backbone alone, under the names that most of them have in a network.

    A classifier's `layer1.…` or `features.0.…` becomes `backbone.body.layer1.…` or `backbone.0.…`.
    """
    places = {".".join([*name.split(".")[:i], ""]) for name in own for i in (1, 2) if name.startswith("backbone.")}
    begins = {"", *(name.partition(".")[0] + "." for name in state)}
    moved: list[State] = [
        {place + name.removeprefix(begin): tensor for name, tensor in state.items() if name.startswith(begin)}
        for place in sorted(places)
        for begin in sorted(begins)
    ]
    return max(moved, key=lambda one: len(_fitting(own, one)), default={})


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
