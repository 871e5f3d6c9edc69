"""Cancellation of long work: the caller says when it is no longer wanted, and the work asks between its parts.

    with cancelled_by(context.check):  # raises DeadlineExceeded
        for part in parts:
            checkpoint()
            work_on(part)

It reaches the work past functions that know nothing of requests, such as a network's heads and the drawing of masks.
"""

from collections.abc import Callable
from contextlib import ExitStack
from contextvars import ContextVar

Check = Callable[[], None]

_check: ContextVar[Check] = ContextVar("check")


def cancelled_by(check: Check) -> ExitStack:
    """A block in which, in this thread, `checkpoint` calls `check`, which raises once the work is unwanted."""
    block = ExitStack()
    block.callback(_check.reset, _check.set(check))
    return block


def checkpoint() -> None:
    """Raise what the caller's check raises; nothing outside a block."""
    check = _check.get(None)
    if check is not None:
        check()
