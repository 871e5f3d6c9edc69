"""UpdateEndpoint's DeploymentConfig for each way of taking over."""

from typing import Any

import pytest

from deploy import rollout
from deploy.errors import DeployError

TEN = {"Type": "CAPACITY_PERCENT", "Value": 10}


def blue_green(**routing: Any) -> dict[str, Any]:
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("all-at-once", blue_green(Type="ALL_AT_ONCE", WaitIntervalInSeconds=60)),
        ("canary", blue_green(Type="CANARY", WaitIntervalInSeconds=60, CanarySize=TEN)),
        ("linear", blue_green(Type="LINEAR", WaitIntervalInSeconds=60, LinearStepSize=TEN)),
        ("rolling", {"RollingUpdatePolicy": {"MaximumBatchSize": TEN, "WaitIntervalInSeconds": 60}}),
    ],
)
def test_kinds(kind: str, expected: dict[str, Any]) -> None:
    assert rollout.config(kind, 10, 60, None, []) == expected


def test_limit_and_alarms() -> None:
    made = rollout.config("rolling", 10, 60, 900, ["a", "b"])
    assert made["RollingUpdatePolicy"]["MaximumExecutionTimeoutInSeconds"] == 900
    assert made["AutoRollbackConfiguration"] == {"Alarms": [{"AlarmName": "a"}, {"AlarmName": "b"}]}


@pytest.mark.parametrize(("kind", "step"), [("rolling", 4), ("rolling", 51), ("linear", 9), ("canary", 51)])
def test_steps(kind: str, step: int) -> None:
    with pytest.raises(DeployError, match="percent"):
        rollout.config(kind, step, 60, None, [])
