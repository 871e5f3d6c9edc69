"""Cooperative cancellation: the caller sets a check, and long work calls it between its parts.

    with cancelled_by(context.check):  # raises DeadlineExceeded
        for part in parts:
            checkpoint()
            work_on(part)

The check reaches code below functions that are independent of requests, such as a network's heads and mask drawing.
"""

from collections.abc import Callable
from contextlib import ExitStack
from contextvars import ContextVar

Check = Callable[[], None]

_check: ContextVar[Check] = ContextVar("check")


def cancelled_by(check: Check) -> ExitStack:
    """Make `checkpoint` call `check`, in this thread during the block; `check` raises once the work is unwanted."""
    block = ExitStack()
    block.callback(_check.reset, _check.set(check))
    return block


def checkpoint() -> None:
    """Call the caller's check, which may raise; does nothing outside a block."""
    check = _check.get(None)
    if check is not None:
        check()
