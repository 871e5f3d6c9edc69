"""Options that several commands have, and the settings that they stand for."""

import os
from typing import Any

import click

from container.settings import PREFIX, Settings


def model_options(command: Any) -> Any:
    """The options that choose a model and where it runs; each stands for the setting of the same name."""
    for option in (
        click.option("--model", help="`default`, an architecture's name, a folder or a model.tar.gz."),
        click.option("--weights", help="For an architecture: a weights file, or a name such as COCO_V1."),
        click.option("--labels", help="For a weights file: class names, separated by commas."),
        click.option("--device", help="auto, cpu, cuda or cuda:N."),
        click.option("--precision", help="fp32, bf16 or fp16."),
        click.option("--backend", help="On a CPU: auto, openvino or torch."),
    ):
        command = option(command)
    return command


def read_settings(**given: object) -> Settings:
    """The settings of the environment, with what the command line says put over them."""
    chosen = {
        "SAGEMAKER_BIND_TO_PORT" if name == "port" else PREFIX + name.upper(): str(value)
        for name, value in given.items()
        if value is not None
    }
    try:
        return Settings.from_environ({**os.environ, **chosen})
    except ValueError as error:
        raise click.UsageError(str(error)) from None
