"""The tag that says which deployment a resource belongs to, in the two shapes that AWS's APIs have for tags."""

from collections.abc import Iterable, Mapping

KEY = "maskserve:deployment"


def of(name: str) -> list[dict[str, str]]:
    """For SageMaker, IAM, ECR, CloudWatch: [{"Key": …, "Value": …}]."""
    return [{"Key": KEY, "Value": name}]


def as_map(name: str) -> dict[str, str]:
    """For Application Auto Scaling and CloudWatch Logs: {key: value}."""
    return {KEY: name}


def belongs(found: Iterable[Mapping[str, str]], name: str) -> bool:
    """Whether a list of tags says that its resource is part of the deployment."""
    return any(tag["Key"] == KEY and tag["Value"] == name for tag in found)
