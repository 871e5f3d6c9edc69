"""The command line: serve | check | predict | train | evaluate | pack | models | store.

Each command imports what it needs, so that `serve` opens its port before numpy, OpenCV or torch are read from disk.
"""

import os
import signal
import sys
from contextlib import suppress
from typing import Any

import click

from container import __version__
from container.cli import checking, drifting, evaluating, keeping, models, serving, storing, training
from container.cli.options import Terminated, revision
from container.usage import refusals_in_one_line

PROGRAM = "python -m container"


class _Commands(click.Group):
    """Commands that say in one line why they do not run, and that Ctrl-C ends with exit code 130."""

    def make_context(self, *given: Any, **more: Any) -> click.Context:
        """Parse the options of the group."""
        with refusals_in_one_line(PROGRAM):
            return super().make_context(*given, **more)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what it has printed is kept, and nothing waits for its threads.

        The thread that predicts is in C++ code for seconds: the interpreter, taken down below it, ends in SIGABRT.
        """
        try:
            with refusals_in_one_line(PROGRAM):
                return super().invoke(ctx)
        except KeyboardInterrupt as error:
            with suppress(OSError):  # nobody reads any more
                click.echo("\nInterrupted.", err=True)
                sys.stdout.flush()
            os._exit(128 + (signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT))


def _show_version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        click.echo(f"maskserve {__version__}, revision {revision()}")
        ctx.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and the commit, and exit.",
)
def main() -> None:
    """Serve image segmentation models: a picture in; labels, boxes, masks or a rendered picture out."""


for _command in (
    serving.serve,
    checking.check,
    serving.predict,
    training.train,
    evaluating.evaluate,
    models.pack,
    models.models,
    storing.store,
):
    main.add_command(_command)
for _command in (keeping.verify, keeping.backup, keeping.export, keeping.import_, drifting.drift):
    storing.store.add_command(_command)
