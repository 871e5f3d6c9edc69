"""Back to nothing."""

import click

from deploy import options, sweep
from deploy.aws import Aws


@click.command(name="destroy")
@options.name
@click.option("--logs", is_flag=True, help="Delete its logs too.")
@click.option("--files", "bucket", metavar="BUCKET", help="Delete its folder in this bucket too: models and answers.")
@click.option("--images", "repository", metavar="REPOSITORY", help="Delete this image repository too.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@options.changing
def command(aws: Aws, name: str, logs: bool, bucket: str | None, repository: str | None, yes: bool) -> None:
    """Delete all of a deployment: autoscaling, alarms, endpoint, configurations, models, role.

    Files, images and logs stay unless they are asked for: they may be all there is of what they hold.
    """
    found = [item for step in sweep.EVERYTHING for item in step(aws, name)]
    found += sweep.logs(aws, name) if logs else ()
    found += sweep.files(aws, name, bucket) if bucket else ()
    found += sweep.repository(aws, repository) if repository else ()
    if not found:
        return aws.say(f"nothing is left of {name}")
    if not (yes or aws.dry_run):
        aws.say("\n".join(f"  {item.kind} {item.name}" for item in found))
        click.confirm("Delete all of these?", abort=True, err=True)
    sweep.delete(aws, found)
