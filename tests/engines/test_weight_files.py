"""State dicts that fit in part, and weights in half precision."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import safetensors.torch
import torch
import torchvision
from torch import nn
from torch.nn import DataParallel
from torch.optim.swa_utils import AveragedModel

from container.engines import weight_files
from container.engines.base import architectures
from container.errors import ModelError


def network(classes: int = 3, seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, classes, 1))


def test_what_fits_by_name_and_shape_is_put_in_and_the_rest_is_named() -> None:
    module, other = network(classes=3), network(classes=5, seed=1)
    own = {name: value.clone() for name, value in module.state_dict().items()}
    state = {**other.state_dict(), "more.weight": torch.ones(2)}
    assert weight_files.fit_partly(module, state) == ["2.weight", "2.bias"]
    for name, value in module.state_dict().items():
        assert torch.equal(value, own[name] if name.startswith("2.") else state[name])


def test_counters_of_batch_norms_are_not_missed() -> None:
    state = {k: v for k, v in network(seed=1).state_dict().items() if not k.endswith("num_batches_tracked")}
    assert weight_files.fit_partly(network(), state) == []


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({}, "nothing in these weights fits"),
        ({"0.weight": torch.ones(9, 9)}, "nothing in these weights fits"),
        ({"encoder.0.weight": torch.ones(4, 3, 1, 1)}, "nothing in these weights fits"),
        ({"0.bias": torch.tensor([0, 1, float("nan"), 2])}, "not finite, first in 0.bias"),
        ({"0.bias": torch.tensor([0, 1, float("inf"), 2])}, "not finite, first in 0.bias"),
    ],
)
def test_weights_that_are_of_no_use_are_refused_and_nothing_is_put_in(state: weight_files.State, reason: str) -> None:
    module = network()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    with pytest.raises(ModelError, match=reason):
        weight_files.fit_partly(module, state)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_what_does_not_fit_need_not_be_finite() -> None:
    state = {"0.bias": torch.ones(4), "2.bias": torch.full((9,), float("nan"))}
    assert "2.bias" in weight_files.fit_partly(network(), state)


LRASPP, FASTER = "lraspp_mobilenet_v3_large", "fasterrcnn_mobilenet_v3_large_320_fpn"
PREFIXES = [
    "",
    "module.",
    "model.",
    "_orig_mod.",
    "net.",
    "module._orig_mod.",
    "model.net.module.",
    "lit.segmenter.core.",
]


@pytest.fixture(scope="module")
def lraspp() -> nn.Module:
    torch.manual_seed(0)
    module: nn.Module = architectures[LRASPP].build(num_classes=2)
    return module


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("prefix", PREFIXES)
def test_what_stands_before_all_names_is_left_out(prefix: str, suffix: str, lraspp: nn.Module, tmp_path: Path) -> None:
    state = {prefix + name: tensor for name, tensor in lraspp.state_dict().items()}
    path = tmp_path / f"w{suffix}"
    safetensors.torch.save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    other = architectures[LRASPP].build(num_classes=2)
    weight_files.fit(other, weight_files.read(path))
    assert all(torch.equal(one, state[prefix + name]) for name, one in other.state_dict().items())


def test_a_file_is_read_by_what_it_is_whatever_its_ending(lraspp: nn.Module, tmp_path: Path) -> None:
    torch.save(lraspp.state_dict(), tmp_path / "w.safetensors")
    safetensors.torch.save_file(lraspp.state_dict(), tmp_path / "w.pth")
    one, other = (weight_files.read(tmp_path / name) for name in ("w.safetensors", "w.pth"))
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_of_two_prefixes_that_of_an_average_is_taken(lraspp: nn.Module) -> None:
    last, average = lraspp.state_dict(), architectures[LRASPP].build(num_classes=2).state_dict()
    state = {"model." + name: tensor for name, tensor in last.items()} | {"loss.weight": torch.ones(2)}
    state |= {"model_ema.module." + name: tensor for name, tensor in average.items()}
    found = weight_files.without_prefix(lraspp, state)
    assert found.keys() == average.keys() and all(found[name] is average[name] for name in average)


def test_an_averaged_model_of_torch_is_read(tmp_path: Path, lraspp: nn.Module) -> None:
    averaged = AveragedModel(DataParallel(lraspp))
    torch.save({"model": lraspp.state_dict(), "model_ema": averaged.state_dict()}, tmp_path / "w.pth")
    weight_files.fit(architectures[LRASPP].build(num_classes=2), weight_files.read(tmp_path / "w.pth"))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("backbone.bottom_up.res2.0.conv1.weight", "the names are detectron2's: backbone.bottom_up.res2"),
        ("roi_head.bbox_head.fc_cls.weight", "the names are OpenMMLab's"),
        ("neck.lateral_convs.0.conv.weight", "the names are OpenMMLab's"),
        ("decoder.blocks.0.conv1.0.weight", "the names are segmentation_models_pytorch's"),
        ("model.0.conv.weight", "the names are those of a YOLO"),
        ("segformer.encoder.block.0.0.weight", "the names are those of Hugging Face's transformers"),
        ("transformer.encoder.layers.0.linear1.weight", "the names are those of a DETR"),
        ("inc.double_conv.0.weight", "the names are those of a U-Net"),
        ("other.weight", "is it this architecture?"),
    ],
)
def test_names_of_other_libraries_are_known(name: str, words: str, lraspp: nn.Module) -> None:
    with pytest.raises(ModelError, match=re.escape(words)):
        weight_files.fit(lraspp, {name: torch.ones(1)})
    with pytest.raises(ModelError, match=f"nothing in these weights fits by name and shape; {re.escape(words)}"):
        weight_files.fit_partly(lraspp, {name: torch.ones(1)})


@pytest.mark.parametrize(
    ("architecture", "classifier"),
    [
        ("maskrcnn_resnet50_fpn", "resnet50"),
        ("retinanet_resnet50_fpn", "resnet50"),
        ("fcn_resnet50", "resnet50"),
        (FASTER, "mobilenet_v3_large"),
        (LRASPP, "mobilenet_v3_large"),
    ],
)
def test_a_classifier_without_prefix_fills_the_backbone(architecture: str, classifier: str) -> None:
    with torch.random.fork_rng():
        module = architectures[architecture].build(num_classes=2)
        state = torchvision.models.get_model(classifier, weights=None).state_dict()
    left = weight_files.fit_partly(module, state)
    own = {name for name in module.state_dict() if name.startswith("backbone.") and ".fpn." not in name}
    assert own and not own & set(left)


def test_published_files_are_known_by_their_checksum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "renamed.pth"
    path.write_bytes(bytes(2**20))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    address = f"https://example.com/maskrcnn-{digest[:8]}.pth"
    published = {"COCO_V1": SimpleNamespace(name="COCO_V1", url=address, meta={"_file_size": 1.0})}
    models = SimpleNamespace(get_model_weights=lambda name: Published(published))
    monkeypatch.setattr(weight_files, "torchvision", SimpleNamespace(models=models))
    assert weight_files.published_name("maskrcnn_resnet50_fpn", path) == "COCO_V1"
    assert weight_files.published_eps("maskrcnn_resnet50_fpn", "COCO_V1") == 0.0
    assert weight_files.published_eps("maskrcnn_resnet50_fpn_v2", "COCO_V1") is None
    path.write_bytes(bytes(2**20 - 1) + b"x")
    assert weight_files.published_name("maskrcnn_resnet50_fpn", path) == ""


class Published(dict[str, SimpleNamespace]):
    """Weights by name, which are also gone through as torchvision's enumerations are."""

    def __iter__(self) -> Iterator[SimpleNamespace]:
        return iter(self.values())


