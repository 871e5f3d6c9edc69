"""The parts of an endpoint's autoscaling in AWS: each is found, made, changed and removed by itself."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from deploy import scaling, tags
from deploy.aws import Aws
from deploy.ensure import Resource, ensure
from deploy.errors import DeployError
from deploy.scaling import Scaled

SERVICE = "application-autoscaling"
_KINDS = {
    "TargetTrackingScalingPolicyConfiguration": "TargetTrackingScaling",
    "StepScalingPolicyConfiguration": "StepScaling",
}


class Autoscaler:
    """Autoscaling of one variant or component."""

    def __init__(self, aws: Aws, scaled: Scaled) -> None:
        self._aws, self._scaled = aws, scaled
        self._client, self._cloudwatch = aws.client(SERVICE), aws.client("cloudwatch")

    def limits(self) -> Mapping[str, Any] | None:
        """The registered target with MinCapacity and MaxCapacity."""
        target = self._scaled.target
        found = self._client.describe_scalable_targets(
            ServiceNamespace=target["ServiceNamespace"],
            ResourceIds=[target["ResourceId"]],
            ScalableDimension=target["ScalableDimension"],
        )["ScalableTargets"]
        return found[0] if found else None

    def policies(self) -> list[Mapping[str, Any]]:
        """All that apply to it, also such as this tool did not make."""
        return list(self._client.describe_scaling_policies(**self._scaled.target)["ScalingPolicies"])

    def alarms(self) -> list[Mapping[str, Any]]:
        """The one that wakes it at zero, or none."""
        return list(self._cloudwatch.describe_alarms(AlarmNames=[self._scaled.alarm])["MetricAlarms"])

    def schedules(self) -> list[Mapping[str, Any]]:
        """All scheduled actions."""
        return list(self._client.describe_scheduled_actions(**self._scaled.target)["ScheduledActions"])

    def activities(self) -> list[Mapping[str, Any]]:
        """The last five."""
        return list(self._client.describe_scaling_activities(**self._scaled.target, MaxResults=5)["ScalingActivities"])

    def set_limits(self, low: int, high: int) -> None:
        """Between how many instances or copies it may choose."""
        wanted = {"MinCapacity": low, "MaxCapacity": high}
        put = partial(self._client.register_scalable_target, **self._scaled.target, **wanted)
        create = partial(put, Tags=tags.as_map(self._scaled.endpoint))  # which an existing one does not take
        ensure(
            self._aws, Resource("scalable target", self._scaled.target["ResourceId"], self.limits, create, wanted, put)
        )

    def set_policy(self, name: str, kind: str, configuration: Mapping[str, Any]) -> str:
        """Make or change a policy; its ARN. kind: the parameter that takes the configuration."""
        arn = ""

        def put() -> None:
            nonlocal arn
            given = {"PolicyName": name, "PolicyType": _KINDS[kind], kind: configuration}
            arn = self._client.put_scaling_policy(**self._scaled.target, **given)["PolicyARN"]

        def find() -> Mapping[str, Any] | None:
            return next((policy for policy in self.policies() if policy["PolicyName"] == name), None)

        before = ensure(self._aws, Resource("scaling policy", name, find, put, {kind: configuration}, put))
        return arn or str((before or {})["PolicyARN"])

    def set_alarm(self, policy_arn: str) -> None:
        """Make the alarm that wakes it at zero set off a policy."""
        wanted = {**scaling.alarm(self._scaled), "AlarmActions": [policy_arn]}
        put = partial(self._cloudwatch.put_metric_alarm, AlarmName=self._scaled.alarm, **wanted)
        create = partial(put, Tags=tags.of(self._scaled.endpoint))
        find = partial(next, iter(self.alarms()), None)
        ensure(self._aws, Resource("alarm", self._scaled.alarm, find, create, wanted, put))

    def set_schedule(self, name: str, when: str, timezone: str, low: int, high: int) -> None:
        """Other limits from a time on, once or again and again."""
        limits = {"MinCapacity": low, "MaxCapacity": high}
        wanted = {"Schedule": when, "Timezone": timezone, "ScalableTargetAction": limits}
        given = {**self._scaled.target, "ScheduledActionName": name, **wanted}
        put = partial(self._client.put_scheduled_action, **given)
        find = partial(next, (one for one in self.schedules() if one["ScheduledActionName"] == name), None)
        ensure(self._aws, Resource("scheduled action", name, find, put, wanted, put))

    def remove_schedules(self) -> None:
        """All of them."""
        for found in self.schedules():
            name = found["ScheduledActionName"]
            self._client.delete_scheduled_action(**self._scaled.target, ScheduledActionName=name)
            self._gone("scheduled action", name)

    def remove_waking(self) -> None:
        """The alarm, and then the policy that it sets off."""
        for found in self.alarms():
            self._cloudwatch.delete_alarms(AlarmNames=[found["AlarmName"]])
            self._gone("alarm", found["AlarmName"])
        self._remove_policies(scaling.WAKING)

    def remove_limits(self) -> None:
        """The target, with all policies, also such as this tool did not make."""
        self._remove_policies()
        if self.limits() is None:
            self._aws.say(f"unchanged: {self._scaled.target['ResourceId']} is not scaled")
            return
        self._client.deregister_scalable_target(**self._scaled.target)
        self._gone("scalable target", self._scaled.target["ResourceId"])

    def _remove_policies(self, *names: str) -> None:
        for found in self.policies():
            name = found["PolicyName"]
            if not names or name in names:
                self._client.delete_scaling_policy(**self._scaled.target, PolicyName=name)
                self._gone("scaling policy", name)

    def _gone(self, kind: str, name: str) -> None:
        self._aws.say(f"{'would delete' if self._aws.dry_run else 'deleted'} {kind} {name}")


def choose_metric(aws: Aws, scaled: Scaled, metric: str | None, lowest: int) -> str:
    """The metric that is asked for, or the one that fits; DeployError for what SageMaker cannot do.

    lowest: the least number of instances that is asked for at any time.
    """
    if scaled.component:
        if metric == "backlog":
            raise DeployError("only an asynchronous endpoint has a backlog, and it has no inference components")
        return metric or "concurrency"
    asynchronous = _is_asynchronous(aws, scaled)
    if asynchronous is None:  # a dry run before there is an endpoint
        asynchronous = metric == "backlog" or (metric is None and lowest == 0)
    if lowest == 0 and not (asynchronous and metric in (None, "backlog")):
        raise DeployError("only asynchronous endpoints, by their backlog, and inference components scale to zero")
    if metric == "backlog" and not asynchronous:
        raise DeployError(f"endpoint {scaled.endpoint} is not asynchronous: it has no backlog")
    return metric or ("backlog" if asynchronous else "concurrency")


def capacity(aws: Aws, scaled: Scaled) -> tuple[int, int]:
    """How many there are now, and how many there are to be."""
    client = aws.client("sagemaker")
    if scaled.component:
        now = client.describe_inference_component(InferenceComponentName=scaled.component)["RuntimeConfig"]
        return now.get("CurrentCopyCount", 0), now.get("DesiredCopyCount", 0)
    variants = client.describe_endpoint(EndpointName=scaled.endpoint)["ProductionVariants"]
    now = _variant(scaled, variants)
    return now.get("CurrentInstanceCount", 0), now.get("DesiredInstanceCount", 0)


def _is_asynchronous(aws: Aws, scaled: Scaled) -> bool | None:
    """Whether the endpoint is; None where a dry run finds none. DeployError where it cannot scale."""
    client = aws.client("sagemaker")
    endpoint = aws.find(client.describe_endpoint, EndpointName=scaled.endpoint)
    if endpoint is None:
        if aws.dry_run:
            return None
        raise DeployError(f"there is no endpoint {scaled.endpoint}; `endpoint create` makes one")
    config = client.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    if "ServerlessConfig" in _variant(scaled, config["ProductionVariants"]):
        raise DeployError(f"variant {scaled.variant} is serverless: it scales by itself")
    return bool(config.get("AsyncInferenceConfig"))


def _variant(scaled: Scaled, variants: list[dict[str, Any]]) -> dict[str, Any]:
    named = {variant["VariantName"]: variant for variant in variants}
    if scaled.variant not in named:
        raise DeployError(f"endpoint {scaled.endpoint} has no variant {scaled.variant}; it has {', '.join(named)}")
    return named[scaled.variant]
