"""What the classes of a weights file are called, and files whose one output says nothing."""

import logging
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from container.engines import building, weight_files
from container.engines.base import architectures
from container.engines.runtime import Runtime
from container.errors import ModelError
from container.models import loading
from container.structures import ImageQuery, ModelSpec

DETECTOR = "fasterrcnn_mobilenet_v3_large_320_fpn"
SEMANTIC = "lraspp_mobilenet_v3_large"
CLASSIFIER = "mobilenet_v3_small"
CPU = Runtime(torch.device("cpu"), torch.float32)
NEUTRAL = ("__background__", "class_1", "class_2")


def weights_file(folder: Path, architecture: str, classes: int) -> Path:
    torch.manual_seed(0)
    weight_files.write(architectures[architecture].build(num_classes=classes), folder / "w.safetensors")
    return folder / "w.safetensors"


@pytest.mark.parametrize(
    ("architecture", "classes", "first", "named"),
    [
        (DETECTOR, 91, ("__background__", "person", "bicycle"), True),
        (DETECTOR, 2, NEUTRAL[:2], False),
        (DETECTOR, 3, NEUTRAL, False),
        (DETECTOR, 21, NEUTRAL, False),
        ("ssdlite320_mobilenet_v3_large", 3, NEUTRAL, False),
        ("maskrcnn_mobilenet_v2_fpn", 91, NEUTRAL, False),
        ("semantic_fpn_mobilenet_v2", 21, NEUTRAL, False),
        (SEMANTIC, 21, ("__background__", "aeroplane", "bicycle"), True),
        (SEMANTIC, 3, NEUTRAL, False),
        (SEMANTIC, 91, NEUTRAL, False),
        (CLASSIFIER, 1000, ("tench", "goldfish", "great white shark"), True),
        (CLASSIFIER, 3, ("class_0", "class_1", "class_2"), False),
        ("retinanet_resnet50_fpn", 2, ("class_0", "class_1"), False),
    ],
)
def test_without_labels(architecture: str, classes: int, first: tuple[str, ...], named: bool, tmp_path: Path) -> None:
    built = building.build(ModelSpec("m", architecture, weights_file(tmp_path, architecture, classes)))
    assert (len(built.spec.labels), built.spec.labels[:3], built.named) == (classes, first, named)


@pytest.mark.parametrize(
    ("architecture", "labels"),
    [
        ("keypointrcnn_resnet50_fpn", [("no person", "person")]),
        ("vgg16", [weight_files.published_labels("resnet18")[0]]),  # beside them one file without a classifier
    ],
)
def test_labels_of_published_weights(architecture: str, labels: list[tuple[str, ...]]) -> None:
    assert weight_files.published_labels(architecture) == labels


COCO = weight_files.published_labels("fasterrcnn_resnet50_fpn")[0]


@pytest.mark.parametrize(
    ("architecture", "labels", "names", "indices"),
    [
        (DETECTOR, ("background", "cat", "dog"), ("cat", "dog"), {1: 0, 2: 1}),
        (DETECTOR, ("no person", "person"), ("person",), {1: 0}),
        ("ssdlite320_mobilenet_v3_large", NEUTRAL, NEUTRAL[1:], {1: 0, 2: 1}),
        (SEMANTIC, ("ground", "road", "N/A", "tree"), ("road", "tree"), {1: 0, 3: 1}),
        ("retinanet_resnet50_fpn", ("class_0", "class_1"), ("class_0", "class_1"), {0: 0, 1: 1}),
        ("retinanet_resnet50_fpn", NEUTRAL, NEUTRAL[1:], {1: 0, 2: 1}),
        ("fcos_resnet50_fpn", ("cat", "N/A", "dog"), ("cat", "dog"), {0: 0, 2: 1}),
        (CLASSIFIER, ("N/A", "cat"), ("N/A", "cat"), {0: 0, 1: 1}),
    ],
)
def test_the_names_that_can_be_found(
    architecture: str, labels: tuple[str, ...], names: tuple[str, ...], indices: dict[int, int]
) -> None:
    network = building.find(architecture)
    spec = ModelSpec("m", architecture, "DEFAULT", labels)
    engine = network.engine(spec, network.build(num_classes=len(labels)), CPU)
    assert (engine.names, engine.indices) == (names, indices)


