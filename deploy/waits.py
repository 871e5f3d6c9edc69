"""Watch something until its status is settled: elapsed time, status, and the reason where it went wrong.

boto3's own waiters know neither progress nor the reason of a failure, and end with an error on Ctrl-C.
"""

import sys
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

import click

from deploy.aws import Aws
from deploy.errors import DeployError

SAY_AGAIN = 60  # seconds between two lines about the same status where the output is no terminal


def wait(
    aws: Aws,
    what: str,
    describe: Callable[[], Mapping[str, Any] | None],
    good: Collection[str],
    bad: Collection[str],
    status: str,
    reason: str = "FailureReason",
) -> Mapping[str, Any] | None:
    """Look every `aws.poll` seconds until the status is among `good`; DeployError with the reason if among `bad`.

    describe: what it is now, or None once it is gone, which "" among `good` allows; status, reason: keys of that
    answer. Ctrl-C says how to go on. A dry run does not wait.
    """
    if aws.dry_run:
        return None
    started, shown = time.monotonic(), ("", 0.0)
    try:
        while True:
            now = describe()
            value = str(now[status]) if now else ""
            elapsed = time.monotonic() - started
            shown = _show(what, value or "gone", elapsed, shown, final=value in good or value in bad)
            if value in good:
                return now
            if value in bad:
                said = now.get(reason) if now else None
                raise DeployError(f"{what} is {value}: {said or 'AWS gives no reason; see its log (`logs`)'}")
            if now is None:
                raise DeployError(f"{what} is gone: something else has deleted it")
            time.sleep(aws.poll)
    except KeyboardInterrupt:
        aws.say(f"\n{what} goes on without this command; the same command again waits for it")
        raise


def _show(what: str, value: str, elapsed: float, shown: tuple[str, float], final: bool) -> tuple[str, float]:
    """Say the status: on a terminal over the last one, elsewhere a line where it is new or a minute has gone by."""
    text = f"{what}: {value} after {int(elapsed) // 60}:{int(elapsed) % 60:02}"
    if sys.stderr.isatty():
        click.echo(f"\r{text:<79}", nl=final, err=True)
    elif value != shown[0] or elapsed - shown[1] >= SAY_AGAIN:
        click.echo(text, err=True)
    else:
        return shown
    return value, elapsed
