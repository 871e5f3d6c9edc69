"""`logs`: what the container wrote, from CloudWatch, one line a record.

Source: "Amazon SageMaker log groups" in the developer guide; FilterLogEvents' API reference.
"""

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from botocore.exceptions import ClientError

from deploy.aws import Aws, pass_aws
from deploy.errors import DeployError
from deploy.names import Shaped

LATE = 60_000  # milliseconds by which an event may come to CloudWatch after a newer one
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_OWN = ("time", "level", "logger", "message", "traceback")  # fields that have places of their own in a line


class _Since(click.ParamType[datetime]):
    """ "90s", "15m", "2h", "7d" before now, or a time as ISO 8601 writes it, UTC where it names no zone."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if match := re.fullmatch(r"(\d{1,5})([smhd])", str(value)):
            return datetime.now(UTC) - timedelta(**{_UNITS[match[2]]: int(match[1])})
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is neither a time nor a span such as 15m, 2h, 7d", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@click.command(name="logs")
@click.option("--name", type=Shaped("sagemaker", "EndpointName"), help="Of this endpoint.")
@click.option("--job", type=Shaped("sagemaker", "TransformJobName"), help="Of this transform job.")
@click.option("--component", type=Shaped("sagemaker", "InferenceComponentName"), help="Of this inference component.")
@click.option("--since", type=_Since(), default="1h", help="90s, 15m, 2h, 7d, or a time.")
@click.option("--filter", "pattern", help="In CloudWatch's words: ERROR, or { $.status >= 500 }.")
@click.option("--follow", is_flag=True, help="Wait for more.")
@click.option("--raw", is_flag=True, help="Lines as they were written.")
@pass_aws
def command(
    aws: Aws,
    name: str | None,
    job: str | None,
    component: str | None,
    since: datetime,
    pattern: str | None,
    follow: bool,
    raw: bool,
) -> None:
    """Print what a container wrote.

    One line a record, of an endpoint, a transform job or an inference component.
    """
    if job:
        where = {"logGroupName": "/aws/sagemaker/TransformJobs", "logStreamNamePrefix": job + "/"}
    elif component:
        where = {"logGroupName": f"/aws/sagemaker/InferenceComponents/{component}"}
    elif name:
        where = {"logGroupName": f"/aws/sagemaker/Endpoints/{name}"}
    else:
        raise click.UsageError("whose logs? --name, --job or --component says")
    asked = {**where, **({"filterPattern": pattern} if pattern else {})}
    try:
        for event in _events(aws, asked, int(since.timestamp() * 1000), follow):
            click.echo(event["message"].rstrip() if raw else line(event))
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        raise DeployError(f"there are no logs: log group {where['logGroupName']} does not exist yet") from None
    except KeyboardInterrupt:
        if not follow:
            raise


def _events(aws: Aws, asked: dict[str, str], start: int, follow: bool) -> Iterator[dict[str, Any]]:
    """Every event once, from `start` (milliseconds) on."""
    pages = aws.client("logs").get_paginator("filter_log_events")
    seen: dict[str, int] = {}
    while True:
        for page in pages.paginate(**asked, startTime=start):
            for event in page["events"]:
                if event["eventId"] not in seen:
                    seen[event["eventId"]] = event["timestamp"]
                    yield event
        if not follow:
            return
        start = max([start, *(moment - LATE for moment in seen.values())])
        seen = {key: moment for key, moment in seen.items() if moment >= start}
        time.sleep(aws.poll)


def line(event: dict[str, Any]) -> str:
    """An event for reading: time, level, message, the other fields as name=value, and a traceback below.

    What is no JSON object of ours, such as what Python or SageMaker itself says, stays as it is.
    """
    text = event["message"].rstrip()
    moment = f"{datetime.fromtimestamp(event['timestamp'] / 1000, UTC):%m-%d %H:%M:%S}"
    try:
        record = json.loads(text)
        message, level = record["message"], record["level"]
    except (ValueError, TypeError, KeyError):
        return f"{moment} {_printable(text)}"
    fields = " ".join(f"{key}={value}" for key, value in record.items() if key not in _OWN)
    first = f"{moment} {level!s:<7} {message} {fields}".rstrip()
    below = str(record.get("traceback", "")).rstrip().splitlines()
    return "\n".join([_printable(first), *(f"    {_printable(one)}" for one in below)])


def _printable(text: str) -> str:
    """What a caller had logged may hold control characters for the terminal."""
    return "".join(c if c.isprintable() or c == "\t" else " " for c in text)
