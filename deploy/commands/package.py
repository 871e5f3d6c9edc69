"""A model to S3."""

import tempfile
from pathlib import Path

import click

from deploy import options
from deploy.aws import Aws
from deploy.errors import DeployError
from deploy.upload import pack, upload


@click.command(name="package")
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@options.name
@options.bucket(required=True)
@click.option("--architecture", help="For a weights file: a name of `python -m container models`.")
@click.option("--labels", default="", help="For a weights file: class names, separated by commas.")
@options.changing
def command(aws: Aws, model: Path, name: str, bucket: str, architecture: str | None, labels: str) -> None:
    """Upload MODEL: a model.tar.gz, a folder with model.json, or a weights file with --architecture. Prints its URI."""
    if architecture is None and model.is_file() and not model.name.endswith(".tar.gz"):
        raise DeployError(f"{model} is no model.tar.gz; for a weights file, give --architecture and --labels")
    with tempfile.TemporaryDirectory(prefix="maskserve-") as scratch:
        if architecture is not None:
            packed = Path(scratch) / "model.tar.gz"
            pack(model, architecture, labels, packed)
            model = packed
        uri = upload(aws, model, bucket, name)
    click.echo(uri, err=aws.dry_run)
