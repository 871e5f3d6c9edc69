"""store verify | backup | export | import."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import click

from container.cli.options import terminable, written
from container.cli.storing import current, made, store_option


@click.command()
@store_option
def verify(store: Path | None) -> None:
    """Say what a store holds and what is wrong in it.

    A line each, and exit code 1 where something is wrong.

    Its tables are counted, keys that name other rows are followed, SQLite looks through its file, and each blob is read
    and hashed. The server may run meanwhile.
    """
    from container.store.verifying import verify

    wrong = 0
    opened = current(store)
    for line in verify(opened):
        wrong += line.wrong
        click.echo(f"Wrong: {line.text}" if line.wrong else line.text)
    opened.close()
    click.echo(f"{wrong} wrong" if wrong else "nothing is wrong")
    sys.exit(bool(wrong))


@click.command()
@store_option
@click.argument("folder", type=click.Path(path_type=Path))
def backup(store: Path | None, folder: Path) -> None:
    """Copy a store to a new folder.

    FOLDER is a store, which `serve` opens, as it was at one moment; the server may run meanwhile. Blobs are linked
    where they can be, so that they take no space twice.
    """
    from container.store.backups import backup

    opened = current(store)
    with told(), terminable():
        copied = backup(opened, folder)
    opened.close()
    linked = f"{copied:,} bytes of blobs copied" if copied else "blobs are linked"
    click.echo(f"{folder}: {linked}")


@click.command("export")
@store_option
@click.argument("archive", type=click.Path(path_type=Path), required=False)
@click.option("--coco", type=click.Path(dir_okay=False, path_type=Path), help="Write a dataset in COCO's format there.")
@click.option("--dataset", help="With --coco: a dataset's id, or its name if no other has it.")
@click.option(
    "--run", help="With --results: a run's id, or a model's id or reference if it has one run on the dataset."
)
@click.option(
    "--results", type=click.Path(dir_okay=False, path_type=Path), help="Write the predictions of --run there."
)
@click.option("--kind", type=click.Choice(["box", "mask"]), help="With --coco: boxes only, or outlines and masks only.")
def export(store: Path | None, archive: Path | None, coco: Path | None, **given: Any) -> None:
    """Write a store as one file, or a dataset in COCO's format.

    ARCHIVE is what `import` reads, into any database; - is standard output. It is a tar of rows as lines of JSON, and
    of blobs, as they are at one moment; the server may run meanwhile.

    With --coco and --dataset images and truth of a dataset are written in COCO's format, with --run and --results the
    predictions of a run as COCO's results: of boxes, or of masks where --kind says so or the run has no boxes.
    """
    from container.cli.exchanging import check, write
    from container.store import archives

    check(archive, coco, given, {"dataset": True, "run": "results", "results": "run", "kind": False})
    opened = current(store)
    with told(), terminable():
        if coco:
            write(opened, coco, **given)
        elif archive:
            with written(archive) as file:
                click.echo(_summary(archives.write(opened, file)), err=True)
    opened.close()


@click.command("import")
@store_option
@click.argument("archive", type=click.Path(path_type=Path), required=False)
@click.option("--coco", type=click.Path(dir_okay=False, path_type=Path), help="A dataset in COCO's format.")
@click.option("--dataset", help="With --coco: the dataset to add to, by id or name; it is made where there is none.")
@click.option("--results", type=click.Path(dir_okay=False, path_type=Path), help="Results on the images of --coco.")
@click.option("--run", help="With --results: a run that is there, as in `export`.")
@click.option("--model", help="With --results: a model's reference; it is made where there is none.")
def import_(store: Path | None, archive: Path | None, coco: Path | None, **given: Any) -> None:
    """Fill an empty store from an export, or add a dataset in COCO's format.

    ARCHIVE is what `export` has written; - is standard input. The store is made where there is none. All ids, figures
    and matches are as they were. It is all or nothing.

    With --coco and --dataset images and truth are added to a dataset, with --results the predictions of a --run or a
    --model. What is there stays as it is. Files with anything that cannot be kept are refused as a whole.
    """
    from container.cli.exchanging import check, read
    from container.store import archives

    check(archive, coco, given, {"dataset": True, "results": False, "run": "results", "model": "results"})
    with told(), terminable():
        if coco:
            read(store, coco, **given)
        elif archive:
            with _read(archive) as file:
                opened = made(store)
                click.echo(_summary(archives.read(opened, file)), err=True)
                opened.close()


def _summary(counts: dict[str, int]) -> str:
    names = ("dataset", "item", "annotation", "run", "prediction", "evaluation")
    rows = ", ".join(f"{counts.get(name, 0):,} {name}s" for name in names)
    return f"{rows}, {counts['files']:,} files"


@contextmanager
def _read(path: Path) -> Iterator[BinaryIO]:
    if path == Path("-"):
        yield sys.stdin.buffer
        return
    with path.open("rb") as file:
        yield file


@contextmanager
def told() -> Iterator[None]:
    """Say what fails in one line."""
    from container.errors import DataError, ServingError
    from container.store.database import StoreError

    try:
        yield
    except (StoreError, DataError) as error:
        raise click.ClickException(str(error)) from None
    except ServingError as error:
        raise click.ClickException(error.message) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename or 'the file'}: {error.strerror}") from None
