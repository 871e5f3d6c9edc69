"""Many boxes go through mask and keypoint heads in pieces: the same answers, less memory, and an end in between."""

from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch

from container.cancellation import cancelled_by
from container.engines import building, runtime, weight_files
from container.engines.base import ImageEngine, architectures
from container.engines.kinds import torchvision_detection
from container.engines.kinds.torchvision_detection import _pieces
from container.errors import DeadlineExceeded
from container.structures import ImageQuery, Instances, ModelSpec, Options, RoiMasks
from tests.fakes import EndsAt

PHOTOS = [skimage.data.astronaut()[::2, ::2], skimage.data.coffee()[::2, ::2], np.zeros((40, 60, 3), np.uint8)]
MASKS, POINTS, BOXES = "maskrcnn_mobilenet_v2_fpn", "keypointrcnn_resnet50_fpn", "fasterrcnn_mobilenet_v3_large_320_fpn"
SMALL = {"min_size": 96, "max_size": 128}


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ImageEngine]:
    """Networks of random weights."""
    folder, made = tmp_path_factory.mktemp("weights"), {}
    for name in (MASKS, POINTS, BOXES):
        torch.manual_seed(0)
        weight_files.write(architectures[name].build(num_classes=3), folder / f"{name}.safetensors")
        spec = ModelSpec("m", name, folder / f"{name}.safetensors", ("__background__", "cat", "dog"), SMALL)
        made[name] = building.load(spec, runtime.start("cpu", "fp32", 2))
    return made


@pytest.mark.parametrize(
    ("counts", "pieces"),
    [
        ([0], [[(0, 0)]]),
        ([4], [[(0, 4)]]),
        ([5], [[(0, 4)], [(4, 5)]]),
        ([0, 0], [[(0, 0), (0, 0)]]),
        ([3, 0, 3], [[(0, 3), (0, 0), (0, 1)], [(3, 3), (0, 0), (1, 3)]]),
        ([1, 9], [[(0, 1), (0, 3)], [(1, 1), (3, 7)], [(1, 1), (7, 9)]]),
    ],
)
def test_slices_of_at_most_four_boxes(
    counts: list[int], pieces: list[list[tuple[int, int]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torchvision_detection, "PIECE", 4)
    found = [[part.indices(count)[:2] for part, count in zip(piece, counts, strict=True)] for piece in _pieces(counts)]
    assert found == pieces


@pytest.mark.parametrize("backend", ["torch", "openvino"])
@pytest.mark.parametrize(("name", "skip"), [(MASKS, False), (MASKS, True), (POINTS, False)])
def test_pieces_together_are_the_whole(
    name: str, skip: bool, backend: str, engines: dict[str, ImageEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    if backend == "torch":
        spec = engines[name].spec
        engine = building.load(spec, runtime.Runtime(torch.device("cpu"), torch.float32))
    else:
        engine = engines[name]
    options = [Options(confidence=0.0, max_detections=count) for count in (17, 5, 1)]
    queries = [ImageQuery(*one, not skip) for one in zip(PHOTOS, options, strict=True)]
    whole = engine.predict(queries)
    monkeypatch.setattr(torchvision_detection, "PIECE", 4)
    for one, other in zip(engine.predict(queries), whole, strict=True):
        assert isinstance(one, Instances) and isinstance(other, Instances) and len(one) == len(other) > 0
        np.testing.assert_array_equal(one.boxes, other.boxes)
        if isinstance(other.masks, RoiMasks):
            assert isinstance(one.masks, RoiMasks)
            np.testing.assert_allclose(one.masks.probabilities, other.masks.probabilities, atol=1e-5)
        if other.keypoints is not None:
            np.testing.assert_allclose(one.keypoints, other.keypoints, atol=1e-3)


def test_no_more_than_a_hundred_boxes_are_in_a_head(tmp_path: Path, engines: dict[str, ImageEngine]) -> None:
    spec = engines[MASKS].spec
    engine = building.load(spec, runtime.Runtime(torch.device("cpu"), torch.float32))
    rows: list[int] = []
    engine._module.roi_heads.mask_head.register_forward_pre_hook(lambda _, inputs: rows.append(len(inputs[0])))
    (found,) = engine.predict([ImageQuery(PHOTOS[0], Options(confidence=0.0, iou_threshold=1.0, max_detections=250))])
    assert isinstance(found, Instances) and len(found) == 250 and rows == [100, 100, 50]


@pytest.mark.parametrize("name", [MASKS, POINTS])
def test_a_prediction_ends_between_two_pieces(
    name: str, engines: dict[str, ImageEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torchvision_detection, "PIECE", 4)
    late = EndsAt(3, DeadlineExceeded("late"))
    with pytest.raises(DeadlineExceeded), cancelled_by(late):
        engines[name].predict([ImageQuery(PHOTOS[0], Options(confidence=0.0, max_detections=17))])
    assert late.asked == 3
    (found,) = engines[name].predict([ImageQuery(PHOTOS[0], Options(confidence=0.0, max_detections=17))])
    assert len(found) == 17


def test_keypoints_end_between_a_few_boxes(engines: dict[str, ImageEngine]) -> None:
    """A piece of 100 boxes as large as the picture took half a minute, and the worker was taken for broken."""
    late = EndsAt(4, DeadlineExceeded("late"))
    with pytest.raises(DeadlineExceeded), cancelled_by(late):
        engines[POINTS].predict([ImageQuery(PHOTOS[0], Options(confidence=0.0, max_detections=17))])
    assert late.asked == 4  # one of them before the head


@pytest.mark.parametrize(
    ("name", "masks", "expected"),
    [(MASKS, True, 100), (MASKS, False, None), (POINTS, False, 100), (BOXES, True, None)],
)
def test_how_many_instances_a_head_sees_by_default(
    name: str, masks: bool, expected: int | None, engines: dict[str, ImageEngine]
) -> None:
    assert engines[name].default_instances(masks) == expected


def test_the_heads_say_what_a_detector_is_for(engines: dict[str, ImageEngine]) -> None:
    assert [engines[name].task for name in (MASKS, POINTS, BOXES)] == [
        "instance segmentation",
        "keypoint detection",
        "object detection",
    ]
