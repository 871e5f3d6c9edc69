"""train | evaluate."""

import os
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import click

from container import cores
from container.cli.options import make_folder, model_options, read_settings
from container.fields import comma_list


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


@click.command()
@model_options
@click.option(
    "--data", required=True, type=click.Path(path_type=Path), help="Folder in COCO's format, or of such folders."
)
@click.option("--annotations", help="JSON files of the data to read, by name, separated by commas.")
@click.option("--strict", is_flag=True, help="End at the first photo or annotation that is broken.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="File for the figures.")
@click.option("--worst", type=click.Path(dir_okay=False, path_type=Path), help="PNG for the photos it does worst on.")
@click.option("--limit", type=click.IntRange(min=1), help="Measure on the first so many photos.")
def evaluate(
    data: Path,
    annotations: str | None,
    strict: bool,
    json_file: Path | None,
    worst: Path | None,
    limit: int | None,
    **given: Any,
) -> None:
    """Measure the model that `serve` would load on labelled photos: average precision, or mean IoU."""
    import json

    from container import app
    from container.errors import DataError, ModelError
    from container.models import loading
    from container.models.policies.catalogue import Catalogue
    from container.training import data as folders
    from container.training.evaluate import evaluate, write_worst

    settings = read_settings(**given)
    for path in filter(None, (json_file, worst)):
        make_folder(path.parent)
    try:
        source = app.find_model(settings)
        app.check_policy(settings, Catalogue(source))
        read = folders.read(data, annotations=comma_list(annotations or ""), split="validation", strict=strict)
        for line in folders.remarks(read):
            click.echo(line, err=True)
        whole = folders.joined(read)
        dataset = replace(whole, photos=whole.photos[:limit])
        placement = loading.Placement(settings.device, settings.precision, settings.backend, settings.cpu_threads)
        engine = loading.load(source, placement).engine
        with click.progressbar(
            length=len(dataset.photos), label="evaluating", file=sys.stderr, hidden=not sys.stderr.isatty()
        ) as bar:
            report = evaluate(engine, dataset, progress=bar.update)
        if worst:
            write_worst(engine, dataset, report, worst)
    except (DataError, ModelError) as error:
        raise click.ClickException(str(error)) from None
    if json_file:
        json_file.write_text(json.dumps(report.as_dict(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    click.echo(report.table())
