"""The container image: built in the form that SageMaker takes, and pushed to ECR."""

import base64
import shutil
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import click

from container import __version__
from deploy import options, places, preflight, tags
from deploy.aws import Aws
from deploy.ensure import Resource, ensure
from deploy.errors import DeployError

ROOT = Path(__file__).parents[2]
CPU_TORCH = "https://download.pytorch.org/whl/cpu"

_image = click.option("--image", default="maskserve:latest", help="The image on this machine.")
_engine = click.option("--engine", type=click.Choice(["docker", "podman"]), help="Else the first one installed.")


@click.group(name="image")
def command() -> None:
    """The container image."""


@command.command()
@_image
@_engine
@click.option("--cpu", is_flag=True, help="Without CUDA: several GB smaller, as serverless endpoints need it.")
@click.option("--build-arg", "arguments", multiple=True, metavar="NAME=VALUE", help="For the Dockerfile.")
@options.changing
def build(aws: Aws, image: str, engine: str | None, cpu: bool, arguments: tuple[str, ...]) -> None:
    """Build it for linux/amd64 with a Docker-format manifest; SageMaker refuses OCI manifests and indexes."""
    given = [f"VERSION={__version__}", f"GIT_SHA={_revision()}", *arguments]
    if cpu:
        given.append(f"TORCH_INDEX_URL={CPU_TORCH}")
    if _found(engine) == "docker":
        words = ["docker", "buildx", "build", "--provenance=false", "--sbom=false", "--output", "type=docker"]
    else:
        words = ["podman", "build", "--format", "docker"]
    words += ["--platform", "linux/amd64", "-t", image]
    aws.run([*words, *(f"--build-arg={one}" for one in given), str(ROOT)])


@command.command()
@_image
@_engine
@options.repository
@options.changing
def push(aws: Aws, image: str, engine: str | None, repository: str) -> None:
    """Push it to ECR, whose repository is made where it is missing, and check what arrived. Prints its URI."""
    ecr, name = aws.client("ecr"), _found(engine)

    def find() -> Any:
        found = aws.find(ecr.describe_repositories, repositoryNames=[repository])
        return found["repositories"][0] if found and found["repositories"] else None

    ensure(
        aws,
        Resource(
            "image repository",
            repository,
            find,
            partial(
                ecr.create_repository,
                repositoryName=repository,
                imageScanningConfiguration={"scanOnPush": True},
                tags=tags.of(repository),
            ),
        ),
    )
    registry = places.registry(aws)
    aws.run([name, "login", "--username", "AWS", "--password-stdin", registry], stdin=_password(ecr, aws.offline))
    tag = image.rpartition(":")[2] if ":" in image.rpartition("/")[2] else "latest"
    target = f"{registry}/{repository}:{tag}"
    aws.run([name, "tag", image, target])
    # Podman would otherwise push what it has in OCI's format.
    aws.run([name, "push", *(("--format", "v2s2") if name == "podman" else ()), target])
    click.echo(target if aws.dry_run else preflight.image(aws, target), err=aws.dry_run)


def _found(engine: str | None) -> str:
    if engine is None:
        engine = next((name for name in ("docker", "podman") if shutil.which(name)), None)
    if engine is None:
        raise DeployError("neither Docker nor Podman is installed")
    return engine


def _password(ecr: Any, offline: bool) -> str:
    """ECR's password of the hour. It goes to the engine's standard input and nowhere else."""
    if offline:
        return ""
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    return base64.b64decode(token).decode().partition(":")[2]


def _revision() -> str:
    """The commit that is built, `unknown` outside a checkout."""
    try:
        done = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    except FileNotFoundError:
        return "unknown"
    return done.stdout.strip() or "unknown"
