"""train."""

import os
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from container import cores


def _hyperparameters(command: Any) -> Any:
    """An option for every hyperparameter."""
    from container.training.hyperparameters import Hyperparameters

    for one in reversed(fields(Hyperparameters)):
        name, doc = one.name.replace("_", "-"), one.metadata["doc"].replace("`", "")
        default = "" if one.default in ("", ()) else f"  [default: {one.default}]"
        command = click.option(f"--{name}", help=doc + default)(command)
    return command


@click.command()
@click.option("--data", type=click.Path(path_type=Path), help="Folder in COCO's format, or a folder of such folders.")
@click.option("--validation", type=click.Path(path_type=Path), help="Folder to measure on.")
@click.option(
    "--output", type=click.Path(path_type=Path), help="Folder for model/, checkpoints/, data/ and tensorboard/."
)
@_hyperparameters
def train(data: Path | None, validation: Path | None, output: Path | None, **given: str | None) -> None:
    """Train a detector or a semantic model that `serve` takes.

    Without --data on SageMaker's contract: channels, hyperparameters.json and results lie below /opt/ml.
    """
    cores.share()
    from container.errors import DataError, ModelError, TrainingError
    from container.training import command

    base = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
    chosen = {name: value for name, value in given.items() if value is not None}
    try:
        with click.progressbar(length=1000, label="training", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:

            def watch(done: float) -> None:
                bar.update(int(1000 * done) - bar.pos)

            command.run(base, data, validation, output, chosen, sys.argv[2:], watch)
    except (DataError, ModelError, TrainingError) as error:
        raise click.ClickException(str(error)) from None
