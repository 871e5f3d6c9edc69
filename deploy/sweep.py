"""What belongs to a deployment, found by its tag, in the order in which it can be deleted.

Looked for service by service, since AWS's tagging API shows a new resource only minutes later.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from deploy import endpoints, places, tags, waits
from deploy.aws import Aws
from deploy.errors import DeployError


@dataclass(frozen=True)
class Found:
    """A thing that is there, and how it goes."""

    kind: str
    name: str
    delete: Callable[[], object]


def delete(aws: Aws, found: Sequence[Found]) -> None:
    """Delete them in this order and say so; where one fails, say what is still there."""
    for number, item in enumerate(found):
        try:
            item.delete()
        except BaseException:
            rest = ", ".join(f"{item.kind} {item.name}" for item in found[number:])
            aws.say(f"still there: {rest}; the same command again goes on")
            raise
        aws.say(f"{'would delete' if aws.dry_run else 'deleted'} {item.kind} {item.name}")


def scaling(aws: Aws, name: str) -> Iterator[Found]:
    """What autoscaling watches. Its policies, their alarms and its scheduled actions go with it."""
    client = aws.client("application-autoscaling")
    own = tuple(f"inference-component/{component}" for component in _components(aws, name))
    for page in client.get_paginator("describe_scalable_targets").paginate(ServiceNamespace="sagemaker"):
        for target in page["ScalableTargets"]:
            resource = target["ResourceId"]
            if resource in own or resource.startswith(f"endpoint/{name}/"):
                gone = partial(
                    client.deregister_scalable_target,
                    ServiceNamespace="sagemaker",
                    ResourceId=resource,
                    ScalableDimension=target["ScalableDimension"],
                )
                yield Found("autoscaling of", resource, gone)


def alarms(aws: Aws, name: str) -> Iterator[Found]:
    """CloudWatch's alarms with the deployment's tag."""
    client = aws.client("cloudwatch")
    for page in client.get_paginator("describe_alarms").paginate(AlarmNamePrefix=name):
        for alarm in page["MetricAlarms"]:
            if tags.belongs(client.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"], name):
                yield Found("alarm", alarm["AlarmName"], partial(client.delete_alarms, AlarmNames=[alarm["AlarmName"]]))


def components(aws: Aws, name: str) -> Iterator[Found]:
    """The inference components on the endpoint, which cannot go before them."""
    for component in _components(aws, name):
        yield Found("inference component", component, partial(_delete_component, aws, component))


def endpoint(aws: Aws, name: str) -> Iterator[Found]:
    """The endpoint itself; DeployError where one is called so that is not ours."""
    now = endpoints.describe(aws, name)
    if now is None:
        return
    if not _is_tagged(aws, now["EndpointArn"], name):
        raise DeployError(f"endpoint {name} has no tag {tags.KEY}={name}: it was not made by this tool, so it stays")
    yield Found("endpoint", name, partial(endpoints.delete, aws, name))


def configs(aws: Aws, name: str) -> Iterator[Found]:
    """The endpoint configurations."""
    client = aws.client("sagemaker")
    for page in client.get_paginator("list_endpoint_configs").paginate(NameContains=name):
        for config in page["EndpointConfigs"]:
            if _is_tagged(aws, config["EndpointConfigArn"], name):
                own = config["EndpointConfigName"]
                yield Found(
                    "endpoint configuration", own, partial(client.delete_endpoint_config, EndpointConfigName=own)
                )


def models(aws: Aws, name: str) -> Iterator[Found]:
    """The models, that is their records in SageMaker, not the files in S3."""
    client = aws.client("sagemaker")
    for page in client.get_paginator("list_models").paginate(NameContains=name):
        for model in page["Models"]:
            if _is_tagged(aws, model["ModelArn"], name):
                own = model["ModelName"]
                yield Found("model", own, partial(client.delete_model, ModelName=own))


def role(aws: Aws, name: str) -> Iterator[Found]:
    """The execution role of `role create`, with its policies."""
    client, own = aws.client("iam"), places.role_name(name)
    found = aws.find(client.list_role_tags, RoleName=own)
    if found and tags.belongs(found["Tags"], name):

        def gone() -> None:
            for policy in client.list_role_policies(RoleName=own)["PolicyNames"]:
                client.delete_role_policy(RoleName=own, PolicyName=policy)
            client.delete_role(RoleName=own)

        yield Found("role", own, gone)


def logs(aws: Aws, name: str) -> Iterator[Found]:
    """The endpoint's logs, which SageMaker keeps for ever."""
    client, own = aws.client("logs"), f"/aws/sagemaker/Endpoints/{name}"
    for group in client.describe_log_groups(logGroupNamePrefix=own)["logGroups"]:
        if group["logGroupName"] == own:
            yield Found("log group", own, partial(client.delete_log_group, logGroupName=own))


def repository(aws: Aws, repository: str) -> Iterator[Found]:
    """An image repository with all its images."""
    client = aws.client("ecr")
    found = aws.find(client.describe_repositories, repositoryNames=[repository])
    if found and found["repositories"]:
        gone = partial(client.delete_repository, repositoryName=repository, force=True)
        yield Found("image repository", repository, gone)


def files(aws: Aws, name: str, bucket: str) -> Iterator[Found]:
    """All that lies below the deployment's folder in a bucket."""
    client, prefix = aws.client("s3"), f"{places.PREFIX}/{name}/"
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    if aws.find(lambda: any(page.get("Contents") for page in pages)):

        def gone() -> None:
            for page in pages:
                keys = [{"Key": found["Key"]} for found in page.get("Contents", ())]
                failed = client.delete_objects(Bucket=bucket, Delete={"Objects": keys}).get("Errors") if keys else None
                if failed:
                    raise DeployError(f"s3://{bucket}/{failed[0]['Key']} stays: {failed[0].get('Message')}")

        yield Found("files below", f"s3://{bucket}/{prefix}", gone)


# An endpoint and all that only it needs.
ENDPOINT = (scaling, components, endpoint, configs, models)
# All that is free to make again.
EVERYTHING = (scaling, alarms, components, endpoint, configs, models, role)


def unused(aws: Aws, name: str) -> Iterator[Found]:
    """Configurations and models that the endpoint no longer uses, left by earlier updates."""
    now = endpoints.describe(aws, name)
    if now is None or now.get("PendingDeploymentSummary"):
        return
    config = now["EndpointConfigName"]
    used = {config, *endpoints.models_of(aws, config)}
    for step in (configs, models):
        yield from (found for found in step(aws, name) if found.name not in used)


def _is_tagged(aws: Aws, arn: str, name: str) -> bool:
    found = aws.client("sagemaker").get_paginator("list_tags").paginate(ResourceArn=arn)
    return any(tags.belongs(page["Tags"], name) for page in found)


def _components(aws: Aws, name: str) -> list[str]:
    pages = aws.client("sagemaker").get_paginator("list_inference_components").paginate(EndpointNameEquals=name)
    found = aws.find(lambda: [component for page in pages for component in page["InferenceComponents"]])
    return [component["InferenceComponentName"] for component in found or ()]


def _delete_component(aws: Aws, component: str) -> None:
    client = aws.client("sagemaker")
    client.delete_inference_component(InferenceComponentName=component)
    waits.wait(
        aws,
        f"inference component {component}",
        lambda: aws.find(client.describe_inference_component, InferenceComponentName=component),
        {""},
        {"Failed"},
        "InferenceComponentStatus",
    )
