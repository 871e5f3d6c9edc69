"""State dicts with the tensor names of torchvision before 0.13, which its published weights still have."""

import inspect
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torchvision
from torch import nn
from torchvision.models import densenet

from container.engines import building, weight_files
from container.engines.base import architectures
from container.engines.building import Network
from container.structures import ModelSpec
from container.training import network
from container.training.hyperparameters import Hyperparameters

# Current name → the name before 0.13, for the modules that rename while they load.
OLD = {
    "FeaturePyramidNetwork": (r"(\bfpn\.(?:inner|layer)_blocks\.\d)\.0\.", r"\1."),
    "RPNHead": (r"(\brpn\.(?:network\.)?head\.conv)\.0\.0\.", r"\1."),
    "MaskRCNNHeads": (r"(\bmask_head)\.(\d)\.0\.", lambda m: f"{m[1]}.mask_fcn{int(m[2]) + 1}."),
    "RetinaNetClassificationHead": (r"(\bclassification_head\.conv)\.(\d)\.0\.", lambda m: f"{m[1]}.{2 * int(m[2])}."),
    "RetinaNetRegressionHead": (r"(\bregression_head\.conv)\.(\d)\.0\.", lambda m: f"{m[1]}.{2 * int(m[2])}."),
    "MLPBlock": (r"(\.mlp)\.([03])\.", lambda m: f"{m[1]}.linear_{1 + int(m[2]) // 3}."),
}
DENSE_LAYER = (r"(\.denselayer\d+\.(?:norm|conv))([12])\.", r"\1.\2.")  # renamed by torchvision's builders
NOT_RENAMING = {"FrozenBatchNorm2d", "MNASNet"}  # they load in a way of their own, under the current names

RENAMED = [
    *("fasterrcnn_mobilenet_v3_large_320_fpn", "fasterrcnn_mobilenet_v3_large_fpn"),
    *("fasterrcnn_resnet50_fpn", "fasterrcnn_resnet50_fpn_v2", "fcos_resnet50_fpn", "keypointrcnn_resnet50_fpn"),
    *("maskrcnn_mobilenet_v2_fpn", "maskrcnn_resnet50_fpn", "maskrcnn_resnet50_fpn_v2"),
    *("retinanet_resnet50_fpn", "retinanet_resnet50_fpn_v2", "semantic_fpn_mobilenet_v2"),
    *("vit_b_16", "vit_b_32", "vit_h_14", "vit_l_16", "vit_l_32"),
    *("densenet121", "densenet161", "densenet169", "densenet201"),
]


def build(name: str, device: str = "meta", classes: int = 3) -> nn.Module:
    with torch.device(device):
        module: nn.Module = architectures[name].build(num_classes=classes)
    return module


def without_counters(state: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")}


def old_state(module: nn.Module) -> dict[str, Any]:
    """The module's state dict as published files have it: older names, and no counters of batch norms."""
    kinds = {type(part).__name__ for part in module.modules()}
    rules: list[Any] = [rule for kind, rule in OLD.items() if kind in kinds] + [DENSE_LAYER]
    state: dict[str, Any] = {}
    for name, tensor in without_counters(module.state_dict()).items():
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        state[name] = tensor
    return state


def torchvision_loads(module: nn.Module, state: Mapping[str, Any]) -> dict[str, Any]:
    """The state dict of `module` once torchvision's own code has put `state` into it."""
    if isinstance(module, densenet.DenseNet):
        weights: Any = SimpleNamespace(get_state_dict=lambda **_: dict(state))
        densenet._load_state_dict(module, weights, progress=False)
    else:
        module.load_state_dict(dict(state))
    return module.state_dict()


def test_every_class_of_torchvision_that_renames_is_known() -> None:
    classes = [
        thing
        for name, module in list(sys.modules.items())
        if name.startswith(("torchvision.models", "torchvision.ops")) and ".quantization" not in name
        for thing in vars(module).values()
        if inspect.isclass(thing) and "_load_from_state_dict" in vars(thing)
    ]
    assert {one.__name__ for one in classes if one.__module__.startswith("torchvision.")} == OLD.keys() | NOT_RENAMING


@pytest.mark.filterwarnings("ignore:The default weight initialization:FutureWarning")
def test_every_architecture_that_renames_is_here() -> None:
    # RegNets cannot be built without memory, and their one file (torchvision.models.regnet) holds nothing that renames.
    # Others than networks are folders of files, and have the names of their makers.
    networks = [name for name, one in architectures.items() if isinstance(one, Network)]
    names = [name for name in networks if not name.startswith("regnet_")]
    renaming = {name for name in names if (module := build(name)) and old_state(module).keys() - module.state_dict()}
    assert renaming == set(RENAMED)


@pytest.mark.parametrize("name", RENAMED)
def test_old_names_become_the_current_ones(name: str) -> None:
    module = build(name)
    current = without_counters(module.state_dict())
    state = old_state(module)
    assert state.keys() != current.keys()
    renamed = weight_files.with_current_names(module, state)
    assert renamed.keys() == current.keys()
    assert all(renamed[key] is tensor for key, tensor in zip(current, state.values(), strict=True))
    assert weight_files.with_current_names(module, current) == current


@pytest.mark.parametrize(
    "name",
    [
        *("fasterrcnn_mobilenet_v3_large_320_fpn", "maskrcnn_resnet50_fpn", "keypointrcnn_resnet50_fpn"),
        *("retinanet_resnet50_fpn", "fcos_resnet50_fpn", "vit_b_32", "densenet121"),
    ],
)
def test_what_is_read_is_what_torchvision_reads(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    state = old_state(build(name, "cpu"))
    torch.save(state, tmp_path / "old.pth")
    labels = ("one", "two", "three") if architectures[name].kind == "classification" else ("one", "two")
    built = building.build(ModelSpec("m", name, tmp_path / "old.pth", labels))
    golden = torchvision_loads(build(name, "cpu"), state)
    own = built.module.state_dict()
    assert own.keys() == golden.keys() and all(torch.equal(own[key], golden[key]) for key in golden)


@pytest.mark.parametrize("name", ["mnasnet0_5", "mnasnet1_3"])
def test_a_file_that_does_not_tell_its_version_is_of_the_current_one(name: str, tmp_path: Path) -> None:
    module = torchvision.models.get_model(name, weights=None, num_classes=2)
    weight_files.write(module, tmp_path / "w.safetensors")
    built = building.build(ModelSpec("m", name, tmp_path / "w.safetensors", ("cat", "dog")))
    assert torch.equal(built.module.classifier[1].weight, module.classifier[1].weight)


def test_training_starts_from_every_tensor_of_an_old_file(tmp_path: Path) -> None:
    name = "fasterrcnn_mobilenet_v3_large_320_fpn"
    torch.manual_seed(0)
    old = build(name, "cpu", classes=5)
    torch.save(old_state(old), tmp_path / "old.pth")
    values = Hyperparameters(architecture=name, weights=str(tmp_path / "old.pth"))
    started, _, origin = network.build(values, ("__background__", "disc"))
    predictor = [f"roi_heads.box_predictor.{part}" for part in ("cls_score", "bbox_pred")]
    random = [f"{part}.{kind}" for part in predictor for kind in ("weight", "bias")]
    assert origin == f"from the weights old.pth; random: {', '.join(random)}"
    own = started.state_dict()
    assert all(torch.equal(own[key], tensor) for key, tensor in old.state_dict().items() if key not in random)
