"""Limits of what a description of a network may make torch allocate: the description is not trusted."""

import math
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_FACTORIES = {torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn, torch.full}


class TooLarge(Exception):
    """A network has more numbers than allowed, or more tensors."""


class Allowance(TorchFunctionMode):
    """A context manager that limits the total numbers in new tensors, and the number of those."""

    def __init__(self, numbers: int, tensors: int | None = None) -> None:
        super().__init__()
        self._numbers = numbers
        self._tensors = tensors

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _FACTORIES:
            size = (kwargs or {}).get("size", args[0] if args and isinstance(args[0], tuple | list) else args)
            self._numbers -= math.prod(size)
            if self._tensors is not None:
                self._tensors -= 1
            if self._numbers < 0 or self._tensors is not None and self._tensors < 0:
                raise TooLarge
        return func(*args, **(kwargs or {}))


class LargestResult(TorchFunctionMode):
    """A context manager that limits the bytes of each tensor that a function returns."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and result.numel() * result.itemsize > self._limit:
            raise TooLarge
        return result
