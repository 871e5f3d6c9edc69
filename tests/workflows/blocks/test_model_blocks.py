"""Blocks that ask models: every field as a literal and at run time, and what each changes."""

import base64
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from container.errors import BadRequest, NotOffered
from container.service import RequestContext
from container.structures import (
    Classification,
    ImageQuery,
    Instances,
    ModelSpec,
    Options,
    RoiMasks,
    SemanticMap,
)
from container.structures.result import WinningProbabilities
from container.workflows import kinds
from container.workflows.errors import StepFailed
from container.workflows.graph import compile_workflow
from container.workflows.manifest import blocks
from container.workflows.run import run_workflow
from container.workflows.values import Classified, Detections, Frame
from tests.conftest import encode
from tests.fakes import LABELS, FakeEngine, ready_services, tried
from tests.workflows.blocks.running import picture, run

SEGMENTATION = "roboflow_core/roboflow_instance_segmentation_model@v"
DETECTION = "roboflow_core/roboflow_object_detection_model@v"
KEYPOINTS = "roboflow_core/roboflow_keypoint_detection_model@v"
CLASSIFICATION = "roboflow_core/roboflow_classification_model@v"
SEMANTIC = "roboflow_core/roboflow_semantic_segmentation_model@v"
SAM2 = "roboflow_core/segment_anything@v1"
ASKED = {"images": picture(), "model_id": "fake/1"}
ACTIVE_LEARNING = ("disable_active_learning", "active_learning_target_dataset")
BOXES = ("class_filter", "iou_threshold", "max_detections", "class_agnostic_nms", "max_candidates")
MASKS = ("mask_decode_mode", "tradeoff_factor")
OLD, NEW = ("confidence",), ("confidence_mode", "custom_confidence")
DENSE = ("enforce_dense_masks_in_inference_models",)


class Whole(FakeEngine):
    """Answers what it is given."""

    def __init__(self, answer: Any, task: str, labels: tuple[str, ...] = LABELS) -> None:
        super().__init__(ModelSpec("fake", "fake_net", "NONE", labels))
        self.answer = answer
        self.task = task

    def _instances(self, pixels: np.ndarray, options: Any) -> Any:
        self.asked_for.append(options)
        return self.answer


@pytest.mark.parametrize(
    ("name", "aliases", "fields", "outputs"),
    [
        (
            SEGMENTATION + "1",
            ("RoboflowInstanceSegmentationModel", "InstanceSegmentationModel"),
            (*OLD, *BOXES, *MASKS, *ACTIVE_LEARNING, *DENSE),
            "inference_id predictions",
        ),
        (SEGMENTATION + "2", (), (*OLD, *BOXES, *MASKS, *ACTIVE_LEARNING, *DENSE), "inference_id predictions model_id"),
        (SEGMENTATION + "3", (), (*NEW, *BOXES, *MASKS, *ACTIVE_LEARNING, *DENSE), "inference_id predictions model_id"),
        (SEGMENTATION + "4", (), (*NEW, *BOXES, *MASKS, *ACTIVE_LEARNING), "inference_id predictions model_id"),
        (
            DETECTION + "1",
            ("RoboflowObjectDetectionModel", "ObjectDetectionModel"),
            (*OLD, *BOXES, *ACTIVE_LEARNING),
            "inference_id predictions",
        ),
        (DETECTION + "2", (), (*OLD, *BOXES, *ACTIVE_LEARNING), "inference_id predictions model_id"),
        (DETECTION + "3", (), (*NEW, *BOXES, *ACTIVE_LEARNING), "inference_id predictions model_id"),
        (
            KEYPOINTS + "1",
            ("RoboflowKeypointDetectionModel", "KeypointsDetectionModel"),
            (*OLD, "keypoint_confidence", *BOXES, *ACTIVE_LEARNING),
            "inference_id predictions",
        ),
        (
            KEYPOINTS + "2",
            (),
            (*OLD, "keypoint_confidence", *BOXES, *ACTIVE_LEARNING),
            "inference_id predictions model_id",
        ),
        (
            KEYPOINTS + "3",
            (),
            (*NEW, "keypoint_confidence", *BOXES, *ACTIVE_LEARNING),
            "inference_id predictions model_id",
        ),
        (
            CLASSIFICATION + "1",
            ("RoboflowClassificationModel", "ClassificationModel"),
            (*OLD, *ACTIVE_LEARNING),
            "inference_id predictions",
        ),
        (CLASSIFICATION + "2", (), (*OLD, *ACTIVE_LEARNING), "inference_id predictions model_id"),
        (CLASSIFICATION + "3", (), (*NEW, *ACTIVE_LEARNING), "inference_id predictions model_id"),
        (SEMANTIC + "1", (), (), "inference_id predictions model_id"),
        (SEMANTIC + "2", (), NEW, "inference_id predictions model_id"),
    ],
)
def test_the_fields_of_each_version(name: str, aliases: tuple[str, ...], fields: tuple[str, ...], outputs: str) -> None:
    block = blocks[name]
    assert block.ids == (name, *aliases)
    assert all(blocks[alias] is block for alias in aliases)
    assert [one.name for one in block.fields] == ["images", "model_id", *fields]
    assert block.fields[0].aliases == ("image",)
    assert all(one.kinds for one in block.fields)
    assert " ".join(one.name for one in block.outputs) == outputs


