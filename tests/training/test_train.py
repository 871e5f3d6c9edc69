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

from container.models import artifact
from tests.conftest import ROOT, Server, encode

LABELS = ["disc", "square"]
PHOTOS = 6
SIDE = 96
HYPERPARAMETERS = {
    "steps": "4",
    "batch_size": "2",
    "image_size": "96",
    "evaluate_steps": "2",
    "workers": "0",
    "parameters": '{"min_size": 96, "max_size": 96}',
}


def draw(index: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """A photo of noise with a bright disc and a dark square on it, and their masks."""
    random = np.random.default_rng(index)
    pixels = random.integers(90, 160, (SIDE, SIDE, 3), np.uint8)
    y, x = np.mgrid[:SIDE, :SIDE]
    at = random.integers(20, 40, 2)
    masks = {
        "disc": (x - at[0]) ** 2 + (y - at[1]) ** 2 < 16**2,
        "square": (abs(x - 70) < 14) & (abs(y - 66) < 14),
    }
    pixels[masks["disc"]], pixels[masks["square"]] = (250, 220, 40), (20, 30, 120)
    return pixels, masks


def write_coco(folder: Path, masked: bool = True) -> Path:
    """A data folder of a few drawn photos."""
    from container.ops import rle

    (folder / "images").mkdir(parents=True)
    images, annotations = [], []
    for i in range(PHOTOS):
        pixels, masks = draw(i)
        (folder / f"images/{i}.png").write_bytes(encode(pixels))
        images.append({"id": i, "file_name": f"{i}.png", "width": SIDE, "height": SIDE})
        for number, (label, mask) in enumerate(masks.items(), 1):
            columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
            size = [len(columns), len(rows)]
            one = {
                "id": len(annotations),
                "image_id": i,
                "category_id": number,
                "bbox": [int(columns[0]), int(rows[0]), *size],
                "area": int(mask.sum()),
                "iscrowd": 0,
            }
            assert LABELS[number - 1] == label
            annotations.append({**one, "segmentation": rle.encode(mask, 0, 0, (SIDE, SIDE))} if masked else one)
    categories = [{"id": number, "name": label} for number, label in enumerate(LABELS, 1)]
    text = json.dumps({"images": images, "annotations": annotations, "categories": categories})
    (folder / "instances.json").write_text(text)
    return folder


def write_label_maps(folder: Path) -> Path:
    """The same photos with a PNG of class numbers each."""
    for name in ("images", "label_maps"):
        (folder / name).mkdir(parents=True)
    (folder / "labels.txt").write_text("\n".join(["background", *LABELS]))
    for i in range(PHOTOS):
        pixels, masks = draw(i)
        (folder / f"images/{i}.png").write_bytes(encode(pixels))
        Image.fromarray(np.uint8(masks["disc"] + 2 * masks["square"])).save(folder / f"label_maps/{i}.png")
    return folder


def prepare(base: Path, **hyperparameters: str) -> Path:
    """What SageMaker puts below /opt/ml."""
    write_coco(base / "input/data/train")
    write_coco(base / "input/data/validation")
    (base / "input/config").mkdir()
    (base / "input/config/hyperparameters.json").write_text(json.dumps(HYPERPARAMETERS | hyperparameters))
    return base


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
    base = prepare(tmp_path, confidence_of_nobody="1")
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
        data=encode(draw(0)[0]),
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
    base = prepare(tmp_path, steps="100000", evaluate_steps="100000")
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
    ("architecture", "write"),
    [
        ("semantic_fpn_mobilenet_v2", write_label_maps),
        ("lraspp_mobilenet_v3_large", write_coco),
        ("ssdlite320_mobilenet_v3_large", write_coco),
    ],
)
def test_other_networks_at_a_terminal(architecture: str, write: Callable[[Path], Path], tmp_path: Path) -> None:
    data = write(tmp_path / "data")
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
    data = write_coco(tmp_path / "data")
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
