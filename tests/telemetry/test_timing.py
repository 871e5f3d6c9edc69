"""Stages add up, and the deadline names the slow one."""

import time

import pytest

from container.errors import ClientGone, DeadlineExceeded
from container.telemetry.timing import Timings


def test_stages_add_up_in_order() -> None:
    timings = Timings(10)
    for name, milliseconds in (("decode", 2.0), ("queue", 5.0), ("decode", 3.0)):
        timings.add(name, milliseconds)
    with timings.stage("encode"):
        time.sleep(0.01)
    assert list(timings.stages) == ["decode", "queue", "encode"]
    assert timings.stages["decode"] == 5.0 and timings.stages["encode"] >= 10
    assert timings.total >= 10
    timings.check()


def test_a_passed_deadline_names_the_slowest_stage() -> None:
    timings = Timings(0)
    timings.add("read", 900)
    timings.add("decode", 20)
    time.sleep(0.002)
    with pytest.raises(DeadlineExceeded, match="the slowest stage was 'read'"):
        timings.check()


def test_the_stage_that_has_not_ended_counts() -> None:
    timings = Timings(0.02)
    timings.add("decode", 5)
    with timings.stage("encode"):
        time.sleep(0.03)
        with pytest.raises(DeadlineExceeded, match="the slowest stage was 'encode'"):
            timings.check()


def test_work_is_wanted_until_the_caller_leaves() -> None:
    left: list[bool] = []
    timings = Timings(10, gone=lambda: bool(left))
    timings.check_wanted("the answer was encoded")
    left.append(True)
    with pytest.raises(ClientGone, match="closed the connection before the answer was encoded"):
        timings.check_wanted("the answer was encoded")
