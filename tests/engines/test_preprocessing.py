"""What a network sees of an image, and that answers are in the whole of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import skimage.data
import torch
from pycocotools import mask as coco

from container.engines import building, weight_files
from container.engines.base import Engine, ImageEngine, architectures
from container.engines.preprocessing import CONTRASTS, Preprocessed, applied
from container.engines.runtime import Runtime
from container.errors import ModelError
from container.ops import contrast
from container.structures import (
    Classification,
    ImageQuery,
    Instances,
    ModelSpec,
    Options,
    Prediction,
    Preprocessing,
    PreprocessingStep,
    SemanticMap,
)
from tests.fakes import SPEC, FakeEngine

PHOTO = skimage.data.astronaut()[::2, ::2]
HEIGHT, WIDTH = PHOTO.shape[:2]
CROP = (25.0, 10.0, 75.0, 95.0)
LEFT, TOP, RIGHT, BOTTOM = Preprocessing(static_crop=CROP).crop_box((HEIGHT, WIDTH))
PART = PHOTO[TOP:BOTTOM, LEFT:RIGHT]
SMALL = {"min_size": 96, "max_size": 128}


@dataclass
class Seeing(FakeEngine):
    """Notes the pixels that it is asked about."""

    seen: list[np.ndarray] = field(default_factory=list)

    def predict(self, queries: Sequence[ImageQuery]) -> Sequence[Prediction]:
        self.seen += [query.pixels for query in queries]
        return super().predict(queries)


def seen(steps: Preprocessing, *skip: PreprocessingStep) -> np.ndarray:
    engine = Seeing(replace(SPEC, preprocessing=steps))
    applied(engine).predict([ImageQuery(PHOTO, skip=frozenset(skip))])
    return engine.seen[0]


@pytest.mark.parametrize(
    ("steps", "step", "expected"),
    [
        (Preprocessing(grayscale=True), "grayscale", contrast.grey(PHOTO)),
        (Preprocessing(static_crop=CROP), "static_crop", PART),
        *(
            (Preprocessing(contrast=name), "contrast", function(PHOTO))
            for name, function in CONTRASTS.items()
        ),
    ],
)  # fmt: skip
def test_each_step_has_an_effect_and_can_be_left_out(
    steps: Preprocessing, step: PreprocessingStep, expected: np.ndarray
) -> None:
    np.testing.assert_array_equal(seen(steps), expected)
    assert expected.shape != PHOTO.shape or (expected != PHOTO).any()
    np.testing.assert_array_equal(seen(steps, step), PHOTO)


def test_contrast_is_that_of_the_part_and_before_it_is_grey() -> None:
    steps = Preprocessing(True, "Contrast Stretching", CROP)
    np.testing.assert_array_equal(seen(steps), contrast.grey(contrast.stretched(PART)))
    np.testing.assert_array_equal(seen(steps, "contrast"), contrast.grey(PART))


def test_without_steps_an_engine_is_itself() -> None:
    engine = FakeEngine()
    assert applied(engine) is engine


def test_the_engine_answers_all_else() -> None:
    engine = FakeEngine(replace(SPEC, preprocessing=Preprocessing(True)))
    around = applied(engine)
    assert isinstance(around, Preprocessed)
    assert (around.task, around.names, around.indices) == (engine.task, engine.names, engine.indices)
    assert around.trial().pixels.shape == engine.trial().pixels.shape
    assert around.default_instances(True) == engine.default_instances(True)


class Words(Engine[str, int]):
    """Counts letters."""

    query, task = str, "text"

    def predict(self, queries: Sequence[str]) -> Sequence[int]:
        return list(map(len, queries))

    def trial(self) -> str:
        return ""


def test_a_model_of_no_images_has_nothing_to_prepare() -> None:
    with pytest.raises(ModelError, match="`preprocessing` in model.json is for models of images, .* is for text"):
        applied(Words(replace(SPEC, preprocessing=Preprocessing(True))))


@pytest.fixture(
    scope="module",
    params=[
        "maskrcnn_mobilenet_v2_fpn",
        "keypointrcnn_resnet50_fpn",
        "retinanet_resnet50_fpn",
        "semantic_fpn_mobilenet_v2",
        "mobilenet_v3_small",
    ],
)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ImageEngine:
    """A network of random weights."""
    path = tmp_path_factory.mktemp("weights") / "w.safetensors"
    torch.manual_seed(0)
    weight_files.write(architectures[request.param].build(num_classes=3), path)
    parameters: dict[str, Any] = SMALL if architectures[request.param].kind == "detection" else {}
    spec = ModelSpec("m", request.param, path, ("__background__", "cat", "dog"), parameters)
    return building.load(spec, Runtime(torch.device("cpu"), torch.float32))


def test_answers_are_in_the_whole_image(engine: ImageEngine) -> None:
    options = Options(confidence=0.0, max_detections=5)
    (own,) = engine.predict([ImageQuery(PART.copy(), options)])
    engine.spec = replace(engine.spec, preprocessing=Preprocessing(static_crop=CROP))
    found, whole = applied(engine).predict(
        [ImageQuery(PHOTO, options), ImageQuery(PHOTO, options, skip=frozenset({"static_crop"}))]
    )
    assert found.image_size == whole.image_size == (HEIGHT, WIDTH) and len(found) == len(own) > 0
    moved, instances = found.instances(), own.instances()
    # Sums are taken in another order from run to run: 1.1e-5 was seen on a busy machine.
    np.testing.assert_allclose(moved.scores, instances.scores, atol=5e-5)
    assert moved.labels == instances.labels
    if isinstance(own, Classification):
        assert (moved.boxes == [0, 0, WIDTH, HEIGHT]).all()
        return
    np.testing.assert_allclose(moved.boxes - [LEFT, TOP, LEFT, TOP], instances.boxes, atol=1e-2)
    if isinstance(own, Instances) and own.keypoints is not None:
        np.testing.assert_allclose(moved.keypoints - np.array([LEFT, TOP, 0]), own.keypoints, atol=1e-2)
    for i in range(len(moved)) if instances.masks is not None else ():
        expected = np.zeros((HEIGHT, WIDTH), bool)
        expected[TOP:BOTTOM, LEFT:RIGHT] = instances.masks.bitmap(i)
        np.testing.assert_array_equal(moved.masks.bitmap(i), expected)
        run_lengths = moved.masks.rle(i)
        assert run_lengths["size"] == [HEIGHT, WIDTH]
        np.testing.assert_array_equal(coco.decode(run_lengths), expected)
        np.testing.assert_array_equal(moved.masks.outline(i), instances.masks.outline(i) + [LEFT, TOP])
    if isinstance(own, SemanticMap):
        assert isinstance(found, SemanticMap) and isinstance(whole, SemanticMap)
        np.testing.assert_array_equal(found.class_ids[TOP:BOTTOM, LEFT:RIGHT], own.class_ids)
        confidences = found.pixel_confidences()
        np.testing.assert_array_equal(confidences[TOP:BOTTOM, LEFT:RIGHT], own.pixel_confidences())
        for array in (found.class_ids.copy(), confidences.copy()):
            array[TOP:BOTTOM, LEFT:RIGHT] = 0
            assert not array.any()
