"""Options that several commands have."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import click

from deploy.aws import CONNECTIONS, Aws, pass_aws
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


def question(command: F) -> F:
    """What is asked about every picture: response_type, confidence, masks, attributes; see asking."""
    for option in (
        click.option("--attributes", default="", help='More custom attributes, as JSON: {"class_filter": ["person"]}.'),
        click.option("--masks", type=click.Choice(["none", "rle", "polygon"]), help="How JSON holds masks."),
        click.option("--confidence", type=click.FloatRange(0, 1), help="Lower scores are left out."),
        click.option("--response-type", type=click.Choice(["json", "jpeg", "png"]), default="json"),
    ):
        command = option(command)
    return command


concurrency = click.option("--concurrency", type=click.IntRange(1, CONNECTIONS), default=4, help="How many at a time.")


def _dry_run(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        aws = ctx.find_object(Aws)
        assert aws is not None
        aws.dry_run = True


def changing(command: F) -> F:
    """The Aws of a command that changes something, and --dry-run behind its name as well as before it."""
    text = "Print every call that changes something as JSON, and make none."
    option = click.option("--dry-run", is_flag=True, expose_value=False, callback=_dry_run, help=text)
    return cast(F, option(pass_aws(command)))
