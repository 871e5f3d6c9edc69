"""OpenVINO against torch: the same detections, maps and masks, for pictures of any size."""

import logging
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from container.engines import building, openvino_parts, runtime
from container.engines.openvino_parts import CompiledPart, _flat, _giver
from container.errors import ModelError
from container.models import artifact, locate
from container.structures import ImageQuery, Instances, Options, SemanticMap
from tests.engines.test_golden import iou, make, same_boxes

TORCH = runtime.start("cpu", "fp32", 2)
OPENVINO = runtime.start("cpu", "fp32", 2, "openvino")
PHOTOS = (skimage.data.astronaut()[::2, ::2], skimage.data.coffee()[:200, :310], skimage.data.chelsea()[:, 100:220])


def both(architecture: str, classes: int, **parameters: Any) -> tuple[Any, Any]:
    _, engine = make(architecture, classes, **parameters)
    return engine, building.load(engine.spec, OPENVINO)


def compiled(engine: Any) -> set[str]:
    return {name for name, part in engine._module.named_modules() if isinstance(part, CompiledPart)}


def check_alike(found: Instances, expected: Instances) -> None:
    expected = expected[same_boxes(found.boxes, expected.boxes)]
    assert found.labels == expected.labels
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=0.5)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-3)
    assert (found.masks is None) == (expected.masks is None)
    if found.masks is not None and expected.masks is not None:
        for i in range(len(found)):
            assert iou(found.masks.bitmap(i), expected.masks.bitmap(i)) >= 0.99


@pytest.mark.parametrize(
    ("architecture", "parameters", "parts"),
    [
        (
            "maskrcnn_resnet50_fpn",
            {"min_size": 160, "max_size": 240, "box_detections_per_img": 30},
            {"backbone", "rpn.head", "roi_heads.box_head", "roi_heads.mask_head", "roi_heads.mask_predictor"},
        ),
        (
            "keypointrcnn_resnet50_fpn",
            {"min_size": 160, "max_size": 240, "box_detections_per_img": 30},
            {"backbone", "rpn.head", "roi_heads.box_head", "roi_heads.keypoint_head", "roi_heads.keypoint_predictor"},
        ),
        ("ssdlite320_mobilenet_v3_large", {}, {"backbone", "head"}),
    ],
)
def test_detectors(architecture: str, parameters: dict[str, Any], parts: set[str]) -> None:
    classes = 2 if "keypoint" in architecture else 91
    plain, fast = both(architecture, classes, **parameters)
    assert compiled(fast) == parts and not compiled(plain)
    for photo in PHOTOS:
        everything = plain.predict([ImageQuery(photo, Options(confidence=0.01))])[0]
        assert isinstance(everything, Instances) and len(everything) > 1
        # Between two scores, so that rounding takes none over the threshold.
        gaps = -np.diff(everything.scores[:30])
        asked = Options(confidence=float(everything.scores[gaps.argmax()] - gaps.max() / 2))
        check_alike(fast.predict([ImageQuery(photo, asked)])[0], plain.predict([ImageQuery(photo, asked)])[0])


def test_a_detector_whose_random_weights_see_every_place_alike_is_compiled_too() -> None:
    _, fast = both("fasterrcnn_mobilenet_v3_large_320_fpn", 91)
    assert compiled(fast) == {"backbone", "rpn.head", "roi_heads.box_head"}


def test_the_embedded_model() -> None:
    with artifact.opened(locate.EMBEDDED) as spec:
        plain, fast = building.load(spec, TORCH), building.load(spec, OPENVINO)
    assert {"backbone", "rpn.network.head", "roi_heads.mask_head"} <= compiled(fast)
    for photo in PHOTOS:
        asked = Options(confidence=0.3)
        check_alike(fast.predict([ImageQuery(photo, asked)])[0], plain.predict([ImageQuery(photo, asked)])[0])


@pytest.mark.parametrize("architecture", ["deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large"])
def test_semantic_models(architecture: str) -> None:
    plain, fast = both(architecture, 21)
    assert compiled(fast) == {"backbone", "classifier"}
    for photo in PHOTOS:
        found, expected = fast.predict([ImageQuery(photo)])[0], plain.predict([ImageQuery(photo)])[0]
        assert isinstance(found, SemanticMap) and isinstance(expected, SemanticMap)
        assert (found.class_ids != expected.class_ids).mean() < 1e-3
        for class_id, confidence in expected.confidences.items():
            assert found.confidences.get(class_id, 0.0) == pytest.approx(confidence, abs=1e-3)


