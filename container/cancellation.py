"""Cancellation of long work: the caller says when it is no longer wanted, and the work asks between its parts.

    with cancelled_by(context.check):  # raises DeadlineExceeded
        for part in parts:
            checkpoint()
            work_on(part)

It reaches the work past functions that know nothing of requests, such as a network's heads and the drawing of masks.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Check = Callable[[], None]

_check: ContextVar[Check] = ContextVar("check")


@contextmanager
def cancelled_by(check: Check) -> Iterator[None]:
    """Within the block, and in this thread, `checkpoint` calls `check`, which raises once the work is unwanted."""
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


def checkpoint() -> None:
    """Raise what the caller's check raises; nothing outside a block."""
    check = _check.get(None)
    if check is not None:
        check()
