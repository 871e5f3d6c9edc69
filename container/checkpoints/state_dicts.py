"""Which state dict of a checkpoint is taken, and what a file without one holds instead."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from container.checkpoints.layouts import pickled_tensor
from container.checkpoints.tensors import as_tensor
from container.checkpoints.values import StandIn, Tensor, Unreadable

MAX_DEPTH = 6  # dicts in dicts
MAX_DICTS = 10_000
MAX_LIST = 16  # values of a list that is looked into

# Names of averaged weights, which predict better than those of the last step, then names of the weights themselves.
AVERAGED = re.compile(r"(?:^|_)(?:ema|swa|averaged?|moving_average)(?:_|$)")
_WEIGHTS = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "weights", "params", "module")
_NOT_WEIGHTS = re.compile(r"optim|sched|scaler|callback|loops")
_MAKERS = {"pytorch-lightning_version": "Lightning", "__author__": "detectron2", "ds_version": "DeepSpeed"}
# Attributes by which a pickled torch.nn.Module is known.
_MODULE = {"_parameters", "_modules", "_buffers"}


@dataclass(frozen=True)
class StateDict:
    """Tensors by name."""

    path: tuple[str, ...]  # keys that lead to it
    tensors: Mapping[str, Tensor]
    others: Mapping[str, Any]  # what it holds besides


def chosen(saved: Any) -> StateDict:
    """Return the state dict of a checkpoint: averaged weights before others; Unreadable says what is there instead."""
    found = list(_state_dicts(saved))
    most = max((len(one.tensors) for one in found), default=0)
    found = [one for one in found if 2 * len(one.tensors) >= most]
    if not found:
        raise Unreadable(_instead(saved))
    best = min(map(_rank, found))
    first, *more = (one for one in found if _rank(one) == best)
    if more:
        several = ", ".join(".".join(one.path) for one in (first, *more))[:200]
        raise Unreadable(f"it holds several state dicts ({several}): save the one to serve alone")
    _check_plain(first)
    return first


def maker(saved: Any) -> str:
    """Return the name of the library that wrote a checkpoint, as far as its keys tell, or ""."""
    return next((name for key, name in _MAKERS.items() if key in _entries(saved)), "")


def _rank(found: StateDict) -> int:
    if any(map(AVERAGED.search, found.path)):
        return 0
    if not found.path:
        return 1
    return 2 + _WEIGHTS.index(found.path[-1]) if found.path[-1] in _WEIGHTS else 2 + len(_WEIGHTS)


def _state_dicts(saved: Any) -> Iterator[StateDict]:
    """Yield every dict that holds tensors, its own before those of dicts in it."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), saved)]
    for _ in range(MAX_DICTS):
        if not waiting:
            return
        path, value = waiting.pop(0)
        entries = _entries(value)
        tensors = {name: tensor for name, one in entries.items() if (tensor := _tensor(one)) is not None}
        if tensors:
            yield StateDict(path, tensors, {name: one for name, one in entries.items() if name not in tensors})
        if len(path) < MAX_DEPTH:
            waiting += [
                ((*path, name), one)
                for name, one in entries.items()
                if name not in tensors and _entries(one) and not _NOT_WEIGHTS.search(name)
            ]


def _tensor(value: Any) -> Tensor | None:
    return as_tensor(value) or pickled_tensor(value)


def _entries(value: Any) -> Mapping[str, Any]:
    """Return what a dict holds by name, or a short list of dicts, or a list of names and values."""
    if isinstance(value, list) and all(isinstance(one, tuple) and len(one) == 2 for one in value):
        return {name: one for name, one in value if isinstance(name, str)}
    if isinstance(value, list | tuple) and len(value) <= MAX_LIST:
        return {str(i): one for i, one in enumerate(value) if isinstance(one, dict | list | tuple)}
    return value if isinstance(value, dict) else value.items if isinstance(value, StandIn) else {}


def _check_plain(found: StateDict) -> None:
    """Raise Unreadable for a tensor that is not plain."""
    for name, value in found.others.items():
        if isinstance(value, StandIn) and value.of is not None and value.how.startswith("is "):
            raise Unreadable(f"no state dict of plain named tensors: {name} {value.how}")


def _instead(saved: Any) -> str:
    """Return the words for a file that holds no tensor by name."""
    if module := next(_modules(saved), None):
        return (
            f"it is a whole model, the pickled module {module}, and reading it would run its code; "
            "make a state dict of it where that code is: "
            "model = torch.load(FILE, weights_only=False); torch.save(model.state_dict(), NEW_FILE)"
        )
    reason = "no state dict of plain named tensors"
    for name, value in _entries(saved).items():
        if isinstance(value, StandIn):
            return f"{reason}: {name[:60]} {value.how}" if value.how.startswith("is ") else f"{reason}: {value.how}"
    return f"{reason} is in it" if not isinstance(saved, StandIn) else f"{reason}: {saved.how}"


def _modules(saved: Any) -> Iterator[str]:
    """Yield the class names of pickled modules, at the top of a file or in a dict."""
    for value in (saved, *_entries(saved).values()):
        if isinstance(value, StandIn) and value.of and isinstance(value.state, dict) and _MODULE <= value.state.keys():
            yield f"{value.of.module}.{value.of.name}"[:80]
