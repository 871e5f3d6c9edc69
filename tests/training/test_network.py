"""What a run starts from, and what it writes."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch

from container.errors import DataError, ModelError
from container.models import artifact, locate
from container.structures import Options
from container.training import network
from container.training.hyperparameters import Hyperparameters

LABELS = ("__background__", "disc", "square")
BOX = "fasterrcnn_mobilenet_v3_large_320_fpn"


@pytest.mark.parametrize(
    ("architecture", "told", "last"),
    [
        ("maskrcnn_mobilenet_v2_fpn", "; classes that they know: ", "none"),
        ("semantic_fpn_mobilenet_v2", "; random: ", "classifier.bias"),
    ],
)
def test_networks_with_the_embedded_backbone_start_from_it(architecture: str, told: str, last: str) -> None:
    built, spec, origin = network.build(Hyperparameters(architecture=architecture), LABELS)
    assert origin.startswith(f"from the weights model.safetensors{told}") and origin.endswith(last)
    assert "backbone." not in origin
    assert (spec.architecture, spec.labels) == (architecture, LABELS)
    embedded = network.weight_files.read(locate.EMBEDDED / "model.safetensors")
    name = "backbone.fpn.layer_blocks.0.0.weight"
    assert torch.equal(built.state_dict()[name], embedded[name].float())


ANIMALS = ("__background__", "owl", "cat", "person")


def test_known_classes_start_from_what_the_file_knows_of_them() -> None:
    built, _, origin = network.build(Hyperparameters(), ANIMALS)
    assert origin == "from the weights model.safetensors; classes that they know: cat, person"
    with artifact.opened(locate.EMBEDDED) as spec:
        embedded = network.weight_files.read(locate.EMBEDDED / "model.safetensors")
        of = [spec.labels.index(label) for label in ("__background__", "cat", "person")]
    scores, boxes = (f"roi_heads.box_predictor.{part}.weight" for part in ("cls_score", "bbox_pred"))
    own = built.state_dict()
    assert torch.equal(own[scores][[0, 2, 3]], embedded[scores][of].float())
    assert torch.equal(own[boxes].view(4, 4, -1)[[0, 2, 3]], embedded[boxes].unflatten(0, (-1, 4))[of].float())


@pytest.mark.parametrize(
    ("described", "known"),
    [
        ({"labels": ["cat", "dog"]}, "; classes that they know: cat"),
        ({"labels": ["__background__", "dog", "person"]}, "; classes that they know: person"),
        ({"labels": ["a", "b", "c", "d"]}, "; random: "),  # of other weights
        ({"labels": ["cat", "dog"], "weights": "other.safetensors"}, "; random: "),
        ({"labels": "cat"}, "; random: "),
    ],
)
def test_a_model_json_beside_the_weights_names_their_classes(
    described: dict[str, object], known: str, tmp_path: Path
) -> None:
    state = network.find(BOX).build(num_classes=3).state_dict()
    for name in ("w.safetensors", "other.safetensors"):
        (tmp_path / name).write_bytes(safetensors.torch.save(state))
    (tmp_path / "model.json").write_text(json.dumps({"architecture": BOX, "weights": "w.safetensors", **described}))
    values = Hyperparameters(architecture=BOX, weights=str(tmp_path / "w.safetensors"))
    assert network.build(values, ANIMALS)[2].startswith(f"from the weights w.safetensors{known}")


@pytest.mark.parametrize(
    ("values", "origin"),
    [
        ({"architecture": "ssdlite320_mobilenet_v3_large"}, "from random weights"),
        ({"architecture": "maskrcnn_mobilenet_v2_fpn", "weights": "none"}, "from random weights"),
    ],
)
def test_others_start_from_random_weights(values: dict[str, str], origin: str) -> None:
    assert network.build(Hyperparameters(**values), LABELS)[2] == origin


def box_weights(folder: Path, part: Callable[[str], bool]) -> Path:
    state = {
        name: tensor for name, tensor in network.find(BOX).build(num_classes=91).state_dict().items() if part(name)
    }
    torch.save(state, folder / "w.pth")
    return folder / "w.pth"


@pytest.mark.parametrize(
    ("part", "told"),
    [
        (
            lambda name: True,
            "backbone 262 of 262 tensors, FPN 8 of 8 tensors, RPN 6 of 6 tensors, heads 4 of 4 tensors",
        ),
        (
            lambda name: name.startswith("backbone"),
            "backbone 262 of 262 tensors, FPN 8 of 8 tensors, RPN 0 of 6 tensors",
        ),
        (lambda name: ".body." in name, "backbone 262 of 262 tensors, FPN 0 of 8 tensors, RPN 0 of 6 tensors"),
        (lambda name: name.startswith("rpn"), "backbone 0 of 262 tensors, FPN 0 of 8 tensors, RPN 6 of 6 tensors"),
    ],
)
def test_parts_that_a_file_fills_are_told(
    part: Callable[[str], bool], told: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    network.build(Hyperparameters(architecture=BOX, weights=str(box_weights(tmp_path, part))), LABELS)
    assert any(record.getMessage().startswith(f"weights w.pth: {told}") for record in caplog.records)


def test_a_part_that_is_filled_in_part_ends_the_run(tmp_path: Path) -> None:
    path = box_weights(tmp_path, lambda name: ".body." not in name or ".body.1." in name)
    with pytest.raises(ModelError, match=r"fit .* in part \(backbone \d+ of 262 tensors, FPN 8 of 8 .*partial=true"):
        network.build(Hyperparameters(architecture=BOX, weights=str(path)), LABELS)
    built, _, _ = network.build(Hyperparameters(architecture=BOX, weights=str(path), partial=True), LABELS)
    assert torch.equal(built.state_dict()["rpn.head.cls_logits.bias"], torch.load(path)["rpn.head.cls_logits.bias"])


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"architecture": "maskrcnn"}, DataError, "hyperparameter architecture: .*maskrcnn"),
        ({"parameters": "[]"}, DataError, "parameters takes a JSON object"),
        ({"parameters": '{"depth": 3}'}, DataError, "cannot be built with parameters"),
        ({"weights": "COCO_V1"}, ModelError, "has no weights 'COCO_V1'; it has: none"),
        ({"weights": "nowhere.pth"}, ModelError, "nowhere.pth"),
    ],
)
def test_what_cannot_be_built_is_said(values: dict[str, str], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        network.build(Hyperparameters(**values), LABELS)


@pytest.mark.parametrize(("half", "dtype"), [(False, torch.float32), (True, torch.float16)])
def test_what_is_written_can_be_read(half: bool, dtype: torch.dtype, tmp_path: Path) -> None:
    values = Hyperparameters(parameters='{"min_size": 96}', weights="none")
    built, spec, _ = network.build(values, LABELS)
    network.write(built, replace(spec, options=Options(confidence=0.6)), tmp_path / "model", half)
    read = artifact.read(tmp_path / "model", tmp_path / "scratch")
    assert (read.architecture, read.labels, dict(read.parameters)) == (spec.architecture, LABELS, {"min_size": 96})
    assert read.options.confidence == 0.6
    assert isinstance(read.weights, Path)
    state = network.weight_files.read(read.weights)
    assert {v.dtype for v in state.values()} == {dtype} and set(state) == set(built.state_dict())
    assert sorted(p.name for p in (tmp_path / "model").iterdir()) == ["model.json", "model.safetensors"]
