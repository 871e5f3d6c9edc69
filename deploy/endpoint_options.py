"""The options that describe an endpoint, and the `Hosting` that they mean. `described` adds them to a command."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from deploy import gpu, options, places, preflight, upload
from deploy.aws import Aws
from deploy.hosting import Hosting, Variant, plan
from deploy.names import Shaped

F = TypeVar("F", bound=Callable[..., Any])

# Options that only one mode has; given with another they are a mistake.
ONLY = {
    "memory": "serverless",
    "max_concurrency": "serverless",
    "provisioned": "serverless",
    "output": "async",
    "failures": "async",
    "success_topic": "async",
    "error_topic": "async",
    "per_instance": "async",
}
METRICS_SECONDS = ("10", "30", "60", "120", "180", "240", "300")  # of MetricsConfig's documentation; botocore has none
MAX_POOLS = 5  # botocore knows it and does not check it
NOT_SERVERLESS = (
    "instance_type", "variants", "shadow", "capture", "subnets", "groups", "isolated", "pools", "provision_timeout",
    "reservation", "observability", "enhanced_metrics", "metrics_seconds",
)  # fmt: skip
VARIANT_KEYS = ("name", "image", "model", "instance-type", "instances", "weight")


class VariantParam(click.ParamType[dict[str, str]]):
    """`name=b,weight=0.1,model=s3://…`: what a variant has other than the main one."""

    name = "key=value,…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, str]:
        parts = dict(part.partition("=")[::2] for part in str(value).split(","))
        if unknown := sorted(set(parts) - set(VARIANT_KEYS)):
            self.fail(f"unknown {', '.join(unknown)}; known: {', '.join(VARIANT_KEYS)}", param, ctx)
        if "name" not in parts:
            self.fail("name=… is missing", param, ctx)
        for key, kind in (("instances", int), ("weight", float)):
            try:
                kind(parts.get(key, "1"))
            except ValueError:
                self.fail(f"{key} is {parts[key]!r}, which is no number", param, ctx)
        return parts


OPTIONS = (
    options.name,
    options.bucket(),
    click.option("--mode", type=click.Choice(["real-time", "serverless", "async"]), default="real-time"),
    click.option("--image", default="maskserve:latest", help="REPOSITORY:TAG in this account's ECR, or any URI."),
    click.option("--model", help="model.tar.gz or folder, here or in S3; without it the image's own model is served."),
    click.option("--role", help="The execution role's name or ARN; else that of `role create`."),
    click.option("--instance-type", help="Such as ml.m5.xlarge or ml.g5.xlarge; not for serverless."),
    click.option("--instances", type=click.IntRange(min=1), default=1, help="Instances to begin with."),
    click.option("--variant", "variants", type=VariantParam(), multiple=True, help="Another variant beside the main."),
    click.option("--weight", type=click.FloatRange(min=0), default=1.0, help="The main variant's share of requests."),
    click.option("--shadow", type=VariantParam(), help="A variant that gets a copy of the requests; answers dropped."),
    click.option("--memory", type=click.Choice([str(n) for n in range(1024, 6145, 1024)]), help="MB, serverless."),
    click.option("--max-concurrency", type=click.IntRange(1, 200), help="Requests at a time, serverless."),
    click.option("--provisioned", type=click.IntRange(1, 200), help="Of these, kept warm, serverless."),
    click.option("--output", help="S3 folder for answers, async; else one in --bucket."),
    click.option("--failures", help="S3 folder for errors, async; else one in --bucket."),
    click.option("--success-topic", type=Shaped("sagemaker", "SnsTopicArn"), help="SNS topic to tell, async."),
    click.option("--error-topic", type=Shaped("sagemaker", "SnsTopicArn"), help="SNS topic to tell, async."),
    click.option("--per-instance", type=click.IntRange(1, 1000), help="Requests at a time on an instance, async."),
    click.option("--capture", help="S3 folder to keep answers in, or `bucket` for one in --bucket."),
    click.option("--capture-percent", type=click.IntRange(0, 100), default=100, help="Share of the requests kept."),
    click.option("--capture-input", is_flag=True, help="Keep the pictures too: they fill the instance's disk."),
    click.option("--attributes", help='Default attributes as JSON: {"confidence": 0.3}.'),
    click.option("--env", "environment", multiple=True, metavar="NAME=VALUE", help="For the container."),
    click.option("--subnet", "subnets", multiple=True, help="VPC's subnet."),
    click.option("--security-group", "groups", multiple=True, help="VPC's security group."),
    click.option("--isolated", is_flag=True, help="The container gets no network at all."),
    click.option("--startup", type=click.IntRange(60, 3600), default=600, help="Seconds until /ping must be 200."),
    click.option("--cuda", default=gpu.CUDA, help="The CUDA that the image is built for, or none."),
    click.option("--ami", help="InferenceAmiVersion; else by --cuda, `default` for SageMaker's own."),
    click.option("--pool", "pools", multiple=True, help="Another instance type, for when those before have run out."),
    click.option("--provision-timeout", type=click.IntRange(300, 3600), help="Seconds to wait for instances."),
    click.option(
        "--reservation", type=Shaped("sagemaker", "MlReservationArn"), help="ARN of reserved capacity to run in alone."
    ),
    click.option(
        "--observability/--no-observability", default=None, help="Read /metrics of the container; else as AWS chooses."
    ),
    click.option("--enhanced-metrics", is_flag=True, help="Utilization and invocations by instance and container."),
    click.option(
        "--metrics-seconds", type=click.Choice(METRICS_SECONDS), help="Seconds between two publications of metrics."
    ),
)


def described(command: F) -> F:
    """Add all of them; the command takes them as keywords and hands them to `hosting`."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def hosting(aws: Aws, given: Mapping[str, Any]) -> Hosting:
    """What the options mean, after the preflight; a model that lies here is uploaded.

    In this order: what can be checked here; what AWS can be asked; what changes something.
    """
    draft = _draft(aws, given)
    plan(_with_each(draft, lambda variant: replace(variant, model_data="")))
    role = preflight.role(aws, draft.role)
    pinned = _with_each(draft, lambda variant: replace(variant, image=preflight.image(aws, variant.image)))
    preflight.advise(aws, draft)
    ready = _with_each(pinned, lambda variant: replace(variant, model_data=_model(aws, variant.model_data, given)))
    return replace(ready, role=role)


