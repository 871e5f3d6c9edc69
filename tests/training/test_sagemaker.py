"""Where SageMaker puts things, as files."""

import json
from pathlib import Path

import pytest

from container.errors import DataError
from container.training import sagemaker


def folder(base: Path, *names: str) -> Path:
    for name in names:
        (base / name).mkdir(parents=True)
    return base


def config(base: Path, name: str, value: object) -> None:
    (base / "input/config").mkdir(parents=True, exist_ok=True)
    (base / "input/config" / name).write_text(json.dumps(value))


@pytest.mark.parametrize(
    ("channels", "train", "validation"),
    [
        (["train"], "train", None),
        (["train", "validation"], "train", "validation"),
        (["training", "val"], "training", "val"),
        (["train", "training", "test"], "train", "test"),
    ],
)
def test_channels(tmp_path: Path, channels: list[str], train: str, validation: str | None) -> None:
    inputs = tmp_path / "input/data"
    found = sagemaker.places(folder(tmp_path, *(f"input/data/{name}" for name in channels)))
    assert found.train == inputs / train
    assert found.validation == (validation and inputs / validation)
    assert (found.model, found.output, found.checkpoints) == tuple(
        tmp_path / name for name in ("model", "output", "checkpoints")
    )


def test_no_channel_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no channel train or training"):
        sagemaker.places(tmp_path)


def test_hyperparameters_are_strings(tmp_path: Path) -> None:
    assert sagemaker.hyperparameters(tmp_path) == {}
    config(tmp_path, "hyperparameters.json", {"steps": "5", "seed": 7})
    assert sagemaker.hyperparameters(tmp_path) == {"steps": "5", "seed": "7"}


@pytest.mark.parametrize("text", ["", "[1]", "{"])
def test_damaged_hyperparameters_are_said(tmp_path: Path, text: str) -> None:
    config(tmp_path, "hyperparameters.json", {})
    (tmp_path / "input/config/hyperparameters.json").write_text(text)
    with pytest.raises(DataError, match=r"hyperparameters\.json"):
        sagemaker.hyperparameters(tmp_path)


@pytest.mark.parametrize(
    ("cluster", "gpus", "expected"),
    [
        (None, 0, []),
        (None, 1, []),
        (None, 4, ["--standalone", "--nproc-per-node=4"]),
        ({"current_host": "algo-1", "hosts": ["algo-1"]}, 1, []),
        (
            {"current_host": "algo-2", "hosts": ["algo-2", "algo-1"]},
            8,
            ["--nnodes=2", "--node-rank=1", "--master-addr=algo-1", "--master-port=7777", "--nproc-per-node=8"],
        ),
    ],
)
def test_torchrun(tmp_path: Path, cluster: object, gpus: int, expected: list[str]) -> None:
    if cluster:
        config(tmp_path, "resourceconfig.json", cluster)
    command = sagemaker.torchrun(tmp_path, gpus, ["--seed", "3"])
    assert command[3 : 3 + len(expected)] == expected
    if expected:
        assert command[1:3] == ["-m", "torch.distributed.run"]
        assert command[-5:] == ["-m", "container", "train", "--seed", "3"]
