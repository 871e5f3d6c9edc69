"""What SageMaker's own model allows, before any call."""

from typing import Any

import pytest

from deploy import names
from deploy.errors import DeployError

ROLE = "arn:aws:iam::123456789012:role/horses"


@pytest.mark.parametrize(
    ("shape", "value", "problem"),
    [
        ("EndpointName", "horses-1", ""),
        ("EndpointName", "-horses", "does not match"),
        ("EndpointName", "horses_1", "does not match"),
        ("EndpointName", "h" * 64, "has 64 characters; 63 are allowed"),
        ("RoleArn", ROLE, ""),
        ("RoleArn", "horses-role-without-arn", "does not match"),
        ("EndpointStatus", "Nowhere", "is none of"),
        ("ProductionVariantInstanceType", "ml.z99.xlarge", ""),
        ("TagValue", "any ünicode", ""),
    ],
)
def test_shapes(shape: str, value: str, problem: str) -> None:
    found = list(names.problems(names.service("sagemaker").shape_for(shape), value))
    assert problem in found[0] if problem else found == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({}, ""),
        ({"ModelName": "a b"}, "ModelName 'a b' does not match"),
        ({"ExecutionRoleArn": ROLE.replace("role", "user")}, "ExecutionRoleArn"),
        ({"PrimaryContainer": {"Mode": "Both"}}, "PrimaryContainer.Mode 'Both' is none of SingleModel, MultiModel"),
        ({"PrimaryContainer": {"Environment": {"A": "x" * 1025}}}, "has 1025 characters"),
        ({"PrimaryContainer": {"Immage": "x"}}, "Unknown parameter"),
    ],
    ids=["good", "name", "role", "enum", "map", "unknown"],
)
def test_a_call_is_checked_whole(change: dict[str, Any], problem: str) -> None:
    parameters = {"ModelName": "horses", "ExecutionRoleArn": ROLE, "PrimaryContainer": {"Image": "x"}} | change
    if not problem:
        return names.check("sagemaker", "CreateModel", parameters)
    with pytest.raises(DeployError) as caught:
        names.check("sagemaker", "CreateModel", parameters)
    assert problem in caught.value.message