def _draft(aws: Aws, given: Mapping[str, Any]) -> Hosting:
    """What the options say as they stand: images by tag, models as they were given."""
    mode, name = given["mode"], given["name"]
    for option, only in ONLY.items():
        if given[option] is not None and mode != only:
            raise click.UsageError(f"--{option.replace('_', '-')} is for --mode {only}")
    if mode == "serverless":
        _refuse_on_serverless(given)
    elif not given["instance_type"]:
        raise click.UsageError("--instance-type is missing: ml.m5.xlarge has no GPU, ml.g5.xlarge has one")
    if given["shadow"] and (given["variants"] or mode != "real-time"):
        raise click.UsageError("--shadow goes with one variant of a real-time endpoint")
    main = {
        "name": "AllTraffic",
        "image": given["image"],
        "model": given["model"] or "",
        "instance-type": "" if mode == "serverless" else given["instance_type"],
        "instances": given["instances"],
        "weight": given["weight"],
        "capacity": _capacity(given),
    }
    return Hosting(
        name=name,
        role=places.role_arn(aws, given["role"] or places.role_name(name)),
        variants=tuple(_variant(aws, main, more) for more in ({}, *given["variants"])),
        shadow=_variant(aws, main, given["shadow"]) if given["shadow"] else None,
        mode=mode,
        environment=variables(given["environment"], given["attributes"]),
        serverless=_serverless(given) if mode == "serverless" else {},
        async_inference=_async(given) if mode == "async" else {},
        capture=_capture(given),
        metrics=_metrics(given),
        vpc=_vpc(given["subnets"], given["groups"]),
        isolated=given["isolated"],
        startup_seconds=given["startup"],
        cuda=given["cuda"],
        ami=given["ami"] or "",
    )


def _with_each(hosting: Hosting, change: Callable[[Variant], Variant]) -> Hosting:
    """The same with every variant changed, the shadow too."""
    shadow = hosting.shadow and change(hosting.shadow)
    return replace(hosting, variants=tuple(map(change, hosting.variants)), shadow=shadow)


def _refuse_on_serverless(given: Mapping[str, Any]) -> None:
    ctx = click.get_current_context()
    names = {param.name: param.opts[0] for param in ctx.command.params}
    for option in NOT_SERVERLESS:
        # In the settings file the instance type may stand for the other endpoints.
        from_file = ctx.get_parameter_source(option) is ParameterSource.DEFAULT_MAP
        if given[option] and not (from_file and option == "instance_type"):
            raise click.UsageError(f"a serverless endpoint takes no {names[option]}")


def _variant(aws: Aws, main: Mapping[str, Any], more: Mapping[str, Any]) -> Variant:
    """What a variant is: the main one with something else."""
    parts, own_type = {**main, **more}, "instance-type" in more
    return Variant(
        name=parts["name"],
        image=places.image_uri(aws, parts["image"]),
        model_data=parts["model"],
        instance_type=parts["instance-type"],
        instances=int(parts["instances"]),
        weight=float(parts["weight"]),
        # What is reserved, and taken instead, is of the main variant's type.
        capacity={} if own_type else parts["capacity"],
    )


