"""What a command works with: boto3 clients of one account and region, messages, and what it has made so far.

Credentials and region come from AWS's own chain (environment, ~/.aws, roles); nothing here reads or prints a secret.
"""

import json
import subprocess
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import boto3
import botocore.exceptions
import click
from botocore.config import Config

from container import __version__
from deploy import recorder
from deploy.errors import DeployError

STDERR = 2  # a file descriptor: under a test sys.stderr has none
CONNECTIONS = 64  # at a time, of one client
READ_SECONDS = 70  # SageMaker itself gives up on a real-time request after 60
NOBODY = "000000000000"  # the account of a dry run without credentials
# What the services call "there is no such thing"; SageMaker itself says ValidationException, see `_is_missing`.
MISSING = {
    "404", "NoSuchBucket", "NoSuchEntity", "NoSuchKey", "NotFound", "ObjectNotFoundException",
    "RepositoryNotFoundException", "ImageNotFoundException", "ResourceNotFound", "ResourceNotFoundException",
}  # fmt: skip


class Aws:
    """One account and region. `poll` is the seconds between two looks at a status."""

    def __init__(
        self, profile: str | None = None, region: str | None = None, dry_run: bool = False, poll: float = 15
    ) -> None:
        self.dry_run = dry_run
        self.poll = poll
        self.left: list[str] = []  # what this command has made, for the message of one that fails
        try:
            self._session = boto3.Session(profile_name=profile, region_name=region)
        except botocore.exceptions.ProfileNotFound as error:
            raise DeployError(str(error)) from None
        self._clients: dict[str, Any] = {}

    @property
    def region(self) -> str:
        if not self._session.region_name:
            raise DeployError("no region: give --region, or set AWS_REGION or `aws configure set region NAME`")
        return str(self._session.region_name)

    @cached_property
    def offline(self) -> bool:
        """A dry run without credentials that AWS takes: nothing more is asked of it."""
        why = self._why_offline() if self.dry_run else ""
        if why:
            self.say(f"dry run {why}: as if nothing existed yet")
        return bool(why)

    def _why_offline(self) -> str:
        if self._session.get_credentials() is None:
            return "without credentials"
        try:
            config = Config(connect_timeout=5, retries={"total_max_attempts": 1})
            self._session.client("sts", region_name=self.region, config=config).get_caller_identity()
        except botocore.exceptions.ClientError:
            return "with credentials that AWS does not take"
        except botocore.exceptions.BotoCoreError:  # no network, or a login that has expired
            return "without AWS, which cannot be reached"
        return ""

    @cached_property
    def account(self) -> str:
        return NOBODY if self.offline else str(self.client("sts").get_caller_identity()["Account"])

    @property
    def partition(self) -> str:
        """`aws`, `aws-cn`, …: the second word of an ARN."""
        return str(self._session.get_partition_for_region(self.region))

    def client(self, service: str) -> Any:
        """The boto3 client of a service; the same one each time."""
        if service not in self._clients:
            config = Config(
                user_agent_extra=f"maskserve-deploy/{__version__}",
                retries={"mode": "standard", "max_attempts": 5},
                max_pool_connections=CONNECTIONS,
                read_timeout=READ_SECONDS,
            )
            client = self._session.client(service, region_name=self.region, config=config)
            if self.dry_run:
                recorder.install(client, click.echo, self.offline)
            self._clients[service] = client
        return self._clients[service]

    def find(self, call: Callable[..., Any], **params: Any) -> Any | None:
        """The answer of a describe, get or head call; None where there is no such thing."""
        try:
            return call(**params)
        except botocore.exceptions.ClientError as error:
            if _is_missing(error):
                return None
            raise

    def run(self, command: Sequence[str], stdin: str | None = None) -> None:
        """Run another program, all of its output going to standard error; `stdin` is for what nobody may see."""
        if self.dry_run:
            click.echo(json.dumps({"command": list(command)}))
            return
        try:
            done = subprocess.run(
                command, input=stdin, stdin=None if stdin else subprocess.DEVNULL, stdout=STDERR, text=True, check=False
            )
        except FileNotFoundError:
            raise DeployError(f"{command[0]} is not installed") from None
        if done.returncode:
            raise DeployError(f"`{' '.join(command[:2])}` failed with exit code {done.returncode}")

    def say(self, text: str) -> None:
        """Tell what is going on: standard error, since standard output is for results."""
        click.echo(text, err=True)

    def made(self, kind: str, name: str) -> None:
        """Remember and say that something was made."""
        self.left.append(f"{kind} {name}")
        self.say(f"{'would create' if self.dry_run else 'created'} {kind} {name}")


pass_aws = click.make_pass_decorator(Aws)


def _is_missing(error: botocore.exceptions.ClientError) -> bool:
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    return code in MISSING or (code == "ValidationException" and "could not find" in message.lower())
