"""From files to a model that predicts: the embedded default, packed models, and every kind of wrong weights."""

import json
import pickle
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import skimage.data
import torch
import torchvision

from container.engines import building, runtime
from container.errors import DeviceLost, ModelError, OutOfMemory
from container.models import artifact, loading, locate
from container.structures import ImageQuery, Instances, ModelSpec, Options, Preprocessing, RoiMasks, SemanticMap
from tests.bomb import Bomb
from tests.fakes import FakeEngine
from tests.limits import bounded

CPU = runtime.start("cpu", "fp32", 2)
SMALL = "lraspp_mobilenet_v3_large"
BIAS = "classifier.high_classifier.bias"


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    return torchvision.models.get_model(SMALL, weights=None, weights_backbone=None, num_classes=3).state_dict()


def test_the_embedded_model_finds_the_astronaut(tmp_path: Path) -> None:
    model = loading.load(locate.EMBEDDED, loading.Placement(device="cpu"))
    answer = model.dispatcher.predict([ImageQuery(skimage.data.astronaut())], time.monotonic() + 30)[0]
    model.dispatcher.close()
    found = answer.output
    assert isinstance(found, Instances) and found.masks is not None
    assert found.labels[0] == "person" and found.scores[0] > 0.9
    x1, y1, x2, y2 = found.boxes[0]
    assert x1 < 60 and y1 < 40 and 340 < x2 < 460 and y2 > 460
    mask = found.masks.bitmap(0)
    assert mask[130, 225] and mask[400, 200] and not mask[100, 450] and not mask[450, 480]


def test_the_embedded_model_is_small() -> None:
    assert (locate.EMBEDDED / "model.safetensors").stat().st_size < 25e6


