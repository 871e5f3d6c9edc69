"""Folders without model.json that an architecture recognises, and archives of them."""

import json
import os
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest

from container.engines.base import Architecture, architectures
from container.errors import ModelError
from container.models import artifact, loading
from container.structures import ModelSpec, PromptQuery
from tests.promptable_models import picture, tiny_sam

SAM = json.dumps({"model_type": "sam"})
FILES = {"config.json": SAM, "preprocessor_config.json": "{}", "model.safetensors": "weights"}
SHARDED = {"config.json": SAM, "model-1-of-2.safetensors": "", "model-2-of-2.safetensors": "", "m.index.json": "{}"}
PAIR = {"a.onnx": "encoder", "b.onnx": "decoder", "NOTICE": ""}


class Pair(Architecture):
    """A kind of two ONNX files."""

    kind, takes_folder = "pair", True

    def recognises(self, folder: Path) -> bool:
        return len([*folder.glob("*.onnx")]) == 2

    def load(self, spec: ModelSpec, runtime: Any) -> Any:
        raise NotImplementedError


def written(folder: Path, files: dict[str, str], packed: bool) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    if not packed:
        return folder
    with tarfile.open(folder.with_name(folder.name + ".tar.gz"), "w:gz") as tar:
        tar.add(folder, ".")
    return folder.with_name(folder.name + ".tar.gz")


@pytest.mark.parametrize("inner", ["", "in/", "models--sam/snapshots/1/"])
@pytest.mark.parametrize("packed", [False, True], ids=["folder", "archive"])
@pytest.mark.parametrize(
    ("files", "architecture", "weights"),
    [
        (FILES, "sam", "model.safetensors"),
        (FILES | {"pytorch_model.bin": "others", "sam.onnx": "others"}, "sam", "model.safetensors"),
        (FILES | {"config.json": '{"model_type": "sam2"}'}, "sam2", "model.safetensors"),
        (FILES | {"config.json": '{"model_type": "sam2_video"}'}, "sam2", "model.safetensors"),
        (SHARDED, "sam", ""),
        (PAIR, "pair", ""),
        (FILES | {"model.json": '{"architecture": "sam2", "name": "vit_b"}'}, "sam2", "model.safetensors"),
    ],
)
def test_what_is_recognised(
    files: dict[str, str], architecture: str, weights: str, packed: bool, inner: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setitem(architectures, "pair", Pair())
    path = written(tmp_path / "vit_b", {inner + name: text for name, text in files.items()}, packed)
    artifact.check(path)
    with artifact.opened(path) as spec:
        assert (spec.name, spec.architecture, spec.labels) == ("vit_b", architecture, ())
        assert isinstance(spec.weights, Path)
        folder = spec.weights.parent if weights else spec.weights
        assert folder / weights == spec.weights
        assert {file: (folder / file).read_text() for file in os.listdir(folder)} == files


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "archive"])
@pytest.mark.parametrize(
    "files",
    [
        FILES | {"config.json": '{"model_type": "bert"}'},
        FILES | {"config.json": "{"},
        FILES | {"config.json": "[" * 100_000},
        FILES | {"config.json": '{"model_type": ["sam"]}'},
        {"model.safetensors": ""},
        {"a.onnx": ""},
        {"config.json": SAM},
    ],
)
def test_what_is_not(files: dict[str, str], packed: bool, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="'m' holds no model.json; make a model.tar.gz with"):
        with artifact.opened(written(tmp_path / "m", files, packed)):
            pass


@pytest.mark.parametrize(
    ("files", "size"),
    [
        ({"a-1.safetensors": "12", "a-2.safetensors": "34", "a.bin": "other", "a.json": "5"}, 5),
        ({"a-1.safetensors": "12", "a-2.SAFETENSORS": "34", "b/x.pt": "other", "x.onnx": "678"}, 7),
        ({"a-1.bin": "12", "a-2.bin": "34", "a.json": "5"}, 5),
    ],
)
def test_weights_in_several_forms_count_once(files: dict[str, str], size: int, tmp_path: Path) -> None:
    described = {"model.json": '{"architecture": "sam"}'}
    with artifact.opened(written(tmp_path / "m", files | described, False)) as spec:
        assert spec.bytes == size + len(described["model.json"])


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "archive"])
def test_one_is_loaded_and_asked(packed: bool, tmp_path: Path) -> None:
    path = written(tiny_sam(tmp_path / "vit_t"), {}, packed)
    model = loading.load(path, loading.Placement("cpu", backend="torch", cpu_threads=1))
    try:
        assert model.name == "vit_t" and model.engine.task == "sam"
        (answer,) = model.dispatcher.predict(
            [PromptQuery(picture(60, 80), [model.engine.trial().prompts[0]])], time.monotonic() + 60
        )
        assert answer.output.segments[0].low_res.shape == (1, 32, 32)
    finally:
        model.dispatcher.close()
