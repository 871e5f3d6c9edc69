"""The command line: common options, every command of commands/, and how a command ends when something is wrong."""

from pathlib import Path
from typing import Any

import botocore.exceptions
import click
from boto3.exceptions import Boto3Error

from container.usage import refusals_in_one_line
from deploy import commands, settings
from deploy.aws import Aws
from deploy.errors import DeployError

PROGRAM = "python -m deploy"
INTERRUPTED = 130  # what a shell answers for Ctrl-C


class _Main(click.Group):
    """Turns what boto3 raises into one sentence, and says what a command that fails leaves behind."""

    def make_context(self, *given: Any, **more: Any) -> click.Context:
        with refusals_in_one_line(PROGRAM):
            return super().make_context(*given, **more)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with refusals_in_one_line(PROGRAM):
                return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("interrupted; the same command again goes on from here", err=True)
            _say_what_is_left(ctx.obj)
            ctx.exit(INTERRUPTED)
        except (Boto3Error, botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            _say_what_is_left(ctx.obj)
            raise DeployError(_sentence(error)) from error
        except DeployError:
            _say_what_is_left(ctx.obj)
            raise


CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 120, "show_default": True}


@click.group(cls=_Main, context_settings=CONTEXT)
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    is_eager=True,
    callback=lambda ctx, _, path: _use(ctx, path),
    expose_value=False,
    help=f"TOML file with values for any option; {settings.DEFAULT} where there is one.",
)
@click.option("--profile", help="AWS's profile; else as AWS's own tools choose it.")
@click.option("--region", envvar=["AWS_REGION", "AWS_DEFAULT_REGION"], help="AWS's region; else that of the profile.")
@click.option("--dry-run", is_flag=True, help="Print every call that changes something as JSON, and make none.")
@click.option("--poll", type=click.FloatRange(min=0), default=15, help="Seconds between two looks.")
@click.pass_context
def main(ctx: click.Context, profile: str | None, region: str | None, dry_run: bool, poll: float) -> None:
    """Put a model on Amazon SageMaker: from a folder to an endpoint, and back to nothing.

    Every command can be run again: it does what is still missing, and says what it changed.
    """
    ctx.obj = ctx.obj or Aws(profile, region, dry_run, poll)


for _command in commands.found():
    main.add_command(_command)


def _use(ctx: click.Context, path: Path | None) -> None:
    path = path or (settings.DEFAULT if settings.DEFAULT.is_file() else None)
    if path is not None:
        ctx.default_map = settings.read(path, main)


def _sentence(error: Exception) -> str:
    if isinstance(error, botocore.exceptions.ClientError):
        said = error.response.get("Error", {})
        return f"{error.operation_name}: {said.get('Code')}: {said.get('Message')}"
    if isinstance(error, botocore.exceptions.NoCredentialsError):
        return "no AWS credentials: run `aws configure` or `aws sso login`, or give --profile"
    return str(error)


def _say_what_is_left(aws: Aws | None) -> None:
    if aws is not None and aws.left and not aws.dry_run:
        aws.say(f"made before that: {', '.join(aws.left)}; the same command again goes on, `destroy` removes it")
