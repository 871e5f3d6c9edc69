"""The command line: serve | check | predict | train | evaluate | pack | models.

Each command imports what it needs, so that `serve` opens its port before numpy, OpenCV or torch are read from disk.
"""

import click

from container.cli import checking, models, serving, training


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
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
