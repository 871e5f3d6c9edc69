"""The `train` command, for a person at a terminal and for SageMaker."""

import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from container import failure
from container.errors import DataError
from container.training import machine, sagemaker
from container.training.hyperparameters import Hyperparameters
from container.training.sagemaker import Places
from container.training.train import train


def run(
    base: Path,
    data: Path | None,
    validation: Path | None,
    output: Path | None,
    given: Mapping[str, str],
    arguments: list[str],
    watch: Callable[[float], None],
) -> None:
    """Train as asked; DataError, ModelError or TrainingError says in one line what is wrong.

    Args:
        base: SageMaker's folder, where nothing is said about `data`.
        data: folder with photos; None for SageMaker's channels.
        validation: folder to measure on.
        output: folder for what the run makes, `output` in the working folder where it is not given.
        given: hyperparameters of the command line, over those of SageMaker's file.
        arguments: those of the command line, to start it again for every GPU.
        watch: told the share of the run that is done, after every step.
    """
    try:
        strings = given if data else {**sagemaker.hyperparameters(base), **given}
        hyperparameters = Hyperparameters.from_strings(strings)
        places = _places(base, data, validation, output)
        if "WORLD_SIZE" not in os.environ and hyperparameters.device == "auto":
            if command := sagemaker.torchrun(base, torch.cuda.device_count(), arguments):
                os.execv(command[0], command)
        logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
        train(places, hyperparameters, _until_signal(), watch)
        machine.leave()
    except Exception as error:
        if data is None:
            failure.write(base, str(error) or type(error).__name__)
        raise


def _places(base: Path, data: Path | None, validation: Path | None, output: Path | None) -> Places:
    if data:
        output = output or Path("output")
        return Places(data, validation, output / "model", output, output / "checkpoints")
    if validation or output:
        raise DataError("--validation and --output go with --data")
    return sagemaker.places(base)


def _until_signal() -> Callable[[], bool]:
    """Whether SIGTERM or Ctrl-C has come; a second one ends the process at once."""
    came: list[int] = []

    def note(number: int, frame: object) -> None:
        came.append(number)
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, note)
    return lambda: bool(came)