@pytest.mark.parametrize("architecture", [DETECTOR, "retinanet_resnet50_fpn"])
def test_cocos_names_are_eighty_without_its_gaps(architecture: str) -> None:
    network = building.find(architecture)
    module = network.build(num_classes=91)
    engine = network.engine(ModelSpec("m", architecture, "DEFAULT", COCO), module, CPU)
    assert (len(engine.names), engine.names[0], engine.names[79]) == (80, "person", "toothbrush")
    assert (engine.indices[1], engine.indices[13], engine.indices[90]) == (0, 11, 79)
    assert 0 not in engine.indices and 12 not in engine.indices


@pytest.mark.parametrize("labels", [(), ("crack",), ("background", "crack"), ("cat", "dog", "bird")])
@pytest.mark.parametrize(
    ("architecture", "reason"),
    [
        (SEMANTIC, "with one output has the background alone, and finds nothing"),
        (DETECTOR, "with one output has the background alone, and finds nothing"),
        (CLASSIFIER, "with one output calls every picture the same"),
    ],
)
def test_one_output_is_refused(architecture: str, reason: str, labels: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=reason):
        building.build(ModelSpec("m", architecture, weights_file(tmp_path, architecture, 1), labels))


@pytest.mark.parametrize(
    ("labels", "named"),
    [((), ("class_1", False)), (("crack",), ("crack", True)), (("background", "crack"), ("crack", True))],
)
def test_one_output_that_is_called_a_sigmoid(labels: tuple[str, ...], named: tuple[str, bool], tmp_path: Path) -> None:
    spec = ModelSpec("m", SEMANTIC, weights_file(tmp_path, SEMANTIC, 1), labels, activation="sigmoid")
    built = building.build(spec)
    assert built.spec.labels == ("__background__", named[0]) and built.named == named[1]


@pytest.mark.parametrize(
    ("architecture", "classes", "labels", "reason"),
    [
        (DETECTOR, 1, ("crack",), "activation sigmoid is for semantic models with one output"),
        (CLASSIFIER, 1, ("crack",), "activation sigmoid is for semantic models with one output"),
        (SEMANTIC, 1, ("crack", "rust"), "which stands for one class"),
        (SEMANTIC, 2, ("crack",), "is 2×40×1×1 in the file and 1×40×1×1 in the model"),
    ],
)
def test_what_is_no_sigmoid_is_said(
    architecture: str, classes: int, labels: tuple[str, ...], reason: str, tmp_path: Path
) -> None:
    path = weights_file(tmp_path, architecture, classes)
    with pytest.raises(ModelError, match=reason):
        building.build(ModelSpec("m", architecture, path, labels, activation="sigmoid"))


def test_one_sigmoid_is_a_class(tmp_path: Path) -> None:
    name = "retinanet_resnet50_fpn"
    built = building.build(ModelSpec("m", name, weights_file(tmp_path, name, 1), ("cat",)))
    assert built.spec.labels == ("cat",)


@pytest.mark.parametrize(("architecture", "classes"), [(DETECTOR, 2), (SEMANTIC, 3), (CLASSIFIER, 4)])
def test_pack_asks_for_labels(architecture: str, classes: int, tmp_path: Path) -> None:
    spec = ModelSpec("m", architecture, weights_file(tmp_path, architecture, classes))
    with pytest.raises(ModelError, match=f"have {classes} classes, .* names are needed: --labels"):
        loading.pack(spec, tmp_path / "model.tar.gz")
    assert not (tmp_path / "model.tar.gz").exists()


def test_serving_names_them_by_number_and_says_so_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spec = ModelSpec("m", CLASSIFIER, weights_file(tmp_path, CLASSIFIER, 2))
    with caplog.at_level(logging.WARNING):
        model = loading.load(spec, loading.Placement(device="cpu"))
        for _ in range(2):
            answer = model.dispatcher.predict([ImageQuery(np.zeros((64, 64, 3), np.uint8))], time.monotonic() + 30)[0]
    model.dispatcher.close()
    assert set(answer.output.instances().labels) == {"class_0", "class_1"}
    (said,) = caplog.records
    assert said.getMessage() == (
        "nothing says what the 2 classes of model m are called: "
        "answers name them class_0, class_1 until labels are given"
    )


def test_anchors_of_another_number_are_not_taken_for_classes(tmp_path: Path) -> None:
    module = architectures[DETECTOR].build(num_classes=91)
    state = {
        name: torch.cat([tensor] * 3) if name.startswith("rpn.head.") and "conv" not in name else tensor
        for name, tensor in module.state_dict().items()
    }
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(ModelError, match=r"rpn.head.cls_logits.weight is 45×256×1×1 in the file and 15×256×1×1"):
        building.build(ModelSpec("m", DETECTOR, tmp_path / "w.pth"))
