"""`autoscaling`: how many instances, or copies of an inference component, there are and when."""

import re
from collections.abc import Mapping
from typing import Any

import click

from deploy import autoscaler, options, scaling
from deploy.autoscaler import Autoscaler
from deploy.aws import Aws, pass_aws
from deploy.names import Shaped
from deploy.scaling import TRACKING, WAKING, Scaled

_WHEN = re.compile(r"(at|cron|rate)\(.+\)")


@click.group(name="autoscaling")
def command() -> None:
    """How many instances there are, and when."""


def _scaled(function: options.F) -> options.F:
    """The options that say what is meant."""
    for option in (
        click.option(
            "--component",
            type=Shaped("sagemaker", "InferenceComponentName"),
            help="An inference component, not a variant.",
        ),
        click.option("--variant", default="AllTraffic", type=Shaped("sagemaker", "VariantName")),
        options.name,
    ):
        function = option(function)
    return function


@command.command(name="set")
@_scaled
@click.option("--min-capacity", type=click.IntRange(0), required=True, help="0 for async and components only.")
@click.option("--max-capacity", type=click.IntRange(1), required=True, help="Instances, or copies of a component.")
@click.option("--metric", type=click.Choice(scaling.METRICS), help="[default: backlog if async, else concurrency]")
@click.option(
    "--target", type=click.FloatRange(0, min_open=True), required=True, help="Of the metric, for one of them."
)
@click.option("--scale-in-cooldown", type=click.IntRange(0), default=300, help="Seconds between.")
@click.option("--scale-out-cooldown", type=click.IntRange(0), default=60, help="Seconds between.")
@click.option(
    "--schedule",
    type=(Shaped(autoscaler.SERVICE, "ScheduledActionName"), str, click.IntRange(0), click.IntRange(0)),
    multiple=True,
    metavar="NAME WHEN MIN MAX",
    help='Other limits from then on, several: night "cron(0 20 * * ? *)" 0 1.',
)
@click.option("--timezone", default="UTC", help="Of the schedules, such as Europe/Berlin.")
@options.changing
def set_(
    aws: Aws,
    name: str,
    variant: str,
    component: str | None,
    min_capacity: int,
    max_capacity: int,
    metric: str | None,
    target: float,
    scale_in_cooldown: int,
    scale_out_cooldown: int,
    schedule: tuple[tuple[str, str, int, int], ...],
    timezone: str,
) -> None:
    """Keep a metric near --target, with --min-capacity to --max-capacity instances or copies.

    Schedules that are not named here stay as they are.
    """
    for label, when, low, high in (("--min-capacity", "at()", min_capacity, max_capacity), *schedule):
        if low > high:
            raise click.UsageError(f"{label}: the minimum {low} is over the maximum {high}")
        if label != "--min-capacity" and not _WHEN.fullmatch(when):
            raise click.UsageError(f"schedule {label}: {when!r} is none of at(…), cron(…), rate(…)")
    scaled = _of(name, variant, component)
    lowest = min(min_capacity, *(low for _, _, low, _ in schedule), min_capacity)
    metric = autoscaler.choose_metric(aws, scaled, metric, lowest)
    own = Autoscaler(aws, scaled)
    own.set_limits(min_capacity, max_capacity)
    tracked = scaling.tracking(scaled, metric, target, scale_in_cooldown, scale_out_cooldown)
    own.set_policy(TRACKING, "TargetTrackingScalingPolicyConfiguration", tracked)
    if lowest == 0:
        own.set_alarm(own.set_policy(WAKING, "StepScalingPolicyConfiguration", scaling.waking(scaled)))
    else:
        own.remove_waking()
    for action, when, low, high in schedule:
        own.set_schedule(action, when, timezone, low, high)


@command.command()
@_scaled
@pass_aws
def status(aws: Aws, name: str, variant: str, component: str | None) -> None:
    """Say what is set, how many there are, and what was done lately."""
    scaled = _of(name, variant, component)
    own = Autoscaler(aws, scaled)
    limits = own.limits()
    if limits is None:
        click.echo(f"{scaled.target['ResourceId']} is not scaled")
        return
    now, wanted = autoscaler.capacity(aws, scaled)
    click.echo(f"{scaled.target['ResourceId']}: {limits['MinCapacity']} to {limits['MaxCapacity']} {scaled.unit}")
    click.echo(f"now       {now}" + (f", to be {wanted}" if wanted != now else ""))
    for policy in own.policies():
        click.echo(f"policy    {policy['PolicyName']}: {_follows(policy)}")
    for alarm in own.alarms():
        click.echo(f"alarm     {alarm['AlarmName']}: {alarm['StateValue']}")
    for action in own.schedules():
        to = action["ScalableTargetAction"]
        when = f"{action['Schedule']} {action.get('Timezone', 'UTC')}"
        click.echo(f"schedule  {action['ScheduledActionName']}: {when}, {to['MinCapacity']} to {to['MaxCapacity']}")
    for done in own.activities():
        click.echo(f"done      {done['StartTime']:%Y-%m-%d %H:%M} {done['StatusCode']}: {done['Description']}")


@command.command()
@_scaled
@options.changing
def remove(aws: Aws, name: str, variant: str, component: str | None) -> None:
    """Leave the number as it is now, for good."""
    own = Autoscaler(aws, _of(name, variant, component))
    own.remove_schedules()
    own.remove_waking()
    own.remove_limits()


def _of(name: str, variant: str, component: str | None) -> Scaled:
    return Scaled(name, component=component) if component else Scaled(name, variant)


def _follows(policy: Mapping[str, Any]) -> str:
    tracked = policy.get("TargetTrackingScalingPolicyConfiguration")
    if not tracked:
        return str(policy["PolicyType"])
    own = tracked.get("PredefinedMetricSpecification", {}).get("PredefinedMetricType")
    return f"{own or tracked['CustomizedMetricSpecification']['MetricName']} near {tracked['TargetValue']:g}"
