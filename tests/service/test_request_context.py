"""Stages add up, and the deadline names the slow one."""

import time

import pytest

from container.errors import ClientGone, DeadlineExceeded
from container.service import RequestContext


def test_stages_add_up_in_order() -> None:
    context = RequestContext(10)
    for name, milliseconds in (("decode", 2.0), ("queue", 5.0), ("decode", 3.0)):
        context.add(name, milliseconds)
    with context.stage("encode"):
        time.sleep(0.01)
    assert list(context.stages) == ["decode", "queue", "encode"]
    assert context.stages["decode"] == 5.0 and context.stages["encode"] >= 10
    assert context.total >= 10
    context.check()


def test_a_passed_deadline_names_the_slowest_stage() -> None:
    context = RequestContext(0)
    context.add("read", 900)
    context.add("decode", 20)
    time.sleep(0.002)
    with pytest.raises(DeadlineExceeded, match="the slowest stage was 'read'"):
        context.check()


def test_the_stage_that_has_not_ended_counts() -> None:
    context = RequestContext(0.02)
    context.add("decode", 5)
    with context.stage("encode"):
        time.sleep(0.03)
        with pytest.raises(DeadlineExceeded, match="the slowest stage was 'encode'"):
            context.check()


def test_work_is_wanted_until_the_caller_leaves() -> None:
    left: list[bool] = []
    context = RequestContext(10, gone=lambda: bool(left))
    context.check_wanted("the answer was encoded")
    left.append(True)
    with pytest.raises(ClientGone, match="closed the connection before the answer was encoded"):
        context.check_wanted("the answer was encoded")


def test_the_deadline_counts_from_when_the_body_began_to_be_read() -> None:
    now = time.monotonic()
    context = RequestContext(10, received=now - 5, started=now - 5)  # a model was loaded first
    context.restart(now)
    assert context.deadline == now + 10 and 0 <= context.total < 4000
    assert list(context.stages) == ["read"]