def _model(aws: Aws, model: str, given: Mapping[str, Any]) -> str:
    if model.startswith("s3://"):
        preflight.model_data(aws, model)
        return model
    if not model:
        return ""
    if not Path(model).exists():
        raise click.UsageError(f"--model {model}: no such file or folder")
    return upload.upload(aws, Path(model), _bucket(given, "--model"), given["name"])


def _bucket(given: Mapping[str, Any], option: str) -> str:
    if not given["bucket"]:
        raise click.UsageError(f"--bucket is missing, which {option} needs")
    return str(given["bucket"])


def variables(pairs: Sequence[str], attributes: str | None) -> dict[str, str]:
    if wrong := [pair for pair in pairs if "=" not in pair]:
        raise click.UsageError(f"--env {wrong[0]}: NAME=VALUE is meant")
    environment = dict(pair.split("=", 1) for pair in pairs)
    if attributes is not None:
        try:
            if not isinstance(json.loads(attributes), dict):
                raise ValueError
        except ValueError:
            raise click.UsageError(f"--attributes {attributes}: no JSON object") from None
        environment["MASKSERVE_DEFAULT_ATTRIBUTES"] = attributes
    return environment


def _serverless(given: Mapping[str, Any]) -> dict[str, int]:
    config = {"MemorySizeInMB": int(given["memory"] or 6144), "MaxConcurrency": given["max_concurrency"] or 5}
    return config | ({"ProvisionedConcurrency": given["provisioned"]} if given["provisioned"] else {})


def _async(given: Mapping[str, Any]) -> dict[str, Any]:
    output: dict[str, Any] = {
        "S3OutputPath": given["output"] or places.folder(_bucket(given, "--mode async"), given["name"], "output")
    }
    if given["failures"] or given["bucket"]:
        output["S3FailurePath"] = given["failures"] or places.folder(given["bucket"], given["name"], "failures")
    topics = {"SuccessTopic": given["success_topic"], "ErrorTopic": given["error_topic"]}
    if told := {key: arn for key, arn in topics.items() if arn}:
        output["NotificationConfig"] = told
    client = {"MaxConcurrentInvocationsPerInstance": given["per_instance"] or 4}
    return {"ClientConfig": client, "OutputConfig": output}


def _capacity(given: Mapping[str, Any]) -> dict[str, Any]:
    """Where instances come from, as in ProductionVariant: pools by priority, a reservation, how long to wait."""
    found: dict[str, Any] = {}
    if given["pools"]:
        if given["reservation"]:
            raise click.UsageError("--pool and --reservation exclude each other: a reservation is of one type")
        types = (given["instance_type"], *given["pools"])
        if len(types) > MAX_POOLS or len({*types}) < len(types):
            raise click.UsageError(f"--pool: at most {MAX_POOLS} different instance types, with --instance-type")
        found["InstancePools"] = [{"InstanceType": one, "Priority": i} for i, one in enumerate(types, 1)]
    if given["reservation"]:
        found["CapacityReservationConfig"] = {
            "CapacityReservationPreference": "capacity-reservations-only",
            "MlReservationArn": given["reservation"],
        }
    if given["provision_timeout"]:
        found["VariantInstanceProvisionTimeoutInSeconds"] = given["provision_timeout"]
    return found


def _metrics(given: Mapping[str, Any]) -> dict[str, Any]:
    """What SageMaker publishes; AWS's own defaults where an option is not given."""
    found: dict[str, Any] = {}
    if given["enhanced_metrics"]:
        found["EnableEnhancedMetrics"] = True
    if given["observability"] is not None:
        found["EnableDetailedObservability"] = given["observability"]
    if given["metrics_seconds"]:
        found["MetricPublishFrequencyInSeconds"] = int(given["metrics_seconds"])
    return found


def _capture(given: Mapping[str, Any]) -> dict[str, Any]:
    """Answers only by default: pictures in base64 fill the disk, and a full disk ends the capture."""
    if not given["capture"]:
        return {}
    uri = given["capture"]
    if uri == "bucket":
        uri = places.folder(_bucket(given, "--capture"), given["name"], "capture")
    modes = ("Input", "Output") if given["capture_input"] else ("Output",)
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": given["capture_percent"],
        "DestinationS3Uri": uri,
        "CaptureOptions": [{"CaptureMode": mode} for mode in modes],
        "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
    }


def _vpc(subnets: Sequence[str], groups: Sequence[str]) -> dict[str, Any]:
    if bool(subnets) != bool(groups):
        raise click.UsageError("--subnet and --security-group go together")
    return {"Subnets": list(subnets), "SecurityGroupIds": list(groups)} if subnets else {}
