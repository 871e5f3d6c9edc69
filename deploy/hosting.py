"""What an endpoint should be, as parameters of SageMaker's calls. It makes no call.

Models and endpoint configurations cannot be changed, so their names end in a hash of what they say: the same wish has
the same name, and another wish another one. That makes every command repeatable, and an update a change of one name.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deploy import gpu, names, tags
from deploy.errors import DeployError

# What the container must know in a mode; in the others its own defaults are right: 25 MB and 55 s.
ENVIRONMENT: dict[str, dict[str, str]] = {
    "real-time": {},
    "serverless": {"SAGEMAKER_MAX_PAYLOAD_IN_MB": "4", "SAGEMAKER_MODEL_SERVER_WORKERS": "1"},
    "async": {"SAGEMAKER_MAX_PAYLOAD_IN_MB": "1024", "SAGEMAKER_MODEL_SERVER_TIMEOUT": "3300"},
}


@dataclass(frozen=True)
class Variant:
    """One model on instances of one kind, and its share of the requests."""

    name: str
    image: str
    model_data: str = ""  # S3 URI of a model.tar.gz, of a folder where it ends in "/"; "" for what the image has
    instance_type: str = ""  # "" for a serverless endpoint
    instances: int = 1
    weight: float = 1.0
    capacity: Mapping[str, Any] = field(default_factory=dict)  # as in ProductionVariant: pools, reservation, timeout

    @property
    def instance_types(self) -> tuple[str, ...]:
        """The types that it may run on, first choice first; none for a serverless endpoint."""
        pools = tuple(pool["InstanceType"] for pool in self.capacity.get("InstancePools", ()))
        return pools or ((self.instance_type,) if self.instance_type else ())


@dataclass(frozen=True)
class Hosting:
    """An endpoint as it should be."""

    name: str
    role: str  # ARN
    variants: tuple[Variant, ...]
    shadow: Variant | None = None
    mode: str = "real-time"  # or serverless, async
    multi_model: bool = False  # model_data is then a prefix with many model.tar.gz
    cache_models: bool = True  # of a multi-model endpoint: a model stays loaded until its memory is wanted
    environment: dict[str, str] = field(default_factory=dict)
    serverless: Mapping[str, int] = field(default_factory=dict)  # as in ServerlessConfig
    async_inference: Mapping[str, Any] = field(default_factory=dict)  # as in AsyncInferenceConfig
    capture: Mapping[str, Any] = field(default_factory=dict)  # as in DataCaptureConfig
    metrics: Mapping[str, Any] = field(default_factory=dict)  # as in MetricsConfig
    vpc: Mapping[str, Any] = field(default_factory=dict)  # as in VpcConfig
    isolated: bool = False
    startup_seconds: int = 600
    cuda: str = gpu.CUDA
    ami: str = ""  # "" to choose it by `cuda`, "default" to leave it to SageMaker


@dataclass(frozen=True)
class Plan:
    """The parameters of CreateModel (several), CreateEndpointConfig and CreateEndpoint, checked."""

    models: tuple[dict[str, Any], ...]
    config: dict[str, Any]
    endpoint: dict[str, Any]


def plan(hosting: Hosting) -> Plan:
    """All calls for an endpoint; DeployError where SageMaker's own model of them says no."""
    everyone = (*hosting.variants, *([hosting.shadow] if hosting.shadow else []))
    models = {variant.name: _model(hosting, variant) for variant in everyone}

    def described(*variants: Variant) -> list[dict[str, Any]]:
        return [_variant(hosting, variant, models[variant.name]["ModelName"]) for variant in variants]

    config: dict[str, Any] = {"ProductionVariants": described(*hosting.variants)}
    if hosting.shadow:
        config["ShadowProductionVariants"] = described(hosting.shadow)
    if hosting.async_inference:
        config["AsyncInferenceConfig"] = hosting.async_inference
    if hosting.capture:
        config["DataCaptureConfig"] = hosting.capture
    if hosting.metrics:
        config["MetricsConfig"] = hosting.metrics
    config = _named(hosting.name, "EndpointConfigName", config)
    endpoint = {
        "EndpointName": hosting.name,
        "EndpointConfigName": config["EndpointConfigName"],
        "Tags": tags.of(hosting.name),
    }
    unique = {model["ModelName"]: model for model in models.values()}
    made = Plan(tuple(unique.values()), config, endpoint)
    for model in made.models:
        names.check("sagemaker", "CreateModel", model)
    names.check("sagemaker", "CreateEndpointConfig", made.config)
    names.check("sagemaker", "CreateEndpoint", made.endpoint)
    return made


def _model(hosting: Hosting, variant: Variant) -> dict[str, Any]:
    container: dict[str, Any] = {"Image": variant.image}
    environment = dict(ENVIRONMENT[hosting.mode])
    if hosting.multi_model:
        cache = {"ModelCacheSetting": "Enabled" if hosting.cache_models else "Disabled"}
        container |= {"Mode": "MultiModel", "ModelDataUrl": variant.model_data, "MultiModelConfig": cache}
    elif variant.model_data.endswith("/"):
        source = {"S3Uri": variant.model_data, "S3DataType": "S3Prefix", "CompressionType": "None"}
        container["ModelDataSource"] = {"S3DataSource": source}
    elif variant.model_data:
        container["ModelDataUrl"] = variant.model_data
        environment["MASKSERVE_MODEL"] = "/opt/ml/model"  # an image with a model of its own would serve that one
    if environment | hosting.environment:
        container["Environment"] = environment | hosting.environment
    model: dict[str, Any] = {"ExecutionRoleArn": hosting.role, "PrimaryContainer": container}
    if hosting.vpc:
        model["VpcConfig"] = hosting.vpc
    if hosting.isolated:
        model["EnableNetworkIsolation"] = True
    return _named(hosting.name, "ModelName", model)


def _variant(hosting: Hosting, variant: Variant, model: str) -> dict[str, Any]:
    described: dict[str, Any] = {"VariantName": variant.name, "ModelName": model}
    if hosting.mode == "serverless":
        return described | {"InitialVariantWeight": variant.weight, "ServerlessConfig": hosting.serverless}
    described |= {
        **({} if "InstancePools" in variant.capacity else {"InstanceType": variant.instance_type}),
        **variant.capacity,
        "InitialInstanceCount": variant.instances,
        "InitialVariantWeight": variant.weight,
        "ContainerStartupHealthCheckTimeoutInSeconds": hosting.startup_seconds,
        "ModelDataDownloadTimeoutInSeconds": hosting.startup_seconds,
    }
    amis = {hosting.ami} if hosting.ami else {gpu.ami(one, hosting.cuda) for one in variant.instance_types}
    if len(amis) > 1:
        raise DeployError(f"{', '.join(variant.instance_types)} need several machine images: choose one by --ami")
    (ami,) = amis
    return described | ({"InferenceAmiVersion": ami} if ami not in ("", "default") else {})


def _named(name: str, key: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters with a name out of what they say, and the deployment's tag."""
    text = json.dumps(parameters, sort_keys=True)
    suffix = hashlib.sha256(text.encode()).hexdigest()[:8]
    return {key: f"{name}-{suffix}", **parameters, "Tags": tags.of(name)}
