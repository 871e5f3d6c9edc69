"""The alarm that ends an update: answers of status 5xx, counted by SageMaker for one variant."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from deploy import tags
from deploy.aws import Aws
from deploy.ensure import Resource, ensure
from deploy.errors import DeployError


def on_errors(aws: Aws, name: str, variant: str) -> str:
    """Make the alarm where it is missing; its name."""
    client, alarm = aws.client("cloudwatch"), f"{name}-{variant}-5xx"
    settings: dict[str, Any] = {
        "Namespace": "AWS/SageMaker",
        "MetricName": "Invocation5XXErrors",
        "Dimensions": [{"Name": "EndpointName", "Value": name}, {"Name": "VariantName", "Value": variant}],
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",  # SageMaker sends no zeros
    }
    put = partial(client.put_metric_alarm, AlarmName=alarm, **settings)

    def find() -> Any:
        found = client.describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
        return found[0] if found else None

    ensure(aws, Resource("alarm", alarm, find, partial(put, Tags=tags.of(name)), settings, put))
    return alarm


def check(aws: Aws, alarms: Sequence[str]) -> None:
    """DeployError where one of them is not there: SageMaker would refuse the update after minutes."""
    if not alarms or aws.offline:
        return
    kinds = ["MetricAlarm", "CompositeAlarm"]
    found = aws.client("cloudwatch").describe_alarms(AlarmNames=list(alarms), AlarmTypes=kinds)
    known = {alarm["AlarmName"] for kind in kinds for alarm in found.get(f"{kind}s", ())}
    if missing := sorted(set(alarms) - known):
        raise DeployError(f"there is no alarm {', '.join(missing)}")
