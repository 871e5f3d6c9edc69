"""maskserve.toml: values for the options of commands, which the command line overrides.

    region = "eu-central-1"            # holds for every command that has such an option
    name = "horses"
    [endpoint]                         # for all commands of a group
    [endpoint.create]                  # for one command
    instance-type = "ml.m5.xlarge"

The result is click's default_map. A key that no command has is an error: a typing mistake would go unseen otherwise.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

DEFAULT = Path("maskserve.toml")


def read(path: Path, group: click.Group) -> dict[str, Any]:
    """The default_map of `group` out of a file; UsageError where it cannot be read or says something unknown."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise click.UsageError(f"{path}: {error}") from None
    unused: set[str] = set()
    result = _defaults(group, content, {}, "", unused)
    if unused:
        raise click.UsageError(f"{path}: no command has {', '.join(sorted(unused))}")
    return result


def _defaults(
    command: click.Command, table: Mapping[str, Any], above: Mapping[str, tuple[str, Any]], path: str, unused: set[str]
) -> dict[str, Any]:
    """The map of a command: what its own table says, over the values of the tables above that it has an option for.

    Keys that nobody used so far are in `unused`, by their full names.
    """
    commands = command.commands if isinstance(command, click.Group) else {}
    own = {key.replace("-", "_"): value for key, value in table.items() if key not in commands}
    unused.update(path + key for key in own)
    values = {**above, **{key: (path + key, value) for key, value in own.items()}}
    result: dict[str, Any] = {}
    for parameter in command.params:
        for option in parameter.opts:
            if (key := option.lstrip("-").replace("-", "_")) in values and parameter.name:
                full, result[parameter.name] = values[key]
                unused.discard(full)
    for name, sub in commands.items():
        inner = table.get(name, {})
        if not isinstance(inner, Mapping):
            raise click.UsageError(f"{path}{name} must be a table")
        result[name] = _defaults(sub, inner, values, f"{path}{name}.", unused)
    return result