def test_half_precision_is_half_the_file_and_close(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Conv2d(16, 64, 3), nn.BatchNorm2d(64))
    paths = {half: tmp_path / f"{half}.safetensors" for half in (False, True)}
    for half, path in paths.items():
        weight_files.write(module, path, half)
    assert paths[True].stat().st_size < 0.6 * paths[False].stat().st_size
    full, half = (weight_files.read(paths[asked]) for asked in (False, True))
    assert {v.dtype for v in full.values()} == {torch.float32, torch.int64}
    assert {v.dtype for v in half.values()} == {torch.float16, torch.int64}
    again = nn.Sequential(nn.Conv2d(16, 64, 3), nn.BatchNorm2d(64))
    weight_files.fit(again, half)
    for name, value in again.state_dict().items():
        assert value.dtype == full[name].dtype
        torch.testing.assert_close(value, full[name], rtol=1e-3, atol=1e-6)


def test_weights_whose_channels_lie_last_are_written(tmp_path: Path) -> None:
    module = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    weight_files.write(module, tmp_path / "w.safetensors")
    assert torch.equal(weight_files.read(tmp_path / "w.safetensors")["weight"], module.weight)


def test_whoever_may_read_files_of_the_folder_may_read_weights(tmp_path: Path) -> None:
    weight_files.write(network(), tmp_path / "w.safetensors")
    (tmp_path / "plain").touch()
    assert (tmp_path / "w.safetensors").stat().st_mode == (tmp_path / "plain").stat().st_mode