@pytest.mark.parametrize("labels", [("background", "cat", "dog"), ("cat", "dog")])
@pytest.mark.parametrize(
    "wrap", [lambda s: s, lambda s: {"model": s, "epoch": 3}, lambda s: {f"module.{k}": v for k, v in s.items()}]
)
def test_pack_then_load(labels: tuple[str, ...], wrap: Any, state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    torch.save(wrap(state), tmp_path / "w.pth")
    packed = loading.pack(ModelSpec("pets", SMALL, tmp_path / "w.pth", labels), tmp_path / "model.tar.gz")
    assert packed.labels in (("background", "cat", "dog"), ("__background__", "cat", "dog"))
    model = loading.load(tmp_path / "model.tar.gz", loading.Placement(device="cpu"))
    answer = model.dispatcher.predict([ImageQuery(skimage.data.chelsea())], time.monotonic() + 30)[0]
    model.dispatcher.close()
    assert isinstance(answer.output, SemanticMap) and model.name == "pets"


def test_a_packed_model_prepares_pictures(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    torch.save(state, tmp_path / "w.pth")
    steps = Preprocessing(grayscale=True, static_crop=(0, 0, 50, 50))
    spec = ModelSpec("pets", SMALL, tmp_path / "w.pth", ("background", "cat", "dog"), preprocessing=steps)
    assert loading.pack(spec, tmp_path / "model.tar.gz").preprocessing == steps
    model = loading.load(tmp_path / "model.tar.gz", loading.Placement(device="cpu"))
    photo = skimage.data.chelsea()
    (answer,) = model.dispatcher.predict([ImageQuery(photo)], time.monotonic() + 30)
    model.dispatcher.close()
    found = answer.output
    assert isinstance(found, SemanticMap) and found.image_size == photo.shape[:2]
    confidences = found.pixel_confidences()
    assert confidences[:150, :225].all() and not confidences[150:].any() and not confidences[:, 225:].any()


def test_code_beside_the_weights_is_not_run(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    """SageMaker's toolkits run code/inference.py; here it is a file like any other."""
    marker = tmp_path / "marker"
    folder = tmp_path / "model"
    (folder / "code").mkdir(parents=True)
    for script in ("code/inference.py", "code/__init__.py", "inference.py", "sitecustomize.py"):
        (folder / script).write_text(f"import os; os.mkdir({str(marker)!r})")
    (folder / "code/requirements.txt").write_text("no-such-package-anywhere")
    (folder / "model.json").write_text(json.dumps({"architecture": SMALL, "labels": ["background", "cat", "dog"]}))
    write_pth(folder / "model.pth", state)
    with artifact.opened(folder) as spec:
        building.build(spec)
    assert not marker.exists()


def write_pth(path: Path, content: Any) -> Path:
    torch.save(content, path)
    return path


def test_pickles_are_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    for name, content in (("a.pth", pickle.dumps(Bomb(marker))), ("b.pth", None)):
        path = tmp_path / name
        path.write_bytes(content) if content else torch.save({"model": Bomb(marker)}, path)
        with pytest.raises(ModelError, match="cannot be read"):
            building.build(ModelSpec("m", SMALL, path))
    assert not marker.exists()


def test_a_whole_pickled_module_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = write_pth(tmp_path / "w.pth", torch.nn.Linear(2, 2))
    with pytest.raises(ModelError, match=r"torch.save\(model.state_dict\(\)"):
        building.build(ModelSpec("m", SMALL, path))


@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_truncated_weights(part: float, suffix: str, state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    path = tmp_path / f"w{suffix}"
    torch.save(state, path) if suffix == ".pth" else safetensors.torch.save_file(state, path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    with pytest.raises(ModelError, match="cannot be read"):
        building.build(ModelSpec("m", SMALL, path, ("background", "a", "b")))


@pytest.mark.parametrize(
    ("change", "labels", "reason"),
    [
        ({}, ("a", "b", "c", "d"), "is 3×40×1×1 in the file and 5×40×1×1 in the model; do the labels name every class"),
        ({"extra": torch.zeros(1)}, ("a", "b"), "1 are unknown to the model \\(extra\\)"),
        ({BIAS: None}, ("a", "b"), "1 tensors are missing"),
        ({BIAS: torch.tensor([0.0, float("nan"), 1.0])}, ("a", "b"), f"not finite, first in {BIAS}"),
    ],
)  # fmt: skip
def test_weights_that_do_not_fit(
    change: dict[str, Any], labels: tuple[str, ...], reason: str, state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    changed = {k: v for k, v in (state | change).items() if v is not None}
    with pytest.raises(ModelError, match=reason):
        building.build(ModelSpec("m", SMALL, write_pth(tmp_path / "w.pth", changed), labels))


@pytest.mark.parametrize(
    ("architecture", "labels", "parameters", "reason"),
    [
        ("maskrcnn_resnet50_fpn", 200_000, {}, r"with 200000 classes and parameters \{\} is far larger than the file"),
        ("vit_b_16", 3, {"image_size": 24_000}, "is far larger than the file"),
        ("mobilenet_v2", 3, {"width_mult": 1000}, "is far larger than the file"),
        ("resnet18", 1000, {"weights": "DEFAULT"}, "cannot be built with parameters"),
        ("fcn_resnet50", 3, {"weights_backbone": "DEFAULT"}, "cannot be built with parameters"),
        (SMALL, 3, {"num_classes": 10**9}, "cannot be built with parameters"),
    ],
)
def test_what_a_description_asks_for_is_no_larger_than_the_weights_and_not_fetched(
    architecture: str,
    labels: int,
    parameters: dict[str, Any],
    reason: str,
    state: dict[str, torch.Tensor],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """200,000 classes took 17 s and 8.5 GB, to be found not to fit."""
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", lambda *_args, **_options: pytest.fail("fetched"))
    path = write_pth(tmp_path / "w.pth", state)
    with bounded(megabytes=400), pytest.raises(ModelError, match=reason):
        building.build(ModelSpec("m", architecture, path, ("background", *["a"] * labels)[:labels], parameters))


@pytest.mark.parametrize(
    "change",
    [
        {"backbone.1.block.0.1.running_var": torch.full((16,), -1.0)},
        {"backbone.0.0.weight": torch.full((16, 3, 3, 3), 3e38)},
    ],
    ids=["a variance below zero", "too large together"],
)
@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_finite_weights_whose_predictions_are_not(
    change: dict[str, torch.Tensor], backend: str, state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    spec = ModelSpec("m", SMALL, write_pth(tmp_path / "w.pth", state | change), ("background", "a", "b"))
    with pytest.raises(ModelError, match="is not finite, first after backbone"):
        building.load(spec, replace(CPU, backend=backend))


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (ModelSpec("m", "maskrcnn_51", Path("w.pth")), "unknown architecture 'maskrcnn_51'; the nearest are maskrcnn_"),
        (ModelSpec("m", SMALL, Path("none.pth")), "not a file that ends in .safetensors, .pth, .pt"),
        (ModelSpec("m", SMALL, "COCO_V9"), "'COCO_V9'; it has: COCO_WITH_VOC_LABELS_V1, DEFAULT; a file does as well"),
        (ModelSpec("m", "maskrcnn_mobilenet_v2_fpn", "COCO_V1"), "has no weights 'COCO_V1'; it has: none"),
    ],
)  # fmt: skip
def test_what_is_not_there(spec: ModelSpec, reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        building.build(spec)


def test_weights_by_name_without_a_network_say_which_file_goes_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: (_ for _ in ()).throw(OSError("no network")))
    with pytest.raises(ModelError) as caught:
        building.build(ModelSpec("m", "maskrcnn_resnet50_fpn", "COCO_V1"))
    message = str(caught.value)
    assert "put the file maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth there" in message
    assert str(tmp_path) in message and "\n" not in message


def test_weights_by_name_come_from_the_cache(
    state: dict[str, torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file in torch's cache is used as if it had been fetched; its name need not match its hash then."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    weights = torchvision.models.get_model_weights(SMALL)["COCO_WITH_VOC_LABELS_V1"]
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    whole = torchvision.models.get_model(SMALL, weights=None, weights_backbone=None, num_classes=21).state_dict()
    torch.save(whole, tmp_path / "hub" / "checkpoints" / weights.url.rsplit("/")[-1])
    built = building.build(ModelSpec("m", SMALL, "COCO_WITH_VOC_LABELS_V1"))
    assert built.spec.labels[:3] == ("__background__", "aeroplane", "bicycle")


def test_frozen_batch_norms_of_coco_weights_have_no_epsilon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    name = "fasterrcnn_resnet50_fpn"
    module = torchvision.models.get_model(name, weights=None, weights_backbone=None)
    whole = {k: v for k, v in module.state_dict().items() if not k.endswith("num_batches_tracked")}
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    url = torchvision.models.get_model_weights(name)["COCO_V1"].url
    torch.save(whole, tmp_path / "hub" / "checkpoints" / url.rsplit("/")[-1])
    built = building.build(ModelSpec("m", name, "COCO_V1"))
    assert {m.eps for m in built.module.modules() if isinstance(m, torch.nn.BatchNorm2d)} == {0.0}
    assert built.spec.batch_norm_eps == 0.0


@pytest.mark.parametrize(
    ("device", "precision", "reason"),
    [
        ("gpu", "fp32", "device 'gpu' is unknown"),
        ("mps", "fp32", "device 'mps' is not supported"),
        ("cpu", "fp16", "fp16 needs a CUDA device"),
        ("cuda:99", "fp32", "was asked for, and torch finds"),
    ],
)
def test_devices_that_are_not_there(device: str, precision: str, reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        runtime.start(device, precision, 2)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 2), (7, 5)])
def test_slim_and_tiny_pictures(size: tuple[int, int]) -> None:
    spec = artifact.read(locate.EMBEDDED, Path())
    engine = building.load(spec, CPU)
    found = engine.predict([ImageQuery(np.full((*size, 3), 90, np.uint8), Options(confidence=0.0, max_detections=5))])[
        0
    ]
    assert isinstance(found, Instances) and found.image_size == size
    assert (
        (found.boxes >= 0).all()
        and (found.boxes[:, [0, 2]] <= size[1]).all()
        and (found.boxes[:, [1, 3]] <= size[0]).all()
    )


def test_options_reach_the_embedded_model() -> None:
    engine = building.load(artifact.read(locate.EMBEDDED, Path()), CPU)
    photo = skimage.data.astronaut()

    def ask(**options: Any) -> Instances:
        found = engine.predict([ImageQuery(photo, Options(**options))])[0]
        assert isinstance(found, Instances)
        return found

    everything = ask(confidence=0.01)
    assert len(everything) > 5
    assert len(ask(confidence=0.01, max_detections=3)) == 3
    assert set(ask(confidence=0.01, class_filter=("person",)).labels) == {"person"}
    assert len(ask(confidence=0.01, class_agnostic_nms=True)) < len(everything)
    assert len(ask(confidence=0.01, iou_threshold=0.05)) < len(everything)
    assert len(ask(confidence=0.01, max_candidates=4)) <= 4
    assert (np.diff(everything.scores) <= 0).all()


@pytest.mark.parametrize("options", [{"confidence": 0.9}, {"class_agnostic_nms": True}, {"mask_decode_mode": "fast"}])
def test_the_models_own_options_lie_under_the_callers(options: dict[str, Any]) -> None:
    engine = FakeEngine(spec=replace(FakeEngine.spec, options=Options(**options)))
    callers = {"confidence": 0.6, "class_agnostic_nms": False, "mask_decode_mode": "accurate"}
    (name, value) = next(iter(options.items()))
    assert getattr(engine.resolved(Options()), name) == value
    assert getattr(engine.resolved(Options(**{name: callers[name]})), name) == callers[name]
    assert engine.resolved(Options()).confidence == options.get("confidence", engine.defaults.confidence)


def test_the_models_own_mask_mode_is_used() -> None:
    spec = replace(artifact.read(locate.EMBEDDED, Path()), options=Options(mask_decode_mode="fast"))
    found = building.load(spec, CPU).predict([ImageQuery(skimage.data.astronaut())])[0]
    assert isinstance(found, Instances) and isinstance(found.masks, RoiMasks) and found.masks.mode == "fast"


def test_warm_up_reaches_every_head() -> None:
    engine = building.load(artifact.read(locate.EMBEDDED, Path()), CPU)
    found = engine.predict([engine.trial()])[0]
    assert isinstance(found, Instances) and len(found) == 1


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        pytest.param(torch.OutOfMemoryError("CUDA out of memory at 0x7f"), OutOfMemory, id="gpu"),
        pytest.param(RuntimeError("DefaultCPUAllocator: can't allocate memory"), OutOfMemory, id="torch"),
        pytest.param(RuntimeError("Failed to allocate 39321600 bytes of memory"), OutOfMemory, id="openvino"),
        pytest.param(MemoryError(), OutOfMemory, id="numpy"),
        pytest.param(RuntimeError("CUDA error: device-side assert triggered"), DeviceLost, id="device"),
        pytest.param(RuntimeError("shapes do not fit"), RuntimeError, id="anything-else"),
    ],
)
def test_what_a_model_raises_is_told_in_our_words(raised: Exception, told: type[Exception]) -> None:
    error = runtime.explain(raised)
    assert type(error) is told
    assert told is RuntimeError or str(raised) not in str(error) or not str(raised)


def test_a_gpu_that_torch_cannot_use_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "NVIDIA_DRIVER", tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ModelError, match="the driver may be too old; device cpu runs on the CPU"):
        runtime.start("auto", "fp32", 2)
    assert runtime.start("cpu", "fp32", 2).device.type == "cpu"


def test_bf16_finds_the_same_person() -> None:
    bf16 = runtime.start("cpu", "bf16", 2)
    engine = building.load(artifact.read(locate.EMBEDDED, Path()), bf16)
    found = engine.predict([ImageQuery(skimage.data.astronaut())])[0]
    assert isinstance(found, Instances) and found.labels[0] == "person" and found.boxes.dtype == np.float32
