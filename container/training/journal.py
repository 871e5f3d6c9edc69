"""What a run says on its way: a line for people and for CloudWatch, JSON lines, and TensorBoard's event files.

A line holds `name=number` pairs, so that a metric definition of SageMaker is ` loss=([0-9.e+-]+)` with the name of the
wanted number: https://docs.aws.amazon.com/sagemaker/latest/dg/define-train-metrics.html
"""

import json
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from tensorboardX import SummaryWriter

from container.training.schedule import Progress

EVERY = 20  # steps between two lines
LINES = "data/metrics.jsonl"  # within the output folder; data/ is what SageMaker keeps as output.tar.gz
EVENTS = "tensorboard"


class Journal:
    """Takes the numbers of each step and says their means every few steps."""

    def __init__(self, output: Path) -> None:
        """Append to the files in `output`, where an interrupted run may have begun them."""
        (output / LINES).parent.mkdir(parents=True, exist_ok=True)
        self._lines = (output / LINES).open("a", encoding="utf-8")
        self._events = SummaryWriter(str(output / EVENTS))
        self._sums: dict[str, float] = defaultdict(float)
        self._photos = self._steps = 0
        self._since = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        self._events.close()
        self._lines.close()

    def step(self, progress: Progress, losses: Mapping[str, float], photos: int) -> None:
        """Note one step over so many photos."""
        for name, value in losses.items():
            self._sums[name] += value
            self._sums[f"{name} steps"] += 1  # not every batch has every loss
        self._photos += photos
        self._steps += 1
        if self._steps == EVERY:
            names = [name for name in self._sums if not name.endswith(" steps")]
            means = {name: self._sums[name] / self._sums[f"{name} steps"] for name in names}
            seconds = time.monotonic() - self._since
            self.say(progress, {**means, "photos_per_second": self._photos / seconds})
            self._sums.clear()
            self._photos = self._steps = 0
            self._since = time.monotonic()

    def say(self, progress: Progress, numbers: Mapping[str, float | None]) -> None:
        """Print and keep some numbers at this step."""
        known = {name: value for name, value in numbers.items() if value is not None}
        record: dict[str, Any] = {
            "step": progress.step,
            "minutes": round(progress.seconds / 60, 2),
            "done": round(progress.share, 4),
            **{name: float(f"{value:.4g}") for name, value in known.items()},
        }
        print(" ".join(f"{name}={value}" for name, value in record.items()), flush=True)
        self._lines.write(json.dumps(record) + "\n")
        self._lines.flush()
        for name, value in known.items():
            self._events.add_scalar(name, value, progress.step)


def read(output: Path) -> list[dict[str, float]]:
    """Every record of a run so far; a line that an interruption cut off is left out."""
    lines = (output / LINES).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.endswith("}")]
