"""How an update reaches the instances: SageMaker's deployment guardrails as its DeploymentConfig.

all-at-once, canary, linear   blue/green: a second fleet, traffic moves over in one, two or many steps
rolling                       in batches; needs fewer instances at a time
After each step SageMaker watches the alarms for `bake` seconds, and goes back to the old fleet where one goes off.
"""

from collections.abc import Sequence
from typing import Any

from deploy import names
from deploy.errors import DeployError

KINDS = ("all-at-once", "canary", "linear", "rolling")


def config(kind: str, step: int, bake: int, limit: int | None, alarms: Sequence[str]) -> dict[str, Any]:
    """DeploymentConfig; step: percent of the capacity, bake: seconds, limit: seconds for all of it."""
    size = {"Type": "CAPACITY_PERCENT", "Value": step}
    timeout = {"MaximumExecutionTimeoutInSeconds": limit} if limit else {}
    if kind == "rolling":
        if not 5 <= step <= 50:
            raise DeployError(f"--step {step}: a rolling update takes batches of 5 to 50 percent")
        policy = {"MaximumBatchSize": size, "WaitIntervalInSeconds": bake, **timeout}
        result: dict[str, Any] = {"RollingUpdatePolicy": policy}
    else:
        routing: dict[str, Any] = {"Type": kind.upper().replace("-", "_"), "WaitIntervalInSeconds": bake}
        if kind != "all-at-once":
            least = 10 if kind == "linear" else 1
            if not least <= step <= 50:
                raise DeployError(f"--step {step}: {kind} takes steps of {least} to 50 percent")
            routing["CanarySize" if kind == "canary" else "LinearStepSize"] = size
        result = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, **timeout}}
    if alarms:
        result["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": alarm} for alarm in alarms]}
    checked = {"EndpointName": "any", "EndpointConfigName": "any", "DeploymentConfig": result}
    names.check("sagemaker", "UpdateEndpoint", checked)
    return result
