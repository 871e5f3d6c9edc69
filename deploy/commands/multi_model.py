"""`multi-model`: one endpoint whose models are files below a prefix, loaded when somebody asks for them.

Source: "Multi-model endpoints" in the SageMaker developer guide.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from deploy import endpoint_options, gpu, launch, options, places, preflight, upload
from deploy.aws import Aws, pass_aws
from deploy.hosting import Hosting, Variant, plan
from deploy.names import Shaped
from deploy.s3 import objects

ENDING = ".tar.gz"
FOLDER = "multi-model"


@click.group(name="multi-model")
def command() -> None:
    """Many models behind one endpoint.

    `invoke --target-model x.tar.gz` says which.
    """


class _Target(Shaped):
    """The name of a model, as callers give it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        parts = str(value).split("/")
        if not str(value).endswith(ENDING) or "" in parts or ".." in parts:
            self.fail(f"{value!r} is no path such as horses{ENDING} or horses/v2{ENDING}", param, ctx)
        return super().convert(value, param, ctx)


_TARGET = _Target("sagemaker-runtime", "TargetModelHeader")


@command.command()
@options.name
@options.bucket(required=True)
@click.option("--image", default="maskserve:latest", help="REPOSITORY:TAG in ECR, or any URI.")
@click.option("--role", help="The execution role's name or ARN; else that of `role create`.")
@click.option("--instance-type", required=True, help="Such as ml.m5.2xlarge: all models that are in use must fit.")
@click.option("--instances", type=click.IntRange(1), default=1)
@click.option("--cache/--no-cache", default=True, help="Keep models loaded between requests.")
@click.option("--env", "environment", multiple=True, metavar="NAME=VALUE", help="For the container.")
@click.option("--startup", type=click.IntRange(60, 3600), default=600, help="Seconds to start in.")
@click.option("--cuda", default=gpu.CUDA, help="The CUDA that the image is built for, or none.")
@options.wait
@options.changing
def create(
    aws: Aws,
    name: str,
    bucket: str,
    image: str,
    role: str | None,
    instance_type: str,
    instances: int,
    cache: bool,
    environment: tuple[str, ...],
    startup: int,
    cuda: str,
    wait: bool,
) -> None:
    """Make the endpoint, whatever of it is missing. Models may be added before and after."""
    image = places.image_uri(aws, image)
    draft = Hosting(
        name=name,
        role=places.role_arn(aws, role or places.role_name(name)),
        variants=(Variant("AllTraffic", image, str(places.place(bucket, name, FOLDER)), instance_type, instances),),
        multi_model=True,
        cache_models=cache,
        environment=endpoint_options.variables(environment, None),
        startup_seconds=startup,
        cuda=cuda,
    )
    plan(draft)
    pinned = replace(draft.variants[0], image=preflight.image(aws, image))
    ready = replace(draft, role=preflight.role(aws, draft.role), variants=(pinned,))
    preflight.advise(aws, ready)
    if gpu.has_gpu(instance_type):
        aws.say("AWS promises multi-model endpoints with GPUs for NVIDIA Triton only; with other images try it first")
    launch.create(aws, plan(ready), wait)


@command.command()
@options.name
@options.bucket(required=True)
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@click.option("--as", "target", type=_TARGET, help="Its name for callers; else the file's, x.tar.gz for a folder x.")
@options.changing
def add(aws: Aws, name: str, bucket: str, model: Path, target: str | None) -> None:
    """Upload MODEL, a model.tar.gz or a folder with model.json. Prints the name that callers give."""
    target = target or str(_TARGET.convert(model.resolve().name.removesuffix(ENDING) + ENDING, None, None))
    place = places.place(bucket, name, FOLDER).below(target)
    with upload.archived(model) as archive:
        if aws.find(aws.client("s3").head_object, Bucket=place.bucket, Key=place.key):
            aws.say(f"{target} is there; where it is loaded, the old one answers until SageMaker unloads it")
        upload.put(aws, archive, str(place))
    click.echo(target, err=aws.dry_run)


@command.command(name="list")
@options.name
@options.bucket(required=True)
@pass_aws
def list_(aws: Aws, name: str, bucket: str) -> None:
    """Print the names of the models and their sizes in MB."""
    folder = places.place(bucket, name, FOLDER)
    for one in objects(aws.client("s3"), folder):
        click.echo(f"{folder.name_of(one.key)}\t{one.size / 1e6:.1f}")


@command.command()
@options.name
@options.bucket(required=True)
@click.argument("target", type=_TARGET)
@options.changing
def remove(aws: Aws, name: str, bucket: str, target: str) -> None:
    """Delete the model TARGET's file. An instance that has loaded it answers until it unloads it."""
    s3, place = aws.client("s3"), places.place(bucket, name, FOLDER).below(target)
    if aws.find(s3.head_object, Bucket=place.bucket, Key=place.key) is None:
        aws.say(f"unchanged: there is no {place}")
        return
    s3.delete_object(Bucket=place.bucket, Key=place.key)
    aws.say(f"{'would delete' if aws.dry_run else 'deleted'} {place}")
