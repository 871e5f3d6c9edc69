"""What moto never says: endpoints that fail, are rolled back, or are being changed. Answers by botocore's Stubber,
which checks both the calls and the answers against SageMaker's model."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from deploy import endpoints, launch, sweep
from deploy.aws import Aws
from deploy.errors import DeployError
from deploy.hosting import Hosting, Plan, Variant, plan
from tests.deploy.conftest import CPU, REGION

ARN = "arn:aws:sagemaker:eu-central-1:123456789012:endpoint/horses"
TAGGED = {"Tags": [{"Key": "maskserve:deployment", "Value": "horses"}]}
NAME = {"EndpointName": "horses"}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    return Aws(region=REGION, poll=0)


@pytest.fixture
def sagemaker(aws: Aws) -> Iterator[Stubber]:
    with Stubber(aws.client("sagemaker")) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture(autouse=True)
def autoscaling(aws: Aws) -> Iterator[Stubber]:
    with Stubber(aws.client("application-autoscaling")) as stubber:
        stubber.add_response("describe_scalable_targets", {"ScalableTargets": []})
        yield stubber


@pytest.fixture
def wanted() -> Plan:
    variant = Variant("AllTraffic", "image", instance_type=CPU)
    return plan(Hosting("horses", "arn:aws:iam::123456789012:role/horses", (variant,)))


def describe(stubber: Stubber, *statuses: str, config: str = "old", **more: Any) -> None:
    for status in statuses:
        answer = {**NAME, "EndpointArn": ARN, "EndpointConfigName": config, "EndpointStatus": status}
        times = {"CreationTime": 0, "LastModifiedTime": 0}
        stubber.add_response("describe_endpoint", answer | times | more, NAME)


def gone(stubber: Stubber) -> None:
    stubber.add_client_error("describe_endpoint", "ValidationException", 'Could not find endpoint "x".')


def parts_exist(stubber: Stubber, wanted: Plan) -> None:
    """The model and the configuration are there."""
    (model,) = wanted.models
    answer = {"ModelName": model["ModelName"], "CreationTime": 0, "ModelArn": ARN}
    stubber.add_response("describe_model", answer, {"ModelName": model["ModelName"]})
    config_exists(stubber, wanted)


def config_exists(stubber: Stubber, wanted: Plan, name: str = "") -> None:
    name = name or wanted.config["EndpointConfigName"]
    answer = {"EndpointConfigName": name, "CreationTime": 0, "EndpointConfigArn": ARN}
    variants = {"ProductionVariants": wanted.config["ProductionVariants"]}
    stubber.add_response("describe_endpoint_config", answer | variants, {"EndpointConfigName": name})


def nothing_unused(stubber: Stubber, wanted: Plan, config: str) -> None:
    describe(stubber, "InService", config=config)
    config_exists(stubber, wanted, config)
    stubber.add_response("list_endpoint_configs", {"EndpointConfigs": []}, {"NameContains": "horses"})
    stubber.add_response("list_models", {"Models": []}, {"NameContains": "horses"})


def test_a_failed_creation_says_why(aws: Aws, sagemaker: Stubber, wanted: Plan) -> None:
    gone(sagemaker)
    parts_exist(sagemaker, wanted)
    sagemaker.add_response("create_endpoint", {"EndpointArn": ARN}, wanted.endpoint)
    describe(sagemaker, "Creating")
    describe(sagemaker, "Failed", FailureReason="The container did not pass the ping health check.")
    with pytest.raises(DeployError, match="endpoint horses is Failed: The container did not pass the ping"):
        launch.create(aws, wanted, wait=True)
    assert aws.left == ["endpoint horses"]


def test_an_endpoint_that_failed_is_made_anew(aws: Aws, sagemaker: Stubber, wanted: Plan) -> None:
    config = wanted.config["EndpointConfigName"]
    describe(sagemaker, "Failed", "Failed", "Failed", FailureReason="no capacity")
    sagemaker.add_response("delete_endpoint", {}, NAME)
    describe(sagemaker, "Deleting")
    gone(sagemaker)
    parts_exist(sagemaker, wanted)
    sagemaker.add_response("create_endpoint", {"EndpointArn": ARN}, wanted.endpoint)
    describe(sagemaker, "Creating", "InService", config=config)
    nothing_unused(sagemaker, wanted, config)
    launch.create(aws, wanted, wait=True)


def test_create_again_waits_for_what_is_being_made(aws: Aws, sagemaker: Stubber, wanted: Plan) -> None:
    config = wanted.config["EndpointConfigName"]
    describe(sagemaker, "Creating", config=config)
    parts_exist(sagemaker, wanted)
    describe(sagemaker, "Creating", "InService", config=config)
    nothing_unused(sagemaker, wanted, config)
    launch.create(aws, wanted, wait=True)


@pytest.mark.parametrize("deployment", [{}, {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "a"}]}}])
def test_update(aws: Aws, sagemaker: Stubber, wanted: Plan, deployment: dict[str, Any], autoscaling: Stubber) -> None:
    config = wanted.config["EndpointConfigName"]
    describe(sagemaker, "Updating", "InService")  # another update is still under way
    parts_exist(sagemaker, wanted)
    sagemaker.add_response("list_inference_components", {"InferenceComponents": []}, {"EndpointNameEquals": "horses"})
    asked = {**NAME, "EndpointConfigName": config} | ({"DeploymentConfig": deployment} if deployment else {})
    sagemaker.add_response("update_endpoint", {"EndpointArn": ARN}, asked)
    describe(sagemaker, "Updating", "SystemUpdating", "InService", config=config)
    nothing_unused(sagemaker, wanted, config)
    launch.update(aws, wanted, deployment, wait=True)
    autoscaling.assert_no_pending_responses()


def test_a_rollback_is_an_error_and_the_new_parts_go(aws: Aws, sagemaker: Stubber, wanted: Plan) -> None:
    new = wanted.config["EndpointConfigName"]
    describe(sagemaker, "InService")
    parts_exist(sagemaker, wanted)
    sagemaker.add_response("list_inference_components", {"InferenceComponents": []}, {"EndpointNameEquals": "horses"})
    sagemaker.add_response("update_endpoint", {"EndpointArn": ARN}, {**NAME, "EndpointConfigName": new})
    describe(sagemaker, "Updating", "RollingBack")
    describe(sagemaker, "InService", FailureReason="Alarm horses-5xx went off")
    describe(sagemaker, "InService")
    config_exists(sagemaker, wanted, "old")
    unused = {"EndpointConfigName": new, "EndpointConfigArn": ARN, "CreationTime": 0}
    sagemaker.add_response("list_endpoint_configs", {"EndpointConfigs": [unused]}, {"NameContains": "horses"})
    sagemaker.add_response("list_tags", TAGGED, {"ResourceArn": ARN})
    sagemaker.add_response("list_models", {"Models": []}, {"NameContains": "horses"})
    sagemaker.add_response("delete_endpoint_config", {}, {"EndpointConfigName": new})
    with pytest.raises(DeployError, match="went back to old: Alarm horses-5xx went off"):
        launch.update(aws, wanted, {}, wait=True)


def test_a_rollback_that_fails(aws: Aws, sagemaker: Stubber, wanted: Plan) -> None:
    describe(sagemaker, "InService")
    parts_exist(sagemaker, wanted)
    sagemaker.add_response("list_inference_components", {"InferenceComponents": []}, {"EndpointNameEquals": "horses"})
    sagemaker.add_response("update_endpoint", {"EndpointArn": ARN}, ANY_UPDATE)
    describe(sagemaker, "Updating", "RollingBack", "UpdateRollbackFailed", FailureReason="no capacity to go back")
    with pytest.raises(DeployError, match="UpdateRollbackFailed: no capacity to go back"):
        launch.update(aws, wanted, {}, wait=True)


ANY_UPDATE = {**NAME, "EndpointConfigName": ANY}


def test_an_autoscaled_endpoint_keeps_its_number_of_instances(
    aws: Aws, sagemaker: Stubber, wanted: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "scaling", lambda *_: iter([sweep.Found("autoscaling of", "x", dict)]))
    describe(sagemaker, "InService")
    parts_exist(sagemaker, wanted)
    retained = {"RetainAllVariantProperties": True, "ExcludeRetainedVariantProperties": ANY}
    sagemaker.add_response("update_endpoint", {"EndpointArn": ARN}, ANY_UPDATE | retained)
    launch.update(aws, wanted, {}, wait=False)


def test_components_go_before_the_endpoint(aws: Aws, sagemaker: Stubber) -> None:
    component = {"InferenceComponentName": "a"}
    summary = component | {
        "CreationTime": 0,
        "EndpointArn": ARN,
        "EndpointName": "horses",
        "InferenceComponentArn": ARN,
        "LastModifiedTime": 0,
        "VariantName": "AllTraffic",
    }
    sagemaker.add_response("list_inference_components", {"InferenceComponents": [summary]})
    (found,) = sweep.components(aws, "horses")
    sagemaker.add_response("delete_inference_component", {}, component)
    described = {key: summary[key] for key in summary if key != "VariantName"} | {
        "InferenceComponentStatus": "Deleting"
    }
    sagemaker.add_response("describe_inference_component", described, component)
    sagemaker.add_client_error("describe_inference_component", "ValidationException", "Could not find component")
    sweep.delete(aws, [found])


def test_shadow_models_are_in_use(aws: Aws, sagemaker: Stubber, wanted: Plan) -> None:
    variants = wanted.config["ProductionVariants"]
    shadow = [variants[0] | {"ModelName": "shadow"}]
    sagemaker.add_response(
        "describe_endpoint_config",
        {"EndpointConfigName": "c", "CreationTime": 0, "EndpointConfigArn": ARN, "ProductionVariants": variants}
        | {"ShadowProductionVariants": shadow},
    )
    assert endpoints.models_of(aws, "c") == {variants[0]["ModelName"], "shadow"}
