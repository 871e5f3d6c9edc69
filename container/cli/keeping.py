"""store verify | backup | export | import."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from container.cli.options import terminable
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
    with _told(), terminable():
        copied = backup(opened, folder)
    opened.close()
    linked = f"{copied:,} bytes of blobs copied" if copied else "blobs are linked"
    click.echo(f"{folder}: {linked}")


@click.command("export")
@store_option
@click.argument("archive", type=click.Path(path_type=Path))
def export(store: Path | None, archive: Path) -> None:
    """Write a store as one file.

    `import` reads it, into any database; - is standard output. It is a tar of rows as lines of JSON, and of blobs, as
    they are at one moment; the server may run meanwhile.
    """
    from container.store import archives

    opened = current(store)
    with _told(), terminable(), _written(archive) as file:
        counts = archives.write(opened, file)
    opened.close()
    click.echo(_summary(counts), err=True)


@click.command("import")
@store_option
@click.argument("archive", type=click.Path(path_type=Path))
def import_(store: Path | None, archive: Path) -> None:
    """Fill an empty store from an export.

    - is standard input. The store is made where there is none. All ids, figures and matches are as
    they were. It is all or nothing.
    """
    from container.store import archives

    with _told(), terminable(), _read(archive) as file:
        opened = made(store)
        counts = archives.read(opened, file)
    opened.close()
    click.echo(_summary(counts), err=True)


def _summary(counts: dict[str, int]) -> str:
    names = ("dataset", "item", "annotation", "run", "prediction", "evaluation")
    rows = ", ".join(f"{counts.get(name, 0):,} {name}s" for name in names)
    return f"{rows}, {counts['files']:,} files"


@contextmanager
def _written(path: Path) -> Iterator[BinaryIO]:
    """Give a file for writing, which is there under its name once it is whole; - is standard output."""
    if path == Path("-"):
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if path.exists():
        raise click.ClickException(f"{path} is there; nothing is overwritten")
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _read(path: Path) -> Iterator[BinaryIO]:
    if path == Path("-"):
        yield sys.stdin.buffer
        return
    with path.open("rb") as file:
        yield file


@contextmanager
def _told() -> Iterator[None]:
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
