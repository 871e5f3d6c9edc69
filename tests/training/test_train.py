"""The train command on SageMaker's contract, from hyperparameters.json to a served model, in processes of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import requests
from PIL import Image

from container.errors import DataError
from container.models import artifact
from container.training.detection import DetectionTask
from container.training.segmentation import SegmentationTask
from container.training.train import task_of
from tests.conftest import ROOT, Server, encode
from tests.training.folders import HEIGHT, LABELS, WIDTH, write, write_channels, write_label_maps

HYPERPARAMETERS = {
    "steps": "4",
    "batch_size": "2",
    "image_size": "64",
    "evaluate_steps": "2",
    "workers": "0",
    "parameters": '{"min_size": 64, "max_size": 96}',
}


def start(*command: str, base: Path | None = None) -> subprocess.Popen[str]:
    """`train`, as the container starts it, or another command that ends in it."""
    environ = {**os.environ, "SAGEMAKER_BASE_DIR": str(base or "/nowhere")}
    whole = [*(command or (sys.executable, "-m", "container", "train"))]
    return subprocess.Popen(whole, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(*command: str, base: Path | None = None) -> subprocess.CompletedProcess[str]:
    process = start(*command, base=base)
    stdout, stderr = process.communicate(timeout=100)
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


@pytest.mark.slow
def test_from_hyperparameters_to_a_served_model(tmp_path: Path, start_server: Callable[..., Server]) -> None:
    base = write_channels(tmp_path, HYPERPARAMETERS | {"confidence_of_nobody": "1"})
    failed = run(base=base)
    assert failed.returncode == 1
    assert "unknown hyperparameters confidence_of_nobody" in (base / "output/failure").read_text()
    (base / "output/failure").unlink()

    (base / "input/config/hyperparameters.json").write_text(json.dumps(HYPERPARAMETERS))
    done = run(base=base)
    assert done.returncode == 0, done.stderr
    assert "disc 6, square 6" in done.stdout
    assert "step=4 " in done.stdout and " mask_ap50=" in done.stdout
    assert sorted(p.name for p in (base / "model").iterdir()) == ["model.json", "model.safetensors"]
    spec = artifact.read(base / "model", base / "scratch")
    assert spec.labels == ("__background__", *LABELS)
    for name in ("curves.png", "predictions.png"):
        with Image.open(base / "output/data" / name) as picture:
            assert min(picture.size) > 100
    assert list((base / "output/tensorboard").glob("events.*"))
    assert not (base / "output/failure").exists()

    server = start_server(SAGEMAKER_BASE_DIR=str(base))
    server.wait()
    answer = requests.post(
        f"{server.url}/invocations",
        data=(base / "input/data/train/images/0.png").read_bytes(),
        headers={"X-Amzn-SageMaker-Custom-Attributes": '{"confidence": 0, "max_detections": 5}'},
        timeout=30,
    )
    assert answer.status_code == 200
    assert {label.rsplit(" ", 1)[0] for label in answer.json()["labels"]} <= set(LABELS)
    assert len(answer.json()["boxes"]) == 5

    # A spot interruption keeps the checkpoints only.
    (base / "model/model.json").unlink()
    (base / "input/config/hyperparameters.json").write_text(json.dumps(HYPERPARAMETERS | {"steps": "6"}))
    again = run(base=base)
    assert again.returncode == 0, again.stderr
    assert "from the checkpoint of step 4" in again.stdout and (base / "model/model.json").is_file()


@pytest.mark.slow
def test_sigterm_saves(tmp_path: Path) -> None:
    base = write_channels(tmp_path, HYPERPARAMETERS | {"steps": "100000", "evaluate_steps": "100000"})
    process = start(base=base)
    metrics = base / "output/data/metrics.jsonl"
    end = time.monotonic() + 60
    while not (metrics.is_file() and metrics.read_text()) and process.poll() is None and time.monotonic() < end:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 0, stderr
    assert (base / "checkpoints/last.pt").is_file() and (base / "model/model.safetensors").is_file()
    assert not (base / "output/failure").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("architecture", "write_data"),
    [
        ("semantic_fpn_mobilenet_v2", write_label_maps),
        ("lraspp_mobilenet_v3_large", write),
        ("ssdlite320_mobilenet_v3_large", write),
    ],
)
def test_other_networks_at_a_terminal(architecture: str, write_data: Callable[[Path], Path], tmp_path: Path) -> None:
    data = write_data(tmp_path / "data")
    options = [f"--{name.replace('_', '-')}={value}" for name, value in HYPERPARAMETERS.items() if name != "parameters"]
    command = [sys.executable, "-m", "container"]
    output = tmp_path / "run"
    done = run(
        *command, "train", f"--data={data}", f"--validation={data}", f"--output={output}",
        f"--architecture={architecture}", *options,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    measured = run(*command, "evaluate", f"--data={data}", f"--model={output / 'model'}", "--device=cpu")
    assert measured.returncode == 0, measured.stderr
    assert "disc" in measured.stdout and "square" in measured.stdout


@pytest.mark.slow
def test_two_processes_of_torchrun_learn_the_same(tmp_path: Path) -> None:
    data = write(tmp_path / "data")
    options = [f"--{name.replace('_', '-')}={value}" for name, value in HYPERPARAMETERS.items()]
    done = run(
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "container"),
        *("train", f"--data={data}", f"--output={tmp_path / 'run'}", "--device=cpu", *options),
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run/model/model.json").is_file()
    assert done.stdout.count("network: from the weights") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output", "run"], "--validation and --output go with --data"),
        (["--data", "nowhere"], "nowhere: no such folder"),
        (["--data", ".", "--steps", "none"], "hyperparameter steps takes a whole number of 1 or more, not 'none'"),
        (["--data", ".", "--architecture", "resnet18"], "resnet18 is for classification"),
        ([], "no channel train"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(arguments: list[str], message: str, tmp_path: Path) -> None:
    done = run(sys.executable, "-m", "container", "train", *arguments, base=tmp_path)
    assert done.returncode == 1
    assert message in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_what_a_reading_process_finds_is_said_in_one_line(tmp_path: Path) -> None:
    data = write(tmp_path / "data", photos=2)
    whole = encode(np.zeros((HEIGHT, WIDTH, 3), np.uint8), "WEBP")
    for i in range(2):  # the header is sound, and of a WebP that is all that is read before training starts
        (data / f"images/{i}.png").write_bytes(whole[:-8])
    options = [f"--{name.replace('_', '-')}={value}" for name, value in (HYPERPARAMETERS | {"workers": "1"}).items()]
    done = run(sys.executable, "-m", "container", "train", f"--data={data}", f"--output={tmp_path / 'run'}", *options)
    assert done.returncode == 1
    assert "the WEBP is damaged or cut short" in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("maskrcnn_resnet50_fpn", DetectionTask),
        ("maskrcnn_mobilenet_v2_fpn", DetectionTask),
        ("lraspp_mobilenet_v3_large", SegmentationTask),
        ("semantic_fpn_mobilenet_v2", SegmentationTask),
    ],
)
def test_tasks(name: str, task: type) -> None:
    assert isinstance(task_of(name), task)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("resnet18", "resnet18 is for classification"), ("resnet19", "hyperparameter architecture: unknown architecture")],
)
def test_what_cannot_be_trained_is_refused(name: str, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        task_of(name)
