"""evaluate."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from container import __version__
from container.cli import storing
from container.cli.options import make_folder, model_options, read_settings, revision
from container.fields import comma_list

if TYPE_CHECKING:
    from container.scoring.outputs import Measured

OF_FOLDERS = ("annotations", "strict", "limit", "model", "weights", "labels", "device", "precision", "backend")
OF_STORES = ("run", "store", "baseline")


@click.command()
@model_options
@click.option("--data", type=click.Path(path_type=Path), help="Folder in COCO's format, or of such folders.")
@click.option("--annotations", help="JSON files of the data to read, by name, separated by commas.")
@click.option("--strict", is_flag=True, help="End at the first photo or annotation that is broken.")
@click.option("--limit", type=click.IntRange(min=1), help="Measure on the first so many photos of the folder.")
@click.option("--dataset", help="Of a store: a dataset's id, or its name if no other has it.")
@click.option("--run", help="Of a store: a run's id, or a model's id or reference if it has one run on the dataset.")
@storing.store_option
@click.option(
    "--baseline", help="Another run to compare with, on the same images: fails where --run is worse, see below."
)
@click.option(
    "--fail-under", type=click.FloatRange(0, 1), help="Fail where AP, or a semantic model's mean IoU, is less."
)
@click.option(
    "--iou-type",
    type=click.Choice(["bbox", "segm"]),
    help="What pictures, --baseline and --fail-under are about.  [default: bbox; segm if a store's truth has no boxes]",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for report.json, precision-recall.png, confusion.png and worst.png.",
)
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="File for the figures.")
@click.option("--worst", type=click.Path(dir_okay=False, path_type=Path), help="PNG for the photos it does worst on.")
def evaluate(
    fail_under: float | None, output: Path | None, json_file: Path | None, worst: Path | None, **given: Any
) -> None:
    """Measure predictions on labelled photos: average precision, or mean IoU.

    With --data the model that `serve` would load predicts a folder. With --dataset and --run predictions are measured
    that were uploaded to a store, as they and the truth are now, by the rules of the run's last commit.

    Exit code 1 where nothing can be measured, where AP (the mean over IoU 0.50 to 0.95) is less than --fail-under, and
    where --run is significantly worse than --baseline: all of the 95 % interval of the difference of their AP lies
    below 0. The interval is made by drawing images 2,000 times with replacement; the same command prints the same.
    """
    from container.errors import DataError, ModelError, ServingError
    from container.evaluation.bootstrap import OtherTruth
    from container.evaluation.coco import TooManyLabels
    from container.evaluation.geometry import TooManyPairs
    from container.scoring.outputs import write

    _check(given)
    for path in filter(None, (json_file, worst, output and output / "report.json")):
        make_folder(path.parent)
    try:
        measured = _of_folder(**given) if given["data"] else _of_store(drawn=bool(output or worst), **given)
        write(measured, output, json_file, worst)
    except (DataError, ModelError, OtherTruth, TooManyLabels, TooManyPairs) as error:
        raise click.ClickException(_plain(str(error))) from None
    except ServingError as error:
        raise click.ClickException(_plain(error.message)) from None
    click.echo(_plain(measured.report.table()))
    if measured.comparison:
        click.echo(f"\n{measured.compared()}")
    failures = measured.failures(fail_under)
    for text in failures:
        click.echo(f"Failed: {text}", err=True)
    sys.exit(bool(failures))


def _check(given: dict[str, Any]) -> None:
    """Raise UsageError for options that do not go together."""
    if bool(given["data"]) == bool(given["dataset"]):
        raise click.UsageError("give --data, or --dataset and --run")
    for name in OF_STORES if given["data"] else OF_FOLDERS:
        if given[name]:
            raise click.UsageError(f"--{name} goes with {'--dataset' if given['data'] else '--data'}")
    if given["dataset"] and not given["run"]:
        raise click.UsageError("--dataset goes with --run")


def _of_folder(
    data: Path, annotations: str | None, strict: bool, limit: int | None, iou_type: str | None, **given: Any
) -> "Measured":
    from container import app
    from container.errors import DataError
    from container.evaluation.detection import DetectionReport
    from container.evaluation.photos import OF_REPORTS
    from container.models import loading
    from container.models.policies.catalogue import Catalogue
    from container.scoring.outputs import Measured
    from container.training import data as folders
    from container.training.evaluate import CONFIG, evaluate, worst

    settings = read_settings(**{name: value for name, value in given.items() if name in OF_FOLDERS})
    source = app.find_model(settings)
    app.check_policy(settings, Catalogue(source))
    read = folders.read(data, annotations=comma_list(annotations or ""), split="validation", strict=strict)
    for line in folders.remarks(read):
        click.echo(line, err=True)
    whole = folders.joined(read)
    dataset = replace(whole, photos=whole.photos[:limit])
    placement = loading.Placement(settings.device, settings.precision, settings.backend, settings.cpu_threads)
    engine = loading.load(source, placement).engine
    with _progress(len(dataset.photos)) as bar:
        report = evaluate(engine, dataset, progress=bar.update)
    kind = iou_type or "bbox"
    if isinstance(report, DetectionReport) and OF_REPORTS[kind] not in report.samples:
        raise DataError(f"{dataset.name}: the data or the model has no masks")
    config = CONFIG | {name: getattr(settings, name) for name in OF_FOLDERS[3:]}
    return Measured(report, kind, dataset.revision(), config, _version(), lambda: worst(engine, dataset, report))


def _of_store(
    dataset: str, run: str, store: Path | None, baseline: str | None, iou_type: Any, drawn: bool, **_: Any
) -> "Measured":
    from container.evaluation.bootstrap import compared
    from container.evaluation.coco import ranked
    from container.scoring import overlays, stored
    from container.scoring.outputs import Measured
    from container.store import items

    opened = storing.opened(store)
    with opened.read() as connection:
        chosen, of_run = stored.chosen(connection, dataset, run)
        other = stored.find_run(connection, chosen, baseline) if baseline else None
        config = stored.last_config(connection, of_run)
        several = [one for one in (of_run, other) if one is not None]
        with _progress(len(several) * items.count(connection, chosen.key)) as bar:
            read = [
                stored.read(opened, connection, chosen, one, config, iou_type, progress=bar.update) for one in several
            ]
            for line in dict.fromkeys(line for one in read for line in one.errors):
                click.echo(_plain(line), err=True)
            report = stored.report(read[0])
            comparison = compared(*(ranked(one.sample) for one in read)) if other else None
            worst = [overlays.worst(opened, connection, read[0], report)] if drawn else []
    opened.close()
    return Measured(
        report,
        read[0].iou_type,
        {key: value for one in read for key, value in one.revisions.items()},
        config.as_dict(),
        _version(),
        lambda: worst[0],
        comparison,
        other.id if other else "",
    )


def _plain(text: str) -> str:
    """Return a text without what a terminal takes for a command, or cannot show: names are those of any client."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def _version() -> str:
    return f"{__version__}, revision {revision()}"


def _progress(length: int) -> Any:
    return click.progressbar(length=length, label="evaluating", file=sys.stderr, hidden=not sys.stderr.isatty())
