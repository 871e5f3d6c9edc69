"""What store export and import do with COCO's files."""

from collections.abc import Mapping
from contextlib import ExitStack
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from container.cli.options import written
from container.cli.storing import made

if TYPE_CHECKING:
    from container.store.database import Connection
    from container.store.datasets import Dataset
    from container.store.store import Store


def check(archive: Path | None, coco: Path | None, given: Mapping[str, Any], rules: Mapping[str, bool | str]) -> None:
    """Raise UsageError for options that do not go together.

    `rules` says of each option of COCO's files whether it is needed, or which other one it goes with.
    """
    if bool(archive) == bool(coco):
        raise click.UsageError("give ARCHIVE, or --coco and --dataset")
    for name, rule in rules.items():
        if archive and given[name]:
            raise click.UsageError(f"--{name} goes with --coco")
        if coco and rule is True and not given[name]:
            raise click.UsageError(f"--coco goes with --{name}")
        if given[name] and isinstance(rule, str) and not given[rule]:
            raise click.UsageError(f"--{name} goes with --{rule}")


def write(
    store: "Store",
    coco: Path,
    dataset: str,
    run: str | None,
    results: Path | None,
    kind: Literal["box", "mask"] | None,
) -> None:
    """Write a dataset, and the results of a run."""
    from container.exchange.writing import Writer
    from container.scoring import stored

    with ExitStack() as stack:
        connection = stack.enter_context(store.read())
        chosen = stored.find_dataset(connection, dataset)
        of_run = stored.find_run(connection, chosen, run).key if run else None
        truth, *found = (
            TextIOWrapper(stack.enter_context(written(path)), "ascii", write_through=True)
            for path in (coco, results)
            if path
        )
        writer = Writer(store, connection, chosen, kind)
        writer.write(truth, found[0] if found else None, of_run)
        for file in (truth, *found):
            file.detach()
    for text, number in writer.notes.items():
        if number:
            click.echo(f"{text}: {number:,}", err=True)


def read(
    folder: Path | None, coco: Path, dataset: str, results: Path | None, run: str | None, model: str | None
) -> None:
    """Add a dataset, and results as the predictions of a run."""
    from container.exchange.files import read_dataset, read_results
    from container.exchange.reading import add_dataset, add_entries
    from container.scoring import stored
    from container.store import models, runs
    from container.store.annotations import Owner

    if results and bool(run) == bool(model):
        raise click.UsageError("--results goes with --run or --model")
    file = read_dataset(coco)
    found = read_results(results, file) if results else None
    store = made(folder)
    with store.read() as connection:
        known = _known(connection, dataset)
        if run and known is None:
            raise click.ClickException(f"the store has no dataset {dataset}, and so no run on it: give --model")
        of_run = stored.find_run(connection, known, run) if run and known else None
    for note in file.notes:
        click.echo(note, err=True)
    added = add_dataset(store, dataset, file, known, click.echo)
    click.echo(f"dataset {added.id}")
    if found is not None:
        with store.write() as connection:
            if of_run is None:
                key = models.find(connection, models.create(connection, model or "", model or "")).key
                of_run = runs.implicit(connection, key, added.key, model or "")
        add_entries(store, Owner(of_run.key), added, found, click.echo)
        click.echo(f"run {of_run.id}")
    store.close()


def _known(connection: "Connection", name: str) -> "Dataset | None":
    """Return the dataset of an id or a name; None if there is none, and ClickException if there are several."""
    from container.store import datasets

    every = [one for one in datasets.every(connection) if name in (one.id, one.name)]
    if len(every) > 1:
        raise click.ClickException(f"{len(every)} datasets are called {name}; name one by its id")
    return every[0] if every else None
