"""The command line: serve | check | predict | train | evaluate | pack | models.

Each command imports what it needs, so that `serve` opens its port before numpy, OpenCV or torch are read from disk.
"""

import os
import sys
from contextlib import suppress
from typing import Any

import click

from container.cli import checking, models, serving, training

INTERRUPTED = 130  # the exit code after Ctrl-C: 128 and the number of SIGINT


class _Commands(click.Group):
    """Commands that Ctrl-C ends with exit code 130."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what it has printed is kept, and nothing waits for its threads.

        The thread that predicts is in C++ code for seconds: the interpreter, taken down below it, ends in SIGABRT.
        """
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            with suppress(OSError):  # nobody reads any more
                click.echo("\nInterrupted.", err=True)
                sys.stdout.flush()
            os._exit(INTERRUPTED)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
def main() -> None:
    """Serve image segmentation models: a picture in; labels, boxes, masks or a rendered picture out."""


for _command in (
    serving.serve,
    checking.check,
    serving.predict,
    training.train,
    training.evaluate,
    models.pack,
    models.models,
):
    main.add_command(_command)
