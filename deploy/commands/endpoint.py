"""An endpoint's life: create, update, status, delete."""

import json
import sys
from typing import Any

import click

from deploy import alarms, endpoint_options, endpoints, launch, options, rollout, sweep
from deploy.aws import Aws, pass_aws
from deploy.hosting import plan


@click.group(name="endpoint")
def command() -> None:
    """A model behind an address: real-time, serverless or async."""


@command.command()
@endpoint_options.described
@options.wait
@options.changing
def create(aws: Aws, /, wait: bool, **given: Any) -> None:
    """Make model, configuration and endpoint, whatever of them is missing. An endpoint that failed is made anew."""
    wanted = endpoint_options.hosting(aws, given)
    launch.create(aws, plan(wanted), wait)


@command.command()
@endpoint_options.described
@click.option("--rollout", "kind", type=click.Choice(rollout.KINDS), help="How the new fleet takes over.")
@click.option("--step", type=click.IntRange(1, 50), default=20, help="Percent of the capacity at a time.")
@click.option("--bake", type=click.IntRange(0, 3600), default=300, help="Seconds to watch the alarms after a step.")
@click.option("--limit", type=click.IntRange(600, 28800), help="Seconds that the update may take.")
@click.option("--alarm", "watched", multiple=True, help="CloudWatch alarm that makes SageMaker go back.")
@click.option("--rollback-on-errors", is_flag=True, help="Make such an alarm: any answer of status 5xx.")
@options.wait
@options.changing
def update(
    aws: Aws,
    /,
    wait: bool,
    kind: str | None,
    step: int,
    bake: int,
    limit: int | None,
    watched: tuple[str, ...],
    rollback_on_errors: bool,
    **given: Any,
) -> None:
    """Change it to what the options say, all of which are needed again: keep them in maskserve.toml.

    Without --rollout SageMaker puts all traffic on the new fleet at once. What no longer serves is deleted after that.
    """
    alarms.check(aws, watched)
    wanted = endpoint_options.hosting(aws, given)
    made = plan(wanted)
    if kind is None and (watched or rollback_on_errors):
        kind = "all-at-once"
    names = [*watched]
    if rollback_on_errors:
        names += [alarms.on_errors(aws, wanted.name, variant.name) for variant in wanted.variants]
    deployment = rollout.config(kind, step, bake, limit, names) if kind else {}
    launch.update(aws, made, deployment, wait)


@command.command()
@options.name
@pass_aws
def status(aws: Aws, name: str) -> None:
    """Print what SageMaker says of it, as JSON; exit code 1 where it is not in service."""
    now = endpoints.describe(aws, name)
    shown = {key: value for key, value in (now or {}).items() if key != "ResponseMetadata"}
    click.echo(json.dumps(shown or {"EndpointName": name, "EndpointStatus": None}, indent=1, default=str))
    sys.exit(0 if now and now["EndpointStatus"] == "InService" else 1)


@command.command()
@options.name
@options.changing
def delete(aws: Aws, name: str) -> None:
    """Delete it with its autoscaling, configurations and models. `destroy` deletes alarms and role as well."""
    found = [item for step in sweep.ENDPOINT for item in step(aws, name)]
    if not found:
        return aws.say(f"nothing is left of endpoint {name}")
    sweep.delete(aws, found)
