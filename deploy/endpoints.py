"""Endpoints as SageMaker shows them, and the waits on their statuses."""

from collections.abc import Mapping
from typing import Any

from deploy import waits
from deploy.aws import Aws

BROKEN = {"Failed", "OutOfService", "UpdateRollbackFailed"}  # these never become InService again by themselves


def describe(aws: Aws, name: str) -> Mapping[str, Any] | None:
    """The endpoint as it is now; None where there is none."""
    return aws.find(aws.client("sagemaker").describe_endpoint, EndpointName=name)


def models_of(aws: Aws, config: str) -> set[str]:
    """The models that a configuration names."""
    found = aws.find(aws.client("sagemaker").describe_endpoint_config, EndpointConfigName=config) or {}
    variants = (*found.get("ProductionVariants", ()), *found.get("ShadowProductionVariants", ()))
    return {variant["ModelName"] for variant in variants if "ModelName" in variant}  # components have their own


def settle(aws: Aws, name: str) -> Mapping[str, Any] | None:
    """Wait until the endpoint is in service; DeployError with SageMaker's reason where it will not be."""
    return waits.wait(aws, f"endpoint {name}", lambda: describe(aws, name), {"InService"}, BROKEN, "EndpointStatus")


def delete(aws: Aws, name: str) -> None:
    """Delete the endpoint and wait until it is gone. SageMaker deletes none that is just being made or changed."""
    now = describe(aws, name)
    if now and now["EndpointStatus"] != "Deleting":
        waits.wait(aws, f"endpoint {name}", lambda: describe(aws, name), {"InService", *BROKEN}, (), "EndpointStatus")
        aws.client("sagemaker").delete_endpoint(EndpointName=name)
    waits.wait(aws, f"endpoint {name}", lambda: describe(aws, name), {""}, {"Failed"}, "EndpointStatus")
