"""`autoscaling`: what is set for which endpoint, the same command again, other settings, and nothing left."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from deploy.aws import Aws
from tests.deploy.conftest import REGION, calls, run

ROLE = "arn:aws:iam::123456789012:role/x"
SET = ("autoscaling", "set", "--name", "horses", "--max-capacity", "4", "--target", "5")
ASYNC = {"OutputConfig": {"S3OutputPath": "s3://bucket/out"}}
OF = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/horses/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
MakeEndpoint = Callable[..., None]


@pytest.fixture
def make_endpoint(mocked: None) -> MakeEndpoint:
    """An endpoint `horses` with one variant, with more in its configuration or its variant."""

    def make(variant: dict[str, Any] | None = None, **config: Any) -> None:
        sagemaker = boto3.client("sagemaker", region_name=REGION)
        sagemaker.create_model(ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "x"})
        hosted = variant or {"InstanceType": "ml.g4dn.xlarge", "InitialInstanceCount": 1}
        sagemaker.create_endpoint_config(
            EndpointConfigName="c",
            ProductionVariants=[{"VariantName": "AllTraffic", "ModelName": "m", **hosted}],
            **config,
        )
        sagemaker.create_endpoint(EndpointName="horses", EndpointConfigName="c")

    return make


def parameters(called: list[dict[str, Any]], operation: str) -> Any:
    """Of the one call of an operation, without what names the target."""
    (call,) = (call for call in called if call["operation"] == operation)
    return {key: value for key, value in call["parameters"].items() if key not in OF}


def said(text: str) -> list[str]:
    """["created alarm", "unchanged: alarm", …]: what was done to what kind of thing."""
    kinds = ("scalable target", "scaling policy", "alarm", "scheduled action")
    found = [(line, kind) for line in text.splitlines() for kind in kinds if f" {kind} " in line]
    return [line[: line.index(kind)] + kind for line, kind in found]


@pytest.mark.parametrize(
    ("metric", "component", "name"),
    [
        ("invocations", "", "SageMakerVariantInvocationsPerInstance"),
        ("concurrency", "", "SageMakerVariantConcurrentRequestsPerModelHighResolution"),
        ("invocations", "c", "SageMakerInferenceComponentInvocationsPerCopy"),
        ("concurrency", "c", "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution"),
    ],
)
def test_metrics(metric: str, component: str, name: str) -> None:
    called = calls(*SET, "--min-capacity", "1", "--metric", metric, *(("--component", component) if component else ()))
    assert [call["operation"] for call in called] == ["RegisterScalableTarget", "PutScalingPolicy"]
    resource = "inference-component/c" if component else OF["ResourceId"]
    assert {call["parameters"]["ResourceId"] for call in called} == {resource}
    assert parameters(called, "PutScalingPolicy") == {
        "PolicyName": "maskserve-target",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": 5.0,
            "PredefinedMetricSpecification": {"PredefinedMetricType": name},
            "ScaleInCooldown": 300,
            "ScaleOutCooldown": 60,
        },
    }


@pytest.mark.parametrize(
    ("component", "metric", "dimension"),
    [
        ((), "HasBacklogWithoutCapacity", {"Name": "EndpointName", "Value": "horses"}),
        (("--component", "c"), "NoCapacityInvocationFailures", {"Name": "InferenceComponentName", "Value": "c"}),
    ],
    ids=["async", "component"],
)
def test_to_zero_and_back(component: tuple[str, ...], metric: str, dimension: dict[str, str]) -> None:
    called = calls(*SET, "--min-capacity", "0", *component)
    operations = ["RegisterScalableTarget", "PutScalingPolicy", "PutScalingPolicy", "PutMetricAlarm"]
    assert [call["operation"] for call in called] == operations
    assert parameters(called[:1], "RegisterScalableTarget") == {
        "MinCapacity": 0,
        "MaxCapacity": 4,
        "Tags": {"maskserve:deployment": "horses"},
    }
    waking = called[2]["parameters"]["StepScalingPolicyConfiguration"]
    assert waking["StepAdjustments"] == [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}]
    alarm = parameters(called, "PutMetricAlarm")
    assert (alarm["MetricName"], alarm["Dimensions"]) == (metric, [dimension])
    assert alarm["AlarmActions"] == ["(known after PutScalingPolicy)"]
    assert alarm["AlarmName"].startswith("horses-")  # `destroy` looks for that


def test_a_backlog_is_the_endpoints_own() -> None:
    tracked = calls(*SET, "--min-capacity", "0")[1]["parameters"]["TargetTrackingScalingPolicyConfiguration"]
    measured = tracked["CustomizedMetricSpecification"]
    assert measured["MetricName"] == "ApproximateBacklogSizePerInstance"
    assert measured["Dimensions"] == [{"Name": "EndpointName", "Value": "horses"}]


def test_from_nothing_to_nothing(make_endpoint: MakeEndpoint) -> None:
    make_endpoint(AsyncInferenceConfig=ASYNC)
    set_ = (*SET, "--min-capacity", "0", "--schedule", "night", "cron(0 20 * * ? *)", "0", "1")
    things = ["scalable target", "scaling policy", "scaling policy", "alarm", "scheduled action"]
    assert said(run(*set_).stderr) == [f"created {thing}" for thing in things]
    assert said(run(*set_).stderr) == [f"unchanged: {thing}" for thing in things]

    (alarm,) = boto3.client("cloudwatch", region_name=REGION).describe_alarms()["MetricAlarms"]
    policies = boto3.client("application-autoscaling", region_name=REGION).describe_scaling_policies(**OF)
    assert alarm["AlarmActions"] == [policies["ScalingPolicies"][1]["PolicyARN"]]

    other = run(*set_, "--scale-in-cooldown", "60").stderr
    assert "updated scaling policy maskserve-target: " in other and "ScaleInCooldown: 300 → 60" in other
    assert said(other).count("updated scaling policy") == 1 and len(said(other)) == 5

    remove = ("autoscaling", "remove", "--name", "horses")
    gone = ["scheduled action", "alarm", "scaling policy", "scaling policy", "scalable target"]
    assert said(run(*remove).stderr) == [f"deleted {thing}" for thing in gone]
    assert "is not scaled" in run(*remove).stderr
    assert "is not scaled" in run("autoscaling", "status", "--name", "horses").stdout


def test_no_longer_to_zero(make_endpoint: MakeEndpoint) -> None:
    make_endpoint(AsyncInferenceConfig=ASYNC)
    run(*SET, "--min-capacity", "0")
    assert "deleted alarm horses-AllTraffic-from-zero" in run(*SET, "--min-capacity", "1").stderr
    assert boto3.client("cloudwatch", region_name=REGION).describe_alarms()["MetricAlarms"] == []


@pytest.mark.parametrize("broken", ["PutScalingPolicy", "PutMetricAlarm", "PutScheduledAction"])
def test_half_way(make_endpoint: MakeEndpoint, broken: str) -> None:
    """What fails in between says what there is; the same command makes the rest."""
    make_endpoint(AsyncInferenceConfig=ASYNC)
    set_ = (*SET, "--min-capacity", "0", "--schedule", "night", "at(2030-01-01T00:00:00)", "0", "1")

    def refuse(**_: Any) -> None:
        raise KeyboardInterrupt

    aws = Aws(region=REGION, poll=0)
    for service in ("application-autoscaling", "cloudwatch"):
        aws.client(service).meta.events.register(f"before-call.{service}.{broken}", refuse)
    result = run(*set_, aws=aws, code=130)
    assert "made before that: scalable target endpoint/horses/variant/AllTraffic" in result.stderr
    again = said(run(*set_).stderr)
    assert again[0] == "unchanged: scalable target" and again[-1] == "created scheduled action" and len(again) == 5


@pytest.mark.parametrize(
    ("variant", "config", "args", "problem"),
    [
        (None, {}, ["--min-capacity", "0"], "only asynchronous endpoints"),
        (None, {}, ["--min-capacity", "1", "--metric", "backlog"], "is not asynchronous"),
        (None, {}, ["--min-capacity", "1", "--variant", "b"], "has no variant b; it has AllTraffic"),
        (None, {"AsyncInferenceConfig": ASYNC}, ["--min-capacity", "0", "--metric", "invocations"], "by their backlog"),
        (
            {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 2}},
            {},
            ["--min-capacity", "1"],
            "is serverless: it scales by itself",
        ),
    ],
    ids=["real-time to zero", "no backlog", "no variant", "async by requests", "serverless"],
)
def test_what_sagemaker_cannot_do(
    make_endpoint: MakeEndpoint, variant: Any, config: Any, args: list[str], problem: str
) -> None:
    make_endpoint(variant, **config)
    assert problem in run(*SET, *args, code=1).stderr
    assert "is not scaled" in run("autoscaling", "status", "--name", "horses").stdout


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["--min-capacity", "5"], "the minimum 5 is over the maximum 4"),
        (["--min-capacity", "1", "--schedule", "night", "8 pm", "0", "1"], "is none of at"),
        (["--min-capacity", "1", "--schedule", "a:b", "at(x)", "0", "1"], "does not match"),
        (["--min-capacity", "1", "--target", "0"], "--target"),
    ],
)
def test_mistakes(args: list[str], problem: str) -> None:
    assert problem in run(*SET, *args, code=2).output


def test_no_endpoint(mocked: None) -> None:
    assert "there is no endpoint horses" in run(*SET, "--min-capacity", "1", code=1).stderr


def test_status(make_endpoint: MakeEndpoint) -> None:
    make_endpoint(AsyncInferenceConfig=ASYNC)
    run(*SET, "--min-capacity", "0", "--schedule", "night", "cron(0 20 * * ? *)", "0", "1")
    aws = Aws(region=REGION)
    activity = {
        "ActivityId": "1",
        **OF,
        "Description": "Setting desired instance count to 2",
        "Cause": "…",
        "StartTime": datetime(2026, 1, 1, 12, tzinfo=UTC),
        "StatusCode": "Successful",
    }
    answer = {"ScalingActivities": [activity]}
    # moto has no such call.
    aws.client("application-autoscaling").meta.events.register(
        "before-call.application-autoscaling.DescribeScalingActivities", lambda **_: (_Ok(), answer)
    )
    text = run("autoscaling", "status", "--name", "horses", aws=aws).stdout
    assert text.splitlines() == [
        "endpoint/horses/variant/AllTraffic: 0 to 4 instances",
        "now       1",
        "policy    maskserve-target: ApproximateBacklogSizePerInstance near 5",
        "policy    maskserve-from-zero: StepScaling",
        "alarm     horses-AllTraffic-from-zero: OK",
        "schedule  night: cron(0 20 * * ? *) UTC, 0 to 1",
        "done      2026-01-01 12:00 Successful: Setting desired instance count to 2",
    ]


class _Ok:
    status_code = 200


def test_an_inference_component() -> None:
    """moto knows none: what AWS answers is given in order."""
    aws = Aws(region=REGION, poll=0)
    scaling, cloudwatch = Stubber(aws.client("application-autoscaling")), Stubber(aws.client("cloudwatch"))
    of = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "inference-component/c",
        "ScalableDimension": "sagemaker:inference-component:DesiredCopyCount",
    }
    scaling.add_response("describe_scalable_targets", {"ScalableTargets": []})
    scaling.add_response("register_scalable_target", {})
    for arn in ("arn:1", "arn:2"):
        scaling.add_response("describe_scaling_policies", {"ScalingPolicies": []})
        scaling.add_response("put_scaling_policy", {"PolicyARN": arn, "Alarms": []})
    cloudwatch.add_response("describe_alarms", {"MetricAlarms": []})
    cloudwatch.add_response("put_metric_alarm", {})
    asked: list[Any] = []
    aws.client("cloudwatch").meta.events.register("provide-client-params.cloudwatch.PutMetricAlarm", _keep(asked))
    with scaling, cloudwatch:
        text = run(*SET, "--min-capacity", "0", "--component", "c", aws=aws).stderr
    assert f"created scalable target {of['ResourceId']}" in text
    assert asked[0]["AlarmActions"] == ["arn:2"]


def _keep(asked: list[Any]) -> Callable[..., None]:
    def keep(params: Any, **_: Any) -> None:
        asked.append(params)

    return keep
