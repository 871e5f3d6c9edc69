"""The command groups, one file each: its `command` is a click command. Files that start with `_` are left alone."""

import importlib
import pkgutil
from collections.abc import Iterator

import click


def found() -> Iterator[click.Command]:
    """The `command` of every file here, by name."""
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):
            yield importlib.import_module(f"{__name__}.{module.name}").command
