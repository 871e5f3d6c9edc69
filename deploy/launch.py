"""Bring a plan about: what is missing is made, in the order model, configuration, endpoint; what is there is kept."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from deploy import endpoints, sweep
from deploy.aws import Aws
from deploy.ensure import Resource, ensure
from deploy.errors import DeployError
from deploy.hosting import Plan

# With autoscaling the number of instances is not ours to set; weights and data capture are.
_UNRETAINED = [{"VariantPropertyType": "DesiredWeight"}, {"VariantPropertyType": "DataCaptureConfig"}]


def create(aws: Aws, plan: Plan, wait: bool) -> None:
    """Make the endpoint. One that failed is made anew; one that is there with other settings is left alone."""
    name = plan.endpoint["EndpointName"]
    now = endpoints.describe(aws, name)
    if now and now["EndpointStatus"] in ("Failed", "Deleting"):
        aws.say(f"endpoint {name} is {now['EndpointStatus']}: {now.get('FailureReason', '')}; it is deleted first")
        endpoints.delete(aws, name)
        now = None
    if now and now["EndpointConfigName"] != plan.config["EndpointConfigName"]:
        raise DeployError(f"endpoint {name} is there with other settings; `endpoint update` changes it")
    _parts(aws, plan)
    client = aws.client("sagemaker")
    ensure(aws, Resource("endpoint", name, lambda: now, partial(client.create_endpoint, **plan.endpoint)))
    if wait:
        endpoints.settle(aws, name)
        tidy(aws, name)


def update(aws: Aws, plan: Plan, deployment: Mapping[str, Any], wait: bool) -> None:
    """Change the endpoint to another configuration; DeployError where SageMaker rolls it back."""
    name, config = plan.endpoint["EndpointName"], plan.config["EndpointConfigName"]
    now = endpoints.describe(aws, name)
    if now is None and not aws.offline:
        raise DeployError(f"there is no endpoint {name}; `endpoint create` makes it")
    if now and now["EndpointStatus"] != "InService":
        now = endpoints.settle(aws, name)
    if now and now["EndpointConfigName"] == config:
        aws.say(f"unchanged: endpoint {name}")
        return tidy(aws, name)
    _parts(aws, plan)
    retained = {"RetainAllVariantProperties": True, "ExcludeRetainedVariantProperties": _UNRETAINED}
    aws.client("sagemaker").update_endpoint(
        EndpointName=name,
        EndpointConfigName=config,
        **({"DeploymentConfig": deployment} if deployment else {}),
        **(retained if any(sweep.scaling(aws, name)) else {}),
    )
    aws.say(f"{'would update' if aws.dry_run else 'update of'} endpoint {name} to {config}")
    if wait and not aws.dry_run:
        now = endpoints.settle(aws, name)
        tidy(aws, name)
        if now and now["EndpointConfigName"] != config:
            reason = now.get("FailureReason", "an alarm went off, or the new instances did not answer /ping")
            raise DeployError(f"SageMaker went back to {now['EndpointConfigName']}: {reason}")


def _parts(aws: Aws, plan: Plan) -> None:
    """The models and the configuration. Their names say what they are, so there is nothing to compare."""
    client = aws.client("sagemaker")
    for model in plan.models:
        own = model["ModelName"]
        find = partial(aws.find, client.describe_model, ModelName=own)
        ensure(aws, Resource("model", own, find, partial(client.create_model, **model)))
    own = plan.config["EndpointConfigName"]
    find = partial(aws.find, client.describe_endpoint_config, EndpointConfigName=own)
    create = partial(client.create_endpoint_config, **plan.config)
    ensure(aws, Resource("endpoint configuration", own, find, create))


def tidy(aws: Aws, name: str) -> None:
    """Delete what earlier updates have left."""
    sweep.delete(aws, list(sweep.unused(aws, name)))
