"""Autoscaling as parameters of calls: what scales, on which metric, and what wakes it at zero. It calls nothing.

Sources: "Automatic scaling of Amazon SageMaker AI models", "Autoscale an asynchronous endpoint" and "Scale an endpoint
to zero instances" in the SageMaker developer guide; Application Auto Scaling's API reference.
"""

from dataclasses import dataclass
from typing import Any

NAMESPACE = "sagemaker"
TRACKING, WAKING = "maskserve-target", "maskserve-from-zero"  # names of policies
METRICS = ("invocations", "concurrency", "backlog")

_VARIANT_METRICS = {
    "invocations": "SageMakerVariantInvocationsPerInstance",  # a minute
    "concurrency": "SageMakerVariantConcurrentRequestsPerModelHighResolution",
}
_COMPONENT_METRICS = {
    "invocations": "SageMakerInferenceComponentInvocationsPerCopy",
    "concurrency": "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution",
}


@dataclass(frozen=True)
class Scaled:
    """What gets more or fewer instances or copies: a variant of an endpoint, or an inference component on it."""

    endpoint: str
    variant: str = ""
    component: str = ""

    @property
    def target(self) -> dict[str, str]:
        """The three parameters by which every call names it."""
        if self.component:
            resource, dimension = f"inference-component/{self.component}", "inference-component:DesiredCopyCount"
        else:
            resource, dimension = f"endpoint/{self.endpoint}/variant/{self.variant}", "variant:DesiredInstanceCount"
        return {
            "ServiceNamespace": NAMESPACE,
            "ResourceId": resource,
            "ScalableDimension": f"{NAMESPACE}:{dimension}",
        }

    @property
    def unit(self) -> str:
        """ "copies" or "instances"."""
        return "copies" if self.component else "instances"

    @property
    def alarm(self) -> str:
        """The name of the alarm that wakes it at zero."""
        return f"{self.endpoint}-{self.component or self.variant}-from-zero"


def tracking(scaled: Scaled, metric: str, value: float, scale_in: int, scale_out: int) -> dict[str, Any]:
    """TargetTrackingScalingPolicyConfiguration: keep `metric` of one instance or copy near `value`.

    scale_in, scale_out: seconds after a change in which no other of its kind is made.
    """
    measured: dict[str, Any] = {
        "CustomizedMetricSpecification": {
            "MetricName": "ApproximateBacklogSizePerInstance",
            "Namespace": "AWS/SageMaker",
            "Dimensions": [{"Name": "EndpointName", "Value": scaled.endpoint}],
            "Statistic": "Average",
        }
    }
    if metric != "backlog":
        predefined = (_COMPONENT_METRICS if scaled.component else _VARIANT_METRICS)[metric]
        measured = {"PredefinedMetricSpecification": {"PredefinedMetricType": predefined}}
    return {"TargetValue": value, **measured, "ScaleInCooldown": scale_in, "ScaleOutCooldown": scale_out}


def waking(scaled: Scaled) -> dict[str, Any]:
    """StepScalingPolicyConfiguration: the first instance or copy.

    Target tracking alone wakes nothing at zero, where its metric has no values.
    """
    return {
        "AdjustmentType": "ChangeInCapacity",
        "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
        "Cooldown": 60 if scaled.component else 300,  # seconds, in which an instance starts
        "MetricAggregationType": "Maximum" if scaled.component else "Average",
    }


def alarm(scaled: Scaled) -> dict[str, Any]:
    """PutMetricAlarm, but for the action: requests came and nothing is there to answer them."""
    if scaled.component:
        specific = {
            "MetricName": "NoCapacityInvocationFailures",
            "Dimensions": [{"Name": "InferenceComponentName", "Value": scaled.component}],
            "Statistic": "Maximum",
            "Period": 30,
            "EvaluationPeriods": 1,
            "DatapointsToAlarm": 1,
        }
    else:
        specific = {
            "MetricName": "HasBacklogWithoutCapacity",
            "Dimensions": [{"Name": "EndpointName", "Value": scaled.endpoint}],
            "Statistic": "Average",
            "Period": 60,
            "EvaluationPeriods": 2,
            "DatapointsToAlarm": 2,
        }
    return {
        "Namespace": "AWS/SageMaker",
        **specific,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "missing",
    }
