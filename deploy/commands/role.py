"""The execution role: what SageMaker may do on behalf of a deployment, and no more."""

import json
import time
from functools import partial
from pathlib import Path
from string import Template
from typing import Any

import click

from deploy import options, places, tags
from deploy.aws import Aws
from deploy.ensure import Resource, ensure

FOLDER = Path(__file__).parent.parent
POLICY = "maskserve"
SPREAD = 10  # seconds until a new role is known everywhere in AWS


@click.group(name="role")
def command() -> None:
    """The role that an endpoint works with."""


@command.command()
@options.name
@options.bucket(required=True)
@options.repository
@click.option("--topic", "topics", multiple=True, help="ARN of an SNS topic that an async endpoint may write to.")
@options.changing
def create(aws: Aws, name: str, bucket: str, repository: str, topics: tuple[str, ...]) -> None:
    """Make or change it: execution-role.json for one bucket and one image repository. Prints its ARN."""
    values = {
        "partition": aws.partition,
        "region": aws.region,
        "account": aws.account,
        "bucket": bucket,
        "repository": repository,
        "name": name,
    }
    trust, policy = filled("trust-policy.json", values), filled("execution-role.json", values)
    if topics:
        statement = {"Sid": "TellTopics", "Effect": "Allow", "Action": "sns:Publish", "Resource": list(topics)}
        policy["Statement"].append(statement)
    iam, role = aws.client("iam"), places.role_name(name)

    def find() -> Any:
        found = aws.find(iam.get_role, RoleName=role)
        return found and found["Role"]

    before = ensure(
        aws,
        Resource(
            "role",
            role,
            find,
            partial(iam.create_role, RoleName=role, AssumeRolePolicyDocument=json.dumps(trust), Tags=tags.of(name)),
            {"AssumeRolePolicyDocument": trust},
            partial(iam.update_assume_role_policy, RoleName=role, PolicyDocument=json.dumps(trust)),
        ),
    )
    put = partial(iam.put_role_policy, RoleName=role, PolicyName=POLICY, PolicyDocument=json.dumps(policy))
    look = partial(aws.find, iam.get_role_policy, RoleName=role, PolicyName=POLICY)
    ensure(aws, Resource("policy of role", role, look, put, {"PolicyDocument": policy}, put))
    if before is None and not aws.dry_run:
        time.sleep(min(SPREAD, aws.poll))
    click.echo(f"arn:{aws.partition}:iam::{aws.account}:role/{role}", err=aws.dry_run)


def filled(file: str, values: dict[str, str]) -> dict[str, Any]:
    """A policy document out of its file."""
    text = Template((FOLDER / file).read_text(encoding="utf-8")).substitute(values)
    document: dict[str, Any] = json.loads(text)
    return document
