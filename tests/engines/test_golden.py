"""Engines against torchvision's own forward, with random weights of the real architectures."""

import os
import re
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import torch
import torchvision
from scipy.optimize import linear_sum_assignment
from torch.nn import functional
from torchvision.transforms._presets import SemanticSegmentation

from container.engines import building, runtime, weight_files
from container.engines.base import Engine
from container.structures import ImageQuery, Instances, ModelSpec, Options, RoiMasks, SemanticMap

CPU = runtime.start("cpu", "fp32", 2)
SMALL: dict[str, Any] = {"min_size": 200, "max_size": 320, "box_detections_per_img": 30}  # what heads cost is by box
FOLDER = tempfile.TemporaryDirectory()  # weights
PHOTO = skimage.data.coffee()  # 400×600
# The standard deviation of a last layer's outputs, by its name.
SPREADS = {
    r"cls_score$|classifier\.4$|classification_head\.(cls_logits|module_list\.\d)$": 2.0,
    r"mask_fcn_logits$": 1.0,
}


@cache  # a ResNet-50 takes seconds to make, load and try
def make(architecture: str, classes: int, **parameters: Any) -> tuple[torch.nn.Module, Engine]:
    """The plain torchvision module with random weights, and an engine that loaded the same weights from a file."""
    torch.manual_seed(7)
    extra = {"weights_backbone": None} if classes != 1000 else {}
    module = torchvision.models.get_model(architecture, weights=None, num_classes=classes, **extra, **parameters).eval()
    calibrate(module)
    path = Path(FOLDER.name) / f"{architecture}_{len(os.listdir(FOLDER.name))}.safetensors"
    weight_files.write(module, path)
    labels = tuple(f"class {i}" for i in range(classes))
    if classes in (91, 21):
        labels = ("__background__", *labels[1:])
    return module, building.load(ModelSpec("m", architecture, path, labels, parameters), CPU)


def calibrate(module: torch.nn.Module) -> None:
    """Give the last layers outputs of a trained network's spread: random ones choose nothing, or are all 0 or 1.

    A mask of zeros and ones alone has pixels of exactly 0.5, which any two interpolations round differently.
    """
    for name, layer in module.named_modules():
        spread = next((spread for pattern, spread in SPREADS.items() if re.search(pattern, name)), None)
        if spread is None or not hasattr(layer, "weight"):  # the heads of SSDlite are blocks
            continue
        deviations: list[torch.Tensor] = []
        hook = layer.register_forward_hook(lambda _, __, output, seen=deviations: seen.append(output.std()))
        plain(module, PHOTO)
        hook.remove()
        with torch.no_grad():
            layer.weight.mul_(spread / deviations[0])


def plain(module: torch.nn.Module, pixels: np.ndarray) -> dict[str, np.ndarray]:
    with torch.inference_mode():
        tensor = torch.from_numpy(pixels).permute(2, 0, 1).float() / 255
        found = module([tensor])[0] if hasattr(module, "transform") else module(tensor[None])
    return {key: value.numpy() for key, value in found.items()} if isinstance(found, dict) else {}