def test_defaults() -> None:
    """Those of the published engine."""
    defaults = {one.name: one.default for version in "134" for one in blocks[SEGMENTATION + version].fields[2:]}
    assert defaults == {
        "confidence": 0.4,
        "confidence_mode": "best",
        "custom_confidence": 0.4,
        "iou_threshold": 0.3,
        "max_detections": 300,
        "max_candidates": 3000,
        "class_agnostic_nms": False,
        "class_filter": None,
        "mask_decode_mode": "accurate",
        "tradeoff_factor": 0.0,
        "disable_active_learning": True,
        "active_learning_target_dataset": None,
        "enforce_dense_masks_in_inference_models": True,
    }
    for name, default in ((KEYPOINTS + "3", "default"), (CLASSIFICATION + "3", "default"), (SEMANTIC + "2", "best")):
        assert {one.name: one.default for one in blocks[name].fields}["confidence_mode"] == default


@pytest.mark.parametrize("version", "1234")
def test_what_a_segmentation_gives(version: str) -> None:
    first, second = run(SEGMENTATION + version, ASKED, ASKED | {"images": picture(60, 20, "image.[1]")},
                        services=ready_services(FakeEngine()))  # fmt: skip
    assert list(first) == [one.name for one in blocks[SEGMENTATION + version].outputs]
    predictions = first["predictions"]
    assert isinstance(predictions, Detections)
    assert (predictions.instances.labels, predictions.rle) == (("horse", "person"), version == "4")
    assert first["inference_id"] == predictions.inference_id != second["inference_id"]
    assert second["predictions"].frame == Frame("image.[1]", (20, 60))
    assert first.get("model_id", "fake/1") == "fake/1"
    kind = blocks[SEGMENTATION + version].outputs[1].kinds
    assert kind == ((kinds.RLE_MASKS, kinds.MASKS) if version == "4" else (kinds.MASKS,))


OPTIONS = {
    "iou_threshold": 0.7,
    "class_agnostic_nms": True,
    "max_detections": 9,
    "max_candidates": 99,
    "mask_decode_mode": "tradeoff",
    "tradeoff_factor": 0.25,
}


@pytest.mark.parametrize(("name", "given"), OPTIONS.items())
@pytest.mark.parametrize("block", [SEGMENTATION + "1", SEGMENTATION + "4", DETECTION + "1", DETECTION + "3"])
def test_options_reach_the_model(block: str, name: str, given: Any) -> None:
    if block.startswith(DETECTION) and name in MASKS:
        return
    engine = FakeEngine()
    run(block, ASKED, ASKED | {name: given}, services=ready_services(engine))
    usual, asked = engine.asked_for
    assert asked == replace(usual, **{name: given}) != usual


