"""The memory of models that were unloaded is free again: the real server, and weights of 170 MB."""

import json
import os
from pathlib import Path

import psutil
import pytest
import safetensors.torch
import torchvision

from tests.conftest import Server, StartServer
from tests.faults.conftest import Figure
from tests.faults.test_faults import workers
from tests.faults.test_multi_model import invoke, load, unload

pytestmark = pytest.mark.alone

CYCLES = int(os.environ.get("CYCLES", "8"))  # make faults: 20; what stays behind with each is seen at the second
LARGE = "maskrcnn_resnet50_fpn"


@pytest.fixture
def server(start_server: StartServer) -> Server:
    """A server with a folder of a large network, which is given small pictures: its memory is to be the weights'."""
    server = start_server(SAGEMAKER_MULTI_MODEL="true", MASKSERVE_BACKEND="torch")
    folder = server.log.parent / "models" / "large"
    folder.mkdir(parents=True)
    module = torchvision.models.get_model(LARGE, weights=None, weights_backbone=None, num_classes=91)
    safetensors.torch.save_file(module.state_dict(), folder / "model.safetensors")
    described = {"architecture": LARGE, "parameters": {"min_size": 160, "max_size": 240}}
    (folder / "model.json").write_text(json.dumps(described))
    server.wait()
    return server


def megabytes(process: psutil.Process) -> float:
    return float(process.memory_info().rss / 1e6)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_f7_memory_comes_back(server: Server, small_png: bytes, figure: Figure) -> None:
    (worker,) = workers(server)
    loaded, left = [], []
    for _ in range(CYCLES):
        assert load(server, "large") == 200
        assert invoke(server, "large", small_png) == 200
        loaded.append(megabytes(worker))
        assert unload(server, "large") == 200
        left.append(megabytes(worker))
    figure(f"with the model {loaded[0]:.0f} to {loaded[-1]:.0f} MB, without {left[0]:.0f} to {left[-1]:.0f}")
    assert Path(server.log.parent, "models/large/model.safetensors").stat().st_size > 170e6
    assert min(loaded) > max(left) + 150
    assert left[-1] == pytest.approx(left[0], rel=0.05)
    assert server.stop() == 0