def same_boxes(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which of `others` each of `boxes` is: scores that are equal but for rounding come in any order."""
    assert len(boxes) == len(others)
    rows, order = linear_sum_assignment(np.abs(boxes[:, None] - others).sum(-1))
    assert rows.tolist() == list(range(len(boxes)))
    return np.asarray(order)


def iou(mask: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two masks, 1 where both are empty."""
    union = int((mask | other).sum())
    return int((mask & other).sum()) / union if union else 1.0


@pytest.mark.parametrize("architecture", ["maskrcnn_resnet50_fpn", "maskrcnn_resnet50_fpn_v2"])
def test_mask_rcnn_equals_the_plain_forward(architecture: str) -> None:
    module, engine = make(architecture, 91, **SMALL)
    module.roi_heads.score_thresh = 0.02
    expected = plain(module, PHOTO)
    found = engine.predict([ImageQuery(PHOTO, Options(confidence=0.02))])[0]
    assert isinstance(found, Instances) and isinstance(found.masks, RoiMasks)
    assert len(found) == len(expected["scores"]) > 10
    order = same_boxes(found.boxes, expected["boxes"])
    expected = {name: values[order] for name, values in expected.items()}
    np.testing.assert_allclose(found.boxes, expected["boxes"], atol=0.02)
    np.testing.assert_allclose(found.scores, expected["scores"], atol=1e-4)
    assert found.classes.tolist() == expected["labels"].tolist()
    # Corners are cut to whole pixels, so boxes that are equal but for rounding may be pasted a pixel apart.
    masks = RoiMasks(found.masks.probabilities, expected["boxes"], found.image_size)
    assert all(iou(masks.bitmap(i), expected["masks"][i, 0] >= 0.5) >= 0.99 for i in range(len(found)))


def test_confidence_before_the_mask_head_keeps_the_same_instances() -> None:
    _, engine = make("maskrcnn_resnet50_fpn", 91, **SMALL)
    everything = engine.predict([ImageQuery(PHOTO, Options(confidence=0.02))])[0]
    assert isinstance(everything, Instances)
    threshold = float(np.median(everything.scores))
    fewer = engine.predict([ImageQuery(PHOTO, Options(confidence=threshold))])[0]
    expected = everything[everything.scores >= threshold]
    assert isinstance(fewer, Instances) and 0 < len(fewer) < len(everything)
    np.testing.assert_allclose(fewer.boxes, expected.boxes)
    assert fewer.labels == expected.labels


def test_masks_that_nobody_looks_at_are_not_made() -> None:
    _, engine = make("maskrcnn_resnet50_fpn", 91, **SMALL)
    heads = engine._module.roi_heads
    rows: list[int] = []
    hook = heads.mask_head.register_forward_pre_hook(lambda _, inputs: rows.append(len(inputs[0])))
    queries = [
        ImageQuery(PHOTO, Options(confidence=0.02, max_detections=count), masks)
        for count, masks in ((3, False), (2, True))
    ]
    without, with_masks = engine.predict(queries)
    assert isinstance(without, Instances) and isinstance(with_masks, Instances)
    assert without.masks is None and with_masks.masks is not None and rows == [2]
    np.testing.assert_allclose(without.boxes[:2], with_masks.boxes, atol=1e-3)
    engine.predict(queries[:1])
    hook.remove()
    assert rows == [2]


@pytest.mark.parametrize(
    ("architecture", "parameters"),
    [
        ("fasterrcnn_mobilenet_v3_large_320_fpn", {}),
        ("retinanet_resnet50_fpn", {"min_size": 200, "max_size": 320}),
        ("fcos_resnet50_fpn", {"min_size": 200, "max_size": 320}),
        ("ssd300_vgg16", {}),  # random weights give ssdlite's classes equal scores
    ],
)
def test_box_detectors_equal_the_plain_forward(architecture: str, parameters: dict[str, Any]) -> None:
    module, engine = make(architecture, 91, **parameters)
    (module.roi_heads if hasattr(module, "roi_heads") else module).score_thresh = 0.005
    expected = plain(module, PHOTO)
    scores = np.sort(expected["scores"])[::-1]
    count = 6 + int(np.diff(scores[5:]).argmin())  # up to the widest gap, because scores differ by rounding
    found = engine.predict([ImageQuery(PHOTO, Options(confidence=float(scores[count - 1 : count + 1].mean())))])[0]
    assert isinstance(found, Instances) and found.masks is None
    np.testing.assert_allclose(found.scores, scores[:count], atol=1e-4)
    boxes = expected["boxes"][np.argsort(-expected["scores"], kind="stable")][:count]
    np.testing.assert_allclose(found.boxes, boxes[same_boxes(found.boxes, boxes)], atol=1e-2)


def test_keypoints_equal_the_plain_forward() -> None:
    module, engine = make("keypointrcnn_resnet50_fpn", 2, **SMALL)
    expected = plain(module, PHOTO)
    found = engine.predict([ImageQuery(PHOTO, Options(confidence=0.0501))])[0]
    assert isinstance(found, Instances) and found.keypoints is not None and len(found) > 0
    np.testing.assert_allclose(found.keypoints[..., :2], expected["keypoints"][: len(found), :, :2], atol=1e-2)


@pytest.mark.parametrize("architecture", ["lraspp_mobilenet_v3_large", "deeplabv3_mobilenet_v3_large"])
@pytest.mark.parametrize("size", [(400, 600), (1080, 1920), (90, 60)])
def test_label_map_equals_torchvisions_logits_resized(architecture: str, size: tuple[int, int]) -> None:
    module, engine = make(architecture, 21)
    rows, columns = (np.linspace(0, side - 1, n).astype(int) for side, n in zip(PHOTO.shape[:2], size, strict=True))
    pixels = PHOTO[rows][:, columns]
    with torch.inference_mode():
        picture = SemanticSegmentation(resize_size=520)(torch.from_numpy(pixels).permute(2, 0, 1).float() / 255)
        logits = module(picture[None])["out"]
        expected = functional.interpolate(logits, size=size, mode="bilinear", align_corners=False).argmax(1)[0].numpy()
    found = engine.predict([ImageQuery(pixels)])[0]
    assert (found.class_ids != expected).sum() <= 1e-5 * expected.size
    assert set(found.confidences) == set(np.unique(expected).tolist()) - {0}


@pytest.mark.parametrize("share", [None, 0.2, 0.8])
def test_a_sigmoid_is_cut_at_the_confidence(share: float | None) -> None:
    torch.manual_seed(7)
    name = "deeplabv3_mobilenet_v3_large"
    module = torchvision.models.get_model(name, weights=None, weights_backbone=None, num_classes=1).eval()
    transform = SemanticSegmentation(resize_size=520)
    picture = transform(torch.from_numpy(PHOTO).permute(2, 0, 1).float() / 255)[None]
    with torch.no_grad():
        module.classifier[4].weight *= 2 / module(picture)["out"].std()
        module.classifier[4].bias -= module(picture)["out"].mean()
    path = Path(FOLDER.name) / "sigmoid.safetensors"
    weight_files.write(module, path)
    engine = building.load(ModelSpec("m", name, path, ("crack",), activation="sigmoid"), CPU)
    with torch.inference_mode():
        logits = module(picture)["out"]
        resized = functional.interpolate(logits, size=PHOTO.shape[:2], mode="bilinear", align_corners=False)[0, 0]
    confidence = None if share is None else resized.sigmoid().quantile(share).item()
    cut = 0.5 if confidence is None else confidence
    expected = resized.sigmoid().numpy() > cut
    found = engine.predict([ImageQuery(PHOTO, Options(confidence=confidence))])[0]
    assert 0.02 < expected.mean() < 0.98 and ((found.class_ids == 1) != expected).sum() <= 1e-5 * expected.size
    probabilities = logits[0, 0].sigmoid().numpy()
    np.testing.assert_allclose(found.confidences[1], probabilities[probabilities > cut].mean(), atol=5e-4)


def test_classifier_equals_the_plain_forward() -> None:
    module, engine = make("mobilenet_v3_small", 1000)
    transform = torchvision.models.MobileNet_V3_Small_Weights.DEFAULT.transforms()
    with torch.inference_mode():
        logits = module(transform(torch.from_numpy(PHOTO).permute(2, 0, 1))[None])[0]
    scores, classes = logits.softmax(0).topk(5)
    found = engine.predict([ImageQuery(PHOTO)])[0]
    np.testing.assert_allclose(found.scores, scores, atol=1e-4)
    assert len(found.labels) == 5 and set(found.classes.tolist()) & set(classes.tolist())


LONG = np.tile(PHOTO[:40], (1, 54, 1))  # 40×32400, the longest that is seen whole


@pytest.mark.parametrize(
    ("architecture", "upright"), [("maskrcnn_resnet50_fpn", False), ("keypointrcnn_resnet50_fpn", True)]
)
def test_what_is_twice_as_long_has_the_same_instances_at_twice_the_places(architecture: str, upright: bool) -> None:
    classes = 91 if architecture.startswith("mask") else 2
    _, engine = make(architecture, classes, **SMALL)
    pixels, axis = (LONG.transpose(1, 0, 2), 0) if upright else (LONG, 1)
    options = Options(confidence=0.0, max_detections=9)
    found, longer = (engine.predict([ImageQuery(p, options)])[0] for p in (pixels, pixels.repeat(2, axis)))
    assert isinstance(found, Instances) and isinstance(longer, Instances) and len(found) > 0
    scale = np.array([1, 2, 1, 2] if upright else [2, 1, 2, 1])
    assert longer.image_size == ((64800, 40) if upright else (40, 64800))
    np.testing.assert_allclose(longer.boxes, found.boxes * scale, rtol=1e-5)
    if found.keypoints is not None:
        np.testing.assert_allclose(longer.keypoints, found.keypoints * [*scale[:2], 1], rtol=1e-5)
    if isinstance(found.masks, RoiMasks):
        assert isinstance(longer.masks, RoiMasks) and longer.masks.image_size == longer.image_size
        np.testing.assert_allclose(longer.masks.boxes, found.masks.boxes * scale, rtol=1e-5)


def test_what_is_twice_as_long_has_the_same_label_map_twice_as_long() -> None:
    _, engine = make("lraspp_mobilenet_v3_large", 21)
    found, longer = (engine.predict([ImageQuery(p)])[0] for p in (LONG, LONG.repeat(2, 1)))
    assert isinstance(found, SemanticMap) and isinstance(longer, SemanticMap)
    assert longer.class_ids.shape == (40, 64800) and np.array_equal(longer.class_ids, found.class_ids.repeat(2, 1))