@pytest.mark.parametrize(
    ("version", "given", "labels"),
    [
        ("1", {}, ["horse", "person"]),
        ("1", {"confidence": 0.6}, ["horse"]),
        ("2", {"confidence": 1}, []),
        ("1", {"class_filter": ("person",)}, ["person"]),
        ("1", {"class_filter": ["unicorn", "horse"]}, ["horse"]),
        ("1", {"class_filter": ["unicorn"]}, []),
        ("1", {"class_filter": []}, ["horse", "person"]),
        ("3", {}, ["horse"]),
        ("3", {"confidence_mode": "best"}, ["horse"]),
        ("3", {"confidence_mode": "default", "custom_confidence": 1.0}, ["horse", "person"]),
        ("3", {"confidence_mode": "custom"}, ["horse", "person"]),
        ("4", {"confidence_mode": "custom", "custom_confidence": 0.6}, ["horse"]),
        ("4", {"confidence_mode": "custom", "custom_confidence": np.float64(1.0)}, []),
        ("4", {"confidence_mode": "best", "custom_confidence": None}, ["horse"]),
        ("1", dict.fromkeys(("disable_active_learning", *DENSE), False), ["horse", "person"]),
        ("1", {"active_learning_target_dataset": "mine"}, ["horse", "person"]),
    ],
)
@pytest.mark.parametrize("block", [SEGMENTATION, DETECTION])
def test_what_is_selected(block: str, version: str, given: dict[str, Any], labels: list[str]) -> None:
    """The model's own confidence is 0.9."""
    if block == DETECTION and (version == "4" or DENSE[0] in given):
        return
    spec = ModelSpec("fake", "fake_net", "NONE", LABELS, options=Options(confidence=0.9))
    (one,) = run(block + version, ASKED | given, services=ready_services(FakeEngine(spec)))
    assert [*one["predictions"].instances.labels] == labels


def test_boxes_alone() -> None:
    """The mask head of a model for masks need not run."""

    class Listening(FakeEngine):
        def predict(self, queries: Sequence[ImageQuery]) -> Sequence[Any]:
            asked.extend(query.masks for query in queries)
            return super().predict(queries)

    asked: list[bool] = []
    (one,) = run(DETECTION + "3", ASKED, services=ready_services(Listening()))
    assert one["predictions"].instances.masks is None
    assert asked == [False]


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"confidence": 2}, StepFailed, "confidence is 2; it takes a number from 0 to 1"),
        ({"max_detections": "many"}, StepFailed, "max_detections is 'many'"),
        ({"class_filter": [3]}, StepFailed, "class_filter is"),
        ({"model_id": None}, StepFailed, "model_id is None"),
        ({"images": "photo"}, StepFailed, "images is a text; it takes a picture"),
        ({"max_detections": picture()}, StepFailed, "max_detections is"),
    ],
)
def test_what_steps_may_have_given(given: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error) as caught:
        run(SEGMENTATION + "1", ASKED | given, services=ready_services(FakeEngine()))
    assert words in str(caught.value)


def test_a_custom_confidence_is_given() -> None:
    with pytest.raises(BadRequest, match="custom_confidence is null"):
        run(SEGMENTATION + "3", ASKED | {"confidence_mode": "custom", "custom_confidence": None})


def test_keypoints() -> None:
    points = np.array([[[1, 2, 0.9], [3, 1, 0.2]]], np.float32)
    size, box = (30, 40), np.array([[0, 0, 6, 4]], np.float32)
    found = Instances(size, box, np.array([0.8], np.float32), np.array([1]), ("person",), None, points)
    services = ready_services(Whole(found, "keypoint detection"))
    some, every = run(KEYPOINTS + "1", ASKED | {"keypoint_confidence": 0.5}, ASKED, services=services)
    assert np.isnan(some["predictions"].instances.keypoints).any(axis=2).tolist() == [[False, True]]
    assert every["predictions"].instances.keypoints.tolist() == points.tolist()
    assert every["predictions"].instances.labels == ("person",)


@pytest.mark.parametrize(
    ("version", "given", "labels"),
    [
        ("1", {}, ["c"]),
        ("2", {"confidence": 0.2}, ["c", "a"]),
        ("2", {"confidence": 0.7}, []),
        ("3", {"confidence_mode": "custom", "custom_confidence": 0.0}, ["c", "a", "b"]),
        ("3", {}, ["c"]),
    ],
)
def test_classes(version: str, given: dict[str, Any], labels: list[str]) -> None:
    scores = np.array([0.6, 0.3, 0.1], np.float32)
    found = Classification((30, 40), scores, np.array([2, 0, 1]), ("c", "a", "b"))
    engine = Whole(found, "classification", ("a", "b", "c"))
    crop = picture(80, 80).crop("one", 5, 6, 45, 36)
    (one,) = run(CLASSIFICATION + version, ASKED | given | {"images": crop}, services=ready_services(engine))
    predictions = one["predictions"]
    assert isinstance(predictions, Classified)
    best = labels[0] if labels else ""
    assert ([*predictions.labels], len(predictions), predictions.top) == (labels, len(labels), best)
    rows = {"c": (2, 0.6), "a": (0, 0.3), "b": (1, 0.1)}
    own, document = (predictions.document(own) for own in (True, False))
    assert own == document
    assert 0 <= document.pop("time") < 20
    assert document == {
        "inference_id": one["inference_id"],
        "image": {"width": 40, "height": 30},
        "predictions": [{"class": name, "class_id": rows[name][0], "confidence": rows[name][1]} for name in labels],
        "top": best,
        "confidence": 0.6 if labels else 0.0,
        "prediction_type": "classification",
        "parent_id": "one",
        "root_parent_id": "image",
    }


