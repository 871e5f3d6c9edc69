"""Command lines that cannot be run, said in one line; for the commands of the container and of deploy."""

from collections.abc import Iterator
from contextlib import contextmanager

import click


class _Refused(click.ClickException):
    """A command line that cannot be run, in one line."""

    exit_code = 2


@contextmanager
def refusals_in_one_line(program: str) -> Iterator[None]:
    """Raise click's usage errors without their lines of usage; the help of a command without arguments stays.

    `program` is the command line up to the group, such as "python -m container".
    """
    try:
        yield
    except click.exceptions.NoArgsIsHelpError:
        raise
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else program
        said = " ".join(error.format_message().split())
        raise _Refused(f"{said.rstrip('.')}; see `{path} --help`") from None
