"""Made, changed or left as it is: at most one change, and what is said."""

from typing import Any

import pytest

from deploy.aws import Aws
from deploy.ensure import Resource, differences, ensure
from deploy.errors import DeployError
from tests.deploy.conftest import REGION


@pytest.mark.parametrize(
    ("now", "wanted", "can_update", "done", "said"),
    [
        (None, {"a": 1}, True, ["create"], "created thing x"),
        ({"a": 1, "b": 2}, {"a": 1}, True, [], "unchanged: thing x"),
        ({"a": 2}, {"a": 1}, True, ["update"], "updated thing x: a: 2 → 1"),
        ({"a": 2}, {"a": 1}, False, [], "thing x exists and cannot be changed: a: 2 → 1"),
    ],
    ids=["missing", "same", "other", "other and fixed"],
)
def test_ensure(
    now: Any, wanted: Any, can_update: bool, done: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made: list[str] = []
    update = (lambda: made.append("update")) if can_update else None
    thing = Resource("thing", "x", lambda: now, lambda: made.append("create"), wanted, update)
    try:
        ensure(Aws(region=REGION), thing)
        text = capsys.readouterr().err
    except DeployError as error:
        text = error.message
    assert (made, text.strip()) == (done, said)


@pytest.mark.parametrize(
    ("wanted", "now", "expected"),
    [
        ({"a": {"b": [1, {"c": 2}]}}, {"a": {"b": [1, {"c": 2, "d": 3}]}}, []),
        ({"a": {"b": [1, {"c": 2}]}}, {"a": {"b": [1, {"c": 3}]}}, ["a.b[1].c: 3 → 2"]),
        ({"a": [1]}, {"a": [1, 2]}, ["a: [1, 2] → [1]"]),
        ({"a": "x"}, {}, ["a: None → x"]),
        ({"a": ["x"]}, {"a": ("x",)}, []),
    ],
    ids=["more keys", "deep", "length", "missing", "tuple"],
)
def test_differences(wanted: Any, now: Any, expected: list[str]) -> None:
    assert differences(wanted, now) == expected