@pytest.mark.parametrize(
    ("version", "given", "expected"),
    [
        ("1", {}, [("dog", 2, 230 / 255, [1, 0, 2, 1]), ("cat", 1, 0.8, [0, 1, 2, 2])]),
        ("2", {"confidence_mode": "custom", "custom_confidence": 0.0},
         [("cat", 1, 0.8, [0, 1, 2, 2]), ("dog", 2, (230 + 51) / 2 / 255, [1, 0, 3, 1])]),
        ("2", {"confidence_mode": "custom", "custom_confidence": 0.95}, [("cat", 1, 1.0, [1, 1, 2, 2])]),
    ],
)  # fmt: skip
def test_regions(version: str, given: dict[str, Any], expected: list[Any]) -> None:
    """Pixels of a confidence under the least are background; COCO's gaps are not counted."""
    class_ids = np.array([[0, 3, 3], [1, 1, 0]], np.uint8)
    sure = np.array([[255, 230, 51], [153, 255, 255]], np.uint8)
    winners = WinningProbabilities(sure, (2, 3), (1, 1), (2, 3))
    found = SemanticMap(class_ids, {1: 0.8, 3: 0.5}, ("__background__", "cat", "N/A", "dog"), winners)
    services = ready_services(Whole(found, "semantic segmentation", found.labels))
    (one,) = run(SEMANTIC + version, ASKED | given | {"images": picture(3, 2)}, services=services)
    instances = one["predictions"].instances
    assert one["predictions"].rle
    rows = zip(
        instances.labels, instances.classes.tolist(), instances.scores.tolist(), instances.boxes.tolist(), strict=True
    )
    assert [(label, one, pytest.approx(score), box) for label, one, score, box in rows] == expected


