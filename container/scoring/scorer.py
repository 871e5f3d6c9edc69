"""Answers to questions about evaluations, by a process that keeps what it has read last, and the thread of jobs."""

import threading
import time
from typing import Any

from container.errors import NotFound, Overloaded, Unavailable
from container.gate import outside
from container.scoring.process import Children
from container.scoring.work import works
from container.store import evaluations
from container.store.evaluations import Evaluation
from container.store.runner import Runner
from container.store.store import Store

WAIT_SECONDS = 90.0  # for an answer: clients give up after 120
MAX_WAITING = 8  # requests that wait for an answer
MAX_BEGUN = 8  # requests that wait for what they have begun; 150 of them, which look, took a core from it
_LOOK_SECONDS, _LONGEST_SECONDS = 0.03, 0.5  # between two looks, at first and at last


class Scorer:
    """Works on the jobs that compare, one at a time, and answers questions about what they have made."""

    def __init__(self, store: Store, draining: threading.Event) -> None:
        """`draining`: set once this process is to end; then nobody waits for a computation any more."""
        self._store = store
        self._draining = draining
        self._children = Children(store.place)
        self.runner = Runner(store, works(self._children), at_once=1, rest=lambda worked: 0.0)
        self._begun = threading.BoundedSemaphore(MAX_BEGUN)
        self._asking = threading.Lock()
        self._places = threading.BoundedSemaphore(MAX_WAITING)

    def begin(self, one: Evaluation, seconds: float) -> Evaluation | None:
        """Have an evaluation computed, and wait for so long for its end: a small one is done before its client asks.

        Returns it as it is then, or when this process is to end; None if it was deleted. Where MAX_BEGUN requests wait
        already, it does not.
        """
        self.runner.wake()
        if not self._begun.acquire(blocking=False):
            return one
        try:
            return self._ended(one, time.monotonic() + seconds)
        finally:
            self._begun.release()

    def ask(self, question: dict[str, Any]) -> bytes:
        """Return the answer to a question, see `questions.answer`, as JSON.

        Raises BadRequest for one that has none, Overloaded if too many wait, and Unavailable if it takes too long.
        """
        if not self._places.acquire(blocking=False):
            raise Overloaded(f"{MAX_WAITING} questions about evaluations are being answered already")
        try:
            with outside():
                if not self._asking.acquire(timeout=WAIT_SECONDS):
                    raise Unavailable("other questions about evaluations take too long")
                try:
                    return self._ask(question)
                finally:
                    self._asking.release()
        finally:
            self._places.release()

    def close(self) -> None:
        """End after the current step, and leave the jobs to others."""
        self.runner.close()
        self._children.close()

    def _ended(self, one: Evaluation, until: float) -> Evaluation | None:
        pause = _LOOK_SECONDS
        while True:
            with outside():
                ending = self._draining.wait(pause)
            pause = min(1.5 * pause, _LONGEST_SECONDS)
            try:
                with self._store.read() as connection:
                    one = evaluations.by_key(connection, one.key)
            except NotFound:
                return None
            if one.status not in evaluations.UNFINISHED or ending or time.monotonic() > until:
                return one

    def _ask(self, question: dict[str, Any]) -> bytes:
        with self._children.one() as child:
            frame = next(child.ask(question, wait=WAIT_SECONDS))
            if frame is None:
                raise Unavailable(f"the answer takes over {WAIT_SECONDS:.0f} s: this server is busy")
        return frame.payloads[0]