COMPILE = """
import torch
from container.engines import runtime
from container.engines.openvino_parts import CompiledPart
part, row = torch.nn.Linear(2, 3).eval(), torch.rand(1, 2)
CompiledPart(part, (row,), part(row), runtime.start("cpu", "fp32", 1, "openvino"))
"""


@pytest.mark.parametrize(("code", "writes"), [(COMPILE, False), ("import openvino", True)])
def test_nothing_is_reported_to_anybody(code: str, writes: bool, tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if name != "CI"}  # where OpenVINO keeps quiet
    command = [sys.executable, "-W", "ignore", "-c", code]
    subprocess.run(command, check=True, env={**kept, "HOME": str(tmp_path)}, timeout=60)
    # What it reports under is the first thing that it writes.
    assert any(path.is_file() for path in tmp_path.rglob("*")) == writes


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_a_part_takes_any_number_of_rows(rows: int) -> None:
    part = nn.Sequential(nn.Linear(2, 3), nn.ReLU()).eval()
    fast = CompiledPart(part, (torch.rand(4, 2),), torch.rand(4, 3), OPENVINO)
    given = torch.rand(rows, 2)
    with torch.inference_mode():
        torch.testing.assert_close(fast(given), part(given))


def test_a_part_that_does_not_agree_stays_as_it_was(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    module = nn.Module()
    module.backbone = part = nn.Linear(2, 3).eval()
    monkeypatch.setattr(openvino_parts, "AGREEMENT", -1.0)
    with caplog.at_level(logging.WARNING), torch.inference_mode():
        openvino_parts.compile_parts(module, lambda: module.backbone(torch.rand(1, 2)), OPENVINO)
    assert module.backbone is part
    assert "backbone is off torch's" in caplog.text


def test_a_part_that_cannot_be_compiled_stays_as_it_was(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError

    module = nn.Module()
    module.head = part = nn.Linear(2, 3).eval()
    monkeypatch.setattr(openvino_parts.openvino, "convert_model", fail)
    with caplog.at_level(logging.WARNING), torch.inference_mode():
        openvino_parts.compile_parts(module, lambda: module.head(torch.rand(1, 2)), OPENVINO)
    assert module.head is part
    assert "cannot compile head (RuntimeError)" in caplog.text


NESTED = st.recursive(
    st.just(None).map(lambda _: torch.zeros(1)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(NESTED)
def test_any_form_is_laid_out_and_put_together_again(value: Any) -> None:
    tensors = [torch.tensor(float(i)) for i in range(len(_flat(value)))]
    again = _giver(value)(tensors)
    assert all(one is other for one, other in zip(_flat(again), tensors, strict=True))
    assert form(again) == form(value)


def form(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return "tensor"
    if isinstance(value, dict):
        return {name: form(member) for name, member in value.items()}
    return type(value)(form(member) for member in value)


@pytest.mark.parametrize(("backend", "resolved"), [("auto", "openvino"), ("openvino", "openvino"), ("torch", "torch")])
def test_backends_of_a_cpu(backend: str, resolved: str) -> None:
    assert runtime.start("cpu", "fp32", 2, backend).backend == resolved


def test_openvino_is_not_for_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "_cuda_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ModelError, match="backend openvino is for a CPU, and the device is cuda"):
        runtime.start("cuda", "fp32", 2, "openvino")


def small_part(channels: int) -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(channels)
    return nn.Sequential(nn.Conv2d(3, channels, 3), nn.ReLU()).eval(), torch.rand(1, 3, 16, 16)


@pytest.mark.filterwarnings("ignore:`torch.jit.trace:FutureWarning")
def test_torch_keeps_nothing_of_a_part_that_was_compiled() -> None:
    """Neither the types of its modules nor their classes, whose names would not be given again."""
    part, picture = small_part(4)
    with torch.inference_mode():
        CompiledPart(part, [picture], part(picture), OPENVINO)
    assert not torch.jit._recursive.concrete_type_store.type_store
    kept = torch.jit.trace(nn.ReLU(), picture)._c._type().qualified_name()
    assert kept == "__torch__.torch.nn.modules.activation.ReLU"


def test_parts_may_be_compiled_at_the_same_time() -> None:
    """As those of two models that are loaded."""

    def compile_one(channels: int) -> float:
        part, picture = small_part(channels)
        with torch.inference_mode():
            expected = part(picture)
            return float((CompiledPart(part, [picture], expected, OPENVINO)(picture) - expected).abs().max())

    with ThreadPoolExecutor(4) as pool:
        assert max(pool.map(compile_one, range(1, 13))) < 1e-5
