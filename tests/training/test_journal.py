"""What a run says: lines, JSON and TensorBoard's files."""

import json
import re
from pathlib import Path

import pytest

from container.training.journal import EVENTS, EVERY, LINES, Journal, read
from container.training.schedule import Progress


def test_the_means_of_every_few_steps_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(100, 0)
    with Journal(tmp_path) as journal:
        for i in range(2 * EVERY + 3):
            progress.step += 1
            losses = {"loss": float(i)} | ({"loss_mask": 2.0} if i % 2 else {})
            journal.step(progress, losses, photos=4)
    first, second = read(tmp_path)
    assert (first["step"], first["done"], first["loss"], first["loss_mask"]) == (20, 0.2, 9.5, 2.0)
    assert (second["step"], second["loss"]) == (40, 29.5)
    assert first["photos_per_second"] > 0
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 2
    # The metric definition that the README gives to SageMaker.
    assert re.findall(r" loss=([0-9.e+-]+)", printed[1]) == ["29.5"]


def test_numbers_of_a_measurement_are_said_and_those_that_are_none_are_not(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.say(Progress(100, 0, step=50, seconds_before=90), {"box_ap50": 0.123456, "mask_ap50": None})
    assert read(tmp_path) == [{"step": 50, "minutes": 1.5, "done": 0.5, "box_ap50": 0.1235}]


def test_a_run_that_goes_on_adds_to_its_files(tmp_path: Path) -> None:
    for step in (1, 2):
        with Journal(tmp_path) as journal:
            journal.say(Progress(10, 0, step=step), {"loss": 1.0})
            # Read while the run is on its way.
            assert [record["step"] for record in read(tmp_path)] == list(range(1, step + 1))
    assert len(list((tmp_path / EVENTS).glob("events.out.tfevents.*"))) >= 1
    assert all(json.loads(line) for line in (tmp_path / LINES).read_text().splitlines())


def test_tensorboards_files_hold_the_same_numbers(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.say(Progress(10, 0, step=3), {"box_ap50": 0.5})
    [path] = (tmp_path / EVENTS).glob("events.out.tfevents.*")
    assert b"box_ap50" in path.read_bytes()
