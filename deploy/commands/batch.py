"""`batch`: a transform job over all pictures below a prefix, and its answers as files.

Source: CreateTransformJob's API reference; "Batch transform" in the SageMaker developer guide.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click

from deploy import asking, endpoints, options, places, tags, waits
from deploy.answers import Answers, ending_by_look, ending_of
from deploy.aws import Aws, pass_aws
from deploy.concurrency import Failure, report, run_all
from deploy.ensure import Resource, ensure
from deploy.errors import DeployError
from deploy.names import Shaped, check
from deploy.runtime import Refused, error_text
from deploy.s3 import PLACE, Place, objects, read

MAX_IN_FLIGHT_MB = 100  # MaxConcurrentTransforms × MaxPayloadInMB
OUT = ".out"
GOOD, BAD = ("Completed",), ("Failed", "Stopped")


@click.group(name="batch")
def command() -> None:
    """All pictures below an S3 prefix, once, without an endpoint."""


@command.command()
@click.option("--model", type=Shaped("sagemaker", "ModelName"), help="A SageMaker model; else that of --name.")
@click.option("--name", type=Shaped("sagemaker", "EndpointName"), help="The deployment.")
@options.bucket()
@click.option("--input-prefix", type=PLACE, help="Of the pictures in S3; else maskserve/NAME/input/ in --bucket.")
@click.option("--output-prefix", type=PLACE, help="For answers; else maskserve/NAME/output/JOB/ in --bucket.")
@click.option("--instance-type", required=True, type=Shaped("sagemaker", "TransformInstanceType"))
@click.option("--instance-count", type=click.IntRange(1), default=1)
@click.option("--max-payload-mb", type=click.IntRange(1, 100), default=25, help="Of one picture.")
@click.option("--max-concurrent", type=click.IntRange(1), default=4, help="Requests at a time.")
@click.option("--timeout", type=click.IntRange(1, 3600), default=600, help="Seconds a picture.")
@options.question
@click.option(
    "--on-error",
    type=click.Choice(["placeholder", "fail"]),
    default="placeholder",
    help="A picture that cannot be read gets an answer that says so, or fails the job.",
)
@click.option("--job", type=Shaped("sagemaker", "TransformJobName"), help="Name; else after the model and the request.")
@options.wait
@options.changing
def start(
    aws: Aws,
    model: str | None,
    name: str | None,
    bucket: str | None,
    input_prefix: Place | None,
    output_prefix: Place | None,
    instance_type: str,
    instance_count: int,
    max_payload_mb: int,
    max_concurrent: int,
    timeout: int,
    response_type: str,
    confidence: float | None,
    masks: str | None,
    attributes: str,
    on_error: str,
    job: str | None,
    wait: bool,
) -> None:
    """Start a job, or go on waiting for the one that the same command started."""
    if max_payload_mb * max_concurrent > MAX_IN_FLIGHT_MB:
        raise click.UsageError(
            f"--max-payload-mb × --max-concurrent is {max_payload_mb * max_concurrent}; SageMaker allows "
            f"{MAX_IN_FLIGHT_MB}"
        )
    if not (input_prefix and output_prefix) and not (name and bucket):
        raise click.UsageError("where? --input-prefix and --output-prefix, or --name and --bucket, say it")
    source = input_prefix or places.place(str(bucket), str(name), "input")
    model = model or _model_of(aws, name)
    # A job has no custom attributes: the container takes those of its environment for every picture.
    placeholder = "placeholder" if on_error == "placeholder" else None
    given = asking.attributes(attributes, confidence=confidence, masks=masks, on_error=placeholder)
    defaults = asking.attributes(_defaults_of(aws, model), **json.loads(given or "{}"))
    request: dict[str, Any] = {
        "ModelName": model,
        "MaxConcurrentTransforms": max_concurrent,
        "MaxPayloadInMB": max_payload_mb,
        "BatchStrategy": "SingleRecord",
        "ModelClientConfig": {"InvocationsTimeoutInSeconds": timeout, "InvocationsMaxRetries": 1},
        "Environment": {
            # The container gives up before SageMaker does, and says which stage was slow.
            "SAGEMAKER_MODEL_SERVER_TIMEOUT": str(max(1, timeout - 5)),
            **({"MASKSERVE_DEFAULT_ATTRIBUTES": defaults} if defaults else {}),
        },
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": str(source)}},
            # One for all, whatever they are: the container looks at the bytes.
            "ContentType": "image/jpeg",
            "CompressionType": "None",
            "SplitType": "None",  # Line would cut a picture at every byte 0x0A
        },
        "TransformOutput": {"Accept": asking.ACCEPTS[response_type], "AssembleWith": "None"},
        "TransformResources": {"InstanceType": instance_type, "InstanceCount": instance_count},
    }
    job = job or _named_after(model, request, output_prefix)
    target = output_prefix or places.place(str(bucket), str(name), f"output/{job}")
    request["TransformOutput"]["S3OutputPath"] = str(target)
    call = {"TransformJobName": job, **request, "Tags": tags.of(name or model)}
    check("sagemaker", "CreateTransformJob", call)
    create = partial(aws.client("sagemaker").create_transform_job, **call)
    ensure(aws, Resource("transform job", job, partial(_find, aws, job), create, request))
    if aws.dry_run:
        return
    click.echo(job)
    if wait:
        _wait(aws, job, GOOD, BAD)
        aws.say(f"`batch fetch {job}` brings the answers here")


@command.command()
@click.argument("job", type=Shaped("sagemaker", "TransformJobName"))
@pass_aws
def status(aws: Aws, job: str) -> None:
    """Say how JOB is doing."""
    now = _job(aws, job)
    begun, ended = now.get("TransformStartTime"), now.get("TransformEndTime")
    rows = {
        "status": now["TransformJobStatus"],
        "reason": now.get("FailureReason"),
        "model": now["ModelName"],
        "from": now["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"],
        "to": now["TransformOutput"]["S3OutputPath"],
        "on": "{InstanceCount} × {InstanceType}".format(**now["TransformResources"]),
        "started": begun and f"{begun:%Y-%m-%d %H:%M:%S %Z}",
        "took": begun and ended and f"{(ended - begun).total_seconds():.0f} s",
    }
    for name, value in rows.items():
        if value:
            click.echo(f"{name:<8} {value}")


@command.command()
@click.argument("job", type=Shaped("sagemaker", "TransformJobName"))
@options.wait
@options.changing
def stop(aws: Aws, job: str, wait: bool) -> None:
    """Stop JOB; what it has answered so far stays."""
    before = _job(aws, job)["TransformJobStatus"]
    if before not in ("InProgress", "Stopping"):
        aws.say(f"unchanged: transform job {job} is {before}")
        return
    if before == "InProgress":
        aws.client("sagemaker").stop_transform_job(TransformJobName=job)
        aws.say(f"{'would stop' if aws.dry_run else 'stopping'} transform job {job}")
    if wait:
        _wait(aws, job, ("Stopped", "Completed", "Failed"), ())


@command.command()
@click.argument("job", type=Shaped("sagemaker", "TransformJobName"))
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), help="Folder.  [default: the job's name]")
@click.option("--overwrite", is_flag=True, help="Fetch again what is there.")
@options.concurrency
@pass_aws
def fetch(aws: Aws, job: str, output: Path | None, overwrite: bool, concurrency: int) -> None:
    """Bring the answers of JOB here: a/b.jpg.out becomes a/b.jpg.json. Exit code 1 where a picture has none."""
    now = _job(aws, job)
    source = Place.parse(now["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"])
    target = Place.parse(now["TransformOutput"]["S3OutputPath"]).folder()
    ending = ending_of(now["TransformOutput"].get("Accept", "application/json"))
    s3, answers = aws.client("s3"), Answers(output or Path(job))
    done = {target.name_of(one.key).removesuffix(OUT): one for one in objects(s3, target) if one.key.endswith(OUT)}
    asked = [source.name_of(one.key) for one in objects(s3, source)]
    missing = [name for name in asked if name in done and (overwrite or not answers.has(name, ending))]

    def bring(name: str) -> None:
        data = read(s3, Place(target.bucket, done[name].key))
        if problem := error_text(data):
            raise Refused(problem)
        answers.write(name, ending_by_look(data), data)

    failures = run_all(missing, bring, str, concurrency, "fetching")
    failures += [Failure(name, "the job has no answer for it") for name in asked if name not in done]
    if now["TransformJobStatus"] not in GOOD:
        aws.say(f"transform job {job} is {now['TransformJobStatus']}" + _because(now))
    report(failures, f"{len(asked) - len(failures)} of {len(asked)} answered, in {answers.folder}/")


def _model_of(aws: Aws, name: str | None) -> str:
    """The model of an endpoint, where it has one only."""
    if name is None:
        raise click.UsageError("which model? --model or --name says")
    now = endpoints.describe(aws, name)
    if now is None and aws.dry_run:
        aws.say(f"endpoint {name} is not there yet: its own name stands for that of its model")
        return name
    models = endpoints.models_of(aws, now["EndpointConfigName"]) if now else set()
    if len(models) != 1:
        found = f"has {', '.join(sorted(models))}" if models else "is not there"
        raise DeployError(f"endpoint {name} {found}: give --model")
    return models.pop()


def _defaults_of(aws: Aws, model: str) -> str:
    """The attributes that the model's own environment sets, which the job's would replace."""
    found = aws.find(aws.client("sagemaker").describe_model, ModelName=model)
    if found is None:
        if aws.dry_run:
            return ""
        raise DeployError(f"there is no model {model}")
    return str(found.get("PrimaryContainer", {}).get("Environment", {}).get("MASKSERVE_DEFAULT_ATTRIBUTES", ""))


def _named_after(model: str, request: Mapping[str, Any], target: Place | None) -> str:
    """The same for the same request, so that the same command finds its job again."""
    digest = hashlib.sha256(json.dumps([request, str(target)], sort_keys=True).encode()).hexdigest()
    return f"{model[:50].rstrip('-')}-{digest[:12]}"


def _find(aws: Aws, job: str) -> Mapping[str, Any] | None:
    return aws.find(aws.client("sagemaker").describe_transform_job, TransformJobName=job)


def _job(aws: Aws, job: str) -> Mapping[str, Any]:
    found = _find(aws, job)
    if found is None:
        raise DeployError(f"there is no transform job {job}")
    return found


def _wait(aws: Aws, job: str, good: tuple[str, ...], bad: tuple[str, ...]) -> None:
    waits.wait(aws, f"transform job {job}", lambda: _find(aws, job), good, bad, "TransformJobStatus")


def _because(now: Mapping[str, Any]) -> str:
    return f": {now['FailureReason']}" if now.get("FailureReason") else ""
