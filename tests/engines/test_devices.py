"""Which devices are there, as far as can be known without torch."""

from pathlib import Path

import pytest

from container.engines import devices
from container.errors import ModelError


@pytest.mark.parametrize(
    ("nodes", "visible", "device", "reason"),
    [
        ([], None, "cuda", "there is no NVIDIA GPU here; device cpu runs on the CPU"),
        ([], None, "cuda:7", "device 'cuda:7' was asked for"),
        (["nvidiactl", "nvidia0"], None, "cuda:7", "there is 1 GPU here"),
        (["nvidia0", "nvidia1"], "1", "cuda:1", "there is 1 GPU here"),
        (["nvidia0", "nvidia1"], "", "cuda", "there is no NVIDIA GPU here"),
        (["nvidia0", "nvidia1"], None, "cuda:1", ""),
        (["nvidia0", "nvidia1"], "0,1", "cuda:1", ""),
        (["dxg"], None, "cuda:1", ""),
        ([], None, "auto", ""),
        ([], None, "cpu", ""),
    ],
)
def test_a_gpu_that_is_not_there(
    nodes: list[str], visible: str | None, device: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for node in nodes:
        (tmp_path / node).touch()
    monkeypatch.setattr(devices, "DEVICES", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    if not reason:
        return devices.check(device, "fp32", "auto")
    with pytest.raises(ModelError, match=reason):
        devices.check(device, "fp32", "auto")


@pytest.mark.parametrize(
    ("nodes", "device", "precision", "backend", "reason"),
    [
        ([], "auto", "fp16", "auto", "fp16 needs a CUDA device"),
        (["nvidia0"], "cpu", "fp16", "auto", "fp16 needs a CUDA device"),
        (["nvidia0"], "cuda", "fp32", "openvino", "openvino is for a CPU"),
        (["nvidia0"], "auto", "fp16", "auto", ""),
    ],
)
def test_what_a_device_does_not_compute(
    nodes: list[str],
    device: str,
    precision: str,
    backend: str,
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for node in nodes:
        (tmp_path / node).touch()
    monkeypatch.setattr(devices, "DEVICES", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if not reason:
        return devices.check(device, precision, backend)
    with pytest.raises(ModelError, match=reason):
        devices.check(device, precision, backend)
