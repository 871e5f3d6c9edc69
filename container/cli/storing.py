"""store: commands on the store of datasets and predictions."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from container.cli.options import read_settings

if TYPE_CHECKING:
    from container.store.store import Store


_STORE = "The folder of a store whose database lies in it; else that of the settings, with their database."


@click.group()
def store() -> None:
    """Work on the store of datasets, ground truth and predictions."""


def store_option(command: Any) -> Any:
    """The option that names the store; see `opened`."""
    return click.option("--store", type=click.Path(path_type=Path), help=_STORE)(command)


def opened(folder: Path | None) -> "Store":
    """Open the store in a folder, or without one that of the settings; ClickException where there is none."""
    chosen, database, _ = _chosen(folder)
    if not database and not (Path(chosen) / "store.sqlite3").is_file():
        raise click.ClickException(f"{chosen}: no store lies there")
    return made(folder)


def made(folder: Path | None) -> "Store":
    """Open the same one, and make it where there is none."""
    from container.store.database import StoreError
    from container.store.store import Store

    try:
        return Store.open(*_chosen(folder))
    except StoreError as error:
        raise click.ClickException(str(error)) from None


def current(folder: Path | None) -> "Store":
    """Open the same one as it lies there, whoever uses it; ClickException where it is of another version."""
    from container.store.database import StoreError
    from container.store.store import Store

    try:
        return Store.current(*_chosen(folder))
    except StoreError as error:
        raise click.ClickException(str(error)) from None


def _chosen(folder: Path | None) -> tuple[str, str, str]:
    """Return where the store lies, as `Store.open` takes it: with a folder, its database is the one in it."""
    settings = read_settings()
    if folder:
        return str(folder), "", ""
    if not settings.store:
        raise click.UsageError("name the store by --store, or by its setting")
    return settings.store, settings.store_database, settings.local_s3
