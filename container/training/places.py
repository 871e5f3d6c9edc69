"""Folders of a run."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """Where a run reads and writes; the README says what lies where on SageMaker."""

    train: Path
    validation: Path | None
    model: Path
    output: Path
    checkpoints: Path
