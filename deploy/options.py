"""Options that several commands have."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from deploy.names import Shaped

F = TypeVar("F", bound=Callable[..., Any])

name = click.option(
    "--name",
    required=True,
    type=Shaped("sagemaker", "EndpointName"),
    help="The deployment; its endpoint is called the same.",
)

wait = click.option("--wait/--no-wait", default=True, help="Wait until AWS is done.")

repository = click.option("--repository", default="maskserve", help="Image repository in ECR.")


def bucket(required: bool = False) -> Callable[[F], F]:
    """--bucket, for models and answers."""
    return click.option("--bucket", required=required, help="S3 bucket; files lie below maskserve/NAME/ in it.")