class TestSegmentAnything:
    """The fake model answers a box by itself, less a pixel or two, with 0.9, and a point in the middle without one."""

    shown = picture(64, 64)

    def boxes(self, *boxes: tuple[float, float, float, float]) -> Detections:
        count = len(boxes)
        instances = Instances(
            (64, 64),
            np.array(boxes, np.float32).reshape(-1, 4),
            np.full(count, 0.5, np.float32),
            np.arange(count),
            tuple("abc"[:count]),
        )
        return Detections(instances, self.shown.frame, tuple("xyz"[:count]))

    def test_boxes_keep_their_classes(self) -> None:
        services = ready_services(tried(task="sam2"))
        given = self.boxes((0, 0, 32, 32), (16, 16, 64, 64))
        (one,) = self.run(services, {"boxes": given})
        instances = one["predictions"].instances
        assert instances.labels == ("a", "b") and instances.classes.tolist() == [0, 1]
        assert instances.boxes.tolist() == [[0, 0, 32, 32], [16, 16, 64, 64]]
        assert instances.masks.bitmap(0).sum() == 32 * 32
        assert instances.scores.tolist() == pytest.approx([0.9, 0.9])
        assert not set(one["predictions"].ids) & {"x", "y"}

    @staticmethod
    def run(services: Any, *rows: dict[str, Any]) -> list[Any]:
        return run(SAM2, *({"images": TestSegmentAnything.shown, "version": "fake", **one} for one in rows),
                   services=services)  # fmt: skip

    def test_without_boxes(self) -> None:
        (one,) = self.run(ready_services(tried(task="sam2")), {"boxes": None})
        assert one["predictions"].instances.labels == ("foreground",)
        assert one["predictions"].instances.boxes.tolist() == [[22, 22, 42, 42]]

    @pytest.mark.parametrize(("threshold", "count"), [(0.0, 1), (0.89, 1), (0.95, 0)])
    def test_a_threshold(self, threshold: float, count: int) -> None:
        (one,) = self.run(ready_services(tried(task="sam2")), {"threshold": threshold})
        assert len(one["predictions"]) == count

    @pytest.mark.parametrize("multimask", [True, False, None])
    def test_how_many_masks_are_made(self, multimask: bool | None) -> None:
        sam = tried(task="sam2")
        self.run(ready_services(sam), {"multimask_output": multimask, "boxes": self.boxes((0, 0, 32, 32))})
        assert sam.asked_for[-1][1] is bool(multimask)

    def test_where_nothing_was_found_nothing_is_asked(self) -> None:
        sam = tried(task="sam2")
        none, some = self.run(ready_services(sam), {"boxes": self.boxes()}, {"boxes": self.boxes((0, 0, 9, 9))})
        assert (len(none["predictions"]), len(some["predictions"]), len(sam.asked_for)) == (0, 1, 1)
        assert none["predictions"].instances.masks is not None

    def test_a_box_outside_of_the_picture(self) -> None:
        (one,) = self.run(ready_services(tried(task="sam2")), {"boxes": self.boxes((90, 90, 99, 99), (0, 0, 9, 9))})
        assert one["predictions"].instances.labels == ("b",)

    def test_no_weights(self) -> None:
        with pytest.raises(NotOffered, match="no weights for version 'hiera_large'; there are: fake"):
            self.run(ready_services(tried(task="sam2")), {"version": "hiera_large"})

    @pytest.mark.parametrize(
        ("given", "words"), [({"boxes": "many"}, "boxes is a text"), ({"threshold": "high"}, "threshold is")]
    )
    def test_wrong_values(self, given: dict[str, Any], words: str) -> None:
        with pytest.raises(StepFailed, match=words):
            self.run(ready_services(tried(task="sam2")), given)


def test_masks_are_those_of_the_model() -> None:
    (one,) = run(SEGMENTATION + "1", ASKED, services=ready_services(FakeEngine()))
    masks = one["predictions"].instances.masks
    assert isinstance(masks, RoiMasks)
    assert [masks.bitmap(i).sum() for i in range(2)] == [570, 600]


@pytest.mark.parametrize("version", "1234")
@pytest.mark.parametrize("at_run_time", [False, True], ids=["literal", "at run time"])
def test_every_field_is_a_literal_or_an_input(version: str, at_run_time: bool) -> None:
    """The model gets the same; so the answer is the same."""
    given = {**OPTIONS, "model_id": "served", "class_filter": ["person"], "disable_active_learning": False,
             "active_learning_target_dataset": "mine"}  # fmt: skip
    if version in "12":
        given |= {"confidence": 0.45}
    else:
        given |= {"confidence_mode": "custom", "custom_confidence": 0.45}
    if version != "4":
        given |= {DENSE[0]: False}
    assert {*given, "images"} == {one.name for one in blocks[SEGMENTATION + version].fields}
    plan = compile_workflow(
        {
            "version": "1.0",
            "inputs": [
                {"type": "InferenceImage", "name": "photo"},
                *({"type": "InferenceParameter", "name": name} for name in given),
            ],
            "steps": [
                {
                    "type": SEGMENTATION + version,
                    "name": "seg",
                    "image": "$inputs.photo",
                    **({name: f"$inputs.{name}" for name in given} if at_run_time else given),
                }
            ],
            "outputs": [{"type": "JsonField", "name": "found", "selector": "$steps.seg.predictions"}],
        }
    )
    engine = FakeEngine()
    services = ready_services(engine)
    photo = base64.b64encode(encode(picture().pixels)).decode()
    outcome = run_workflow(plan, {"photo": [photo] * 2, **given}, services, RequestContext(20.0))
    assert set(engine.asked_for) == {Options(0.45, class_filter=("person",), **OPTIONS)}
    for number, body in enumerate(map(json.loads, outcome.bodies)):
        (person,) = body["found"]["predictions"]
        assert (person["class"], person["class_id"], person["parent_id"]) == ("person", 0, f"photo.[{number}]")
        assert ("rle_mask" in person, "points" in person) == (version == "4", version != "4")
