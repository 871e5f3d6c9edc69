"""The work of the jobs that compare: a process reads and computes, and each of its parts is written by one step."""

import logging
from collections.abc import Generator, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

from container.errors import NotFound, ServingError, Unavailable
from container.scoring.process import Children, Frame
from container.store import evaluations
from container.store.evaluations import COMMIT_JOB, DELETION_JOB, EVALUATION_JOB, Evaluation, Part
from container.store.jobs import Lease, LeaseLost
from container.store.runner import Work

log = logging.getLogger("maskserve.scoring")

BEAT_SECONDS = 2.0  # between two steps that only keep the lease, while a part is computed

Steps = Generator[None, None, dict[str, Any]]


def works(children: Children) -> Mapping[str, Work]:
    """Return the work of each type of job, done by `children`."""
    evaluate = partial(_evaluate, children)
    return {COMMIT_JOB: evaluate, EVALUATION_JOB: evaluate, DELETION_JOB: _delete}


class _Cancelled(Exception):
    """The evaluation was cancelled or deleted."""


def _evaluate(children: Children, lease: Lease) -> Steps:
    key, one = lease.job.parameters["evaluation"], None
    try:
        with lease.step() as step:
            one = evaluations.by_key(step.connection, key)
            evaluations.set_status(step.connection, one, evaluations.COMPUTING)
        yield
        yield from _compute(children, lease, one)
    except _Cancelled:
        pass
    except NotFound as error:  # it was deleted, or something that it needs is gone
        yield from _fail(lease, one, error.message)
    except (LeaseLost, Unavailable):
        raise
    except Exception as error:
        message = error.message if isinstance(error, ServingError) else "the server failed on it; its log says why"
        yield from _fail(lease, one, message)
        raise
    yield from _clean(lease, key)
    return {"evaluation": lease.job.state.get("counts", {})}


def _fail(lease: Lease, one: Evaluation | None, message: str) -> Generator[None, None, None]:
    """Write that an evaluation has failed, if there is still one."""
    if one is not None:
        with lease.step() as step:
            evaluations.set_status(step.connection, one, evaluations.FAILED, message)
        yield


def _delete(lease: Lease) -> Steps:
    yield from _clean(lease, lease.job.parameters["evaluation"])
    return {}


def _compute(children: Children, lease: Lease, one: Evaluation) -> Steps:
    with lease.store.read() as connection:
        if evaluations.by_key(connection, one.key).status != evaluations.COMPUTING:
            return {}  # it is done already, and the server died before the rest was
    while True:  # what a process has left that died
        with lease.step() as step:
            if not evaluations.clear(step.connection, one.key):
                break
        yield
    request = {"selection": asdict(one.selection), "config": one.config, "purpose": one.purpose}
    counts: dict[str, int] = {}
    number = 0
    with children.one() as child:
        for frame in child.ask(request, wait=BEAT_SECONDS):
            with lease.step() as step:
                if evaluations.by_key(step.connection, one.key).status != evaluations.COMPUTING:
                    raise _Cancelled
                if frame is None:  # nothing new, and the lease goes on
                    pass
                elif "end" in frame.head:
                    head = frame.head
                    notes = {"revisions": head["revisions"], "version": head["version"]}
                    evaluations.note(step.connection, one, **notes, counts={**counts, **head["summary"]})
                    evaluations.set_status(step.connection, one, evaluations.SUCCEEDED)
                    step.state["counts"] = counts
                else:
                    evaluations.add_part(step.connection, one.key, number, _part(frame))
                    number += 1
                    for name, more in frame.head["counts"].items():
                        counts[name] = counts.get(name, 0) + more
                    step.errors += frame.head["errors"]
                    step.progress = 0.99 * frame.head["progress"]
            yield
    return {}


def _clean(lease: Lease, key: int) -> Generator[None, None, None]:
    """Erase what nobody finds any more: older commits of the run, and what a cancelled evaluation has."""
    with lease.step() as step:
        cancelled = evaluations.forsaken(step.connection, key)
    yield
    for one, erase in cancelled.items():
        left = True
        while left:
            with lease.step() as step:
                left = (evaluations.erase if erase else evaluations.clear)(step.connection, one)
            yield


def _part(frame: Frame) -> Part:
    kinds, items = frame.head["kinds"], frame.head["items"]
    arrays = dict(zip(kinds, frame.payloads[: len(kinds)], strict=True))
    texts = [text.decode() for text in frame.payloads[len(kinds) :]]
    return Part(arrays, list(zip(items, texts, strict=True)))
