"""A folder of photos through an engine into a report."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from container.datasets.base import Dataset
from container.datasets.coco import read
from container.engines.base import ImageEngine
from container.errors import DataError, ModelError
from container.evaluation.detection import DetectionReport
from container.evaluation.semantic import SemanticReport
from container.images.rgb import upright
from container.structures import Classification, ImageQuery, ModelSpec, Options, Prediction, SemanticMap
from container.training.evaluate import evaluate, worst
from tests.evaluation.scenes import write_folder
from tests.fakes import SPEC, FakeEngine
from tests.rendering.scenes import photo

LEFT, RIGHT = (0, 0, 40, 60), (40, 0, 80, 60)
# FakeEngine finds a horse on the left and a person on the right of both: one person is wrong, and comes first.
PHOTOS = {
    "one.png": (photo(60, 80), [("horse", LEFT), ("cow", RIGHT)]),
    "two.png": (photo(60, 80, 1), [("horse", LEFT), ("person", RIGHT)]),
}


@dataclass
class Halves(ImageEngine):
    """A semantic model: horse on the left, background on the right."""

    spec: ModelSpec = SPEC

    task = "semantic segmentation"

    def predict(self, queries: Sequence[ImageQuery]) -> Sequence[Prediction]:
        return [SemanticMap(half(query.pixels.shape[:2]), {2: 0.9}, self.labels) for query in queries]


def half(size: tuple[int, int]) -> np.ndarray:
    class_ids = np.zeros(size, np.uint8)
    class_ids[:, : size[1] // 2] = 2
    return class_ids


@dataclass
class Classifier(ImageEngine):
    """Names whole pictures."""

    spec: ModelSpec = SPEC

    task = "classification"

    def predict(self, queries: Sequence[ImageQuery]) -> Sequence[Prediction]:
        sizes = [query.pixels.shape[:2] for query in queries]
        return [Classification(size, np.array([0.9]), np.array([2]), ("horse",)) for size in sizes]


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return read(write_folder(tmp_path / "farm", PHOTOS))


@pytest.mark.alone
def test_a_detector_is_measured(dataset: Dataset) -> None:
    engine, photos = FakeEngine(seconds=0.002), []
    report = evaluate(engine, dataset, progress=photos.append)
    assert isinstance(report, DetectionReport) and photos == [1, 1]
    assert (report.subject.model, report.subject.data, report.subject.photos) == ("fake", "farm", 2)
    assert dict(report.subject.objects) == {"horse": 2, "person": 1}
    assert (report.subject.unknown, report.subject.absent) == (("cow",), ())
    assert report.box.class_ap == pytest.approx((1, 0.5)) and report.mask is not None
    assert report.mask.class_ap == pytest.approx((1, 0.5))
    assert report.box.ap == pytest.approx(0.75)
    # Up to 0.53 the person counts, right once and wrong once: F1 1 and 2/3.
    assert report.best_confidence == 0.29 and report.summary()["macro_f1"] == pytest.approx(5 / 6)
    assert [faults.words for faults in report.faults] == ["0 missed, 1 wrong", "0 missed, 0 wrong"]
    assert 0.002 <= report.seconds_per_photo < 1
    assert json.loads(json.dumps(report.as_dict()))["classes"]["horse"]["objects"] == 2


@pytest.mark.parametrize("confidence", [0.05, 0.6])
def test_the_models_own_confidence_is_set_aside(confidence: float, dataset: Dataset) -> None:
    engine = FakeEngine(replace(SPEC, options=Options(confidence=1.0)))
    report = evaluate(engine, dataset, confidence=confidence)
    assert engine.asked_for == [Options(confidence=confidence, max_detections=100)] * 2
    assert isinstance(report, DetectionReport)
    assert report.box.class_ap == pytest.approx((1, 0.5 if confidence < 0.53 else 0))


def test_boxes_alone_are_measured_as_boxes(tmp_path: Path) -> None:
    report = evaluate(FakeEngine(), read(write_folder(tmp_path, PHOTOS, masks=False)))
    assert isinstance(report, DetectionReport) and report.mask is None and "mask_ap" not in report.summary()


def test_a_semantic_model_is_measured(dataset: Dataset) -> None:
    report = evaluate(Halves(), dataset)
    assert isinstance(report, SemanticReport)
    # The cow, whom the model does not know, is background; the person is missed.
    assert report.iou.classes == pytest.approx((0.5, 1, 0))
    assert report.summary()["mean_iou"] == pytest.approx(0.5) and report.best_confidence is None
    assert report.summary()["pixel_accuracy"] == pytest.approx(0.75)
    assert [faults.words for faults in report.faults] == ["0% of the pixels wrong", "50% of the pixels wrong"]


def test_a_classifier_is_refused(dataset: Dataset) -> None:
    with pytest.raises(ModelError, match="fake names whole pictures"):
        evaluate(Classifier(), dataset)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_are_measured_upright(orientation: int, tmp_path: Path) -> None:
    stored = photo(60, 80)
    folder = write_folder(tmp_path, {"one.png": (stored, [("horse", (0, 0, 40, 60))])})
    exif = PIL.Image.Exif()
    exif[274] = orientation
    PIL.Image.fromarray(stored).save(folder / "one.png", exif=exif)
    seen: list[np.ndarray] = []

    class Watching(FakeEngine):
        def predict(self, queries: Sequence[ImageQuery]) -> Sequence[Prediction]:
            seen.extend(query.pixels for query in queries)
            return super().predict(queries)

    report = evaluate(Watching(), read(folder))
    assert np.array_equal(seen[0], upright(stored, orientation))
    # FakeEngine finds the horse on the left.
    assert isinstance(report, DetectionReport) and (report.box.ap50 == pytest.approx(1)) == (orientation in (1, 4))


def rename(described: dict) -> None:
    described["categories"] = [{"id": 0, "name": "sheep"}, {"id": 1, "name": "cow"}, {"id": 2, "name": "hen"}]


def resize(described: dict) -> None:
    described["images"][1]["width"] = 81


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (rename, "farm: no object has a label that the model knows; .*: sheep, cow, hen; .*: person, horse"),
        (resize, "two.png: 80×60 pixels, and 81×60 in the JSON file"),
    ],
)
def test_what_is_wrong_with_the_data_is_named(
    change: Callable[[dict], None], message: str, dataset: Dataset, tmp_path: Path
) -> None:
    path = tmp_path / "farm" / "instances.json"
    described = json.loads(path.read_text())
    change(described)
    path.write_text(json.dumps(described))
    with pytest.raises(DataError, match=message):
        evaluate(FakeEngine(), read(tmp_path / "farm"))


def test_a_damaged_photo_is_named(dataset: Dataset) -> None:
    dataset.photos[1].path.write_bytes(dataset.photos[1].path.read_bytes()[:300])
    with pytest.raises(DataError, match=re.escape(str(dataset.photos[1].path)) + ": .*the PNG is cut short"):
        evaluate(FakeEngine(), dataset)


@pytest.mark.parametrize("engine", [FakeEngine(), Halves()])
def test_the_worst_photos_are_drawn(engine: ImageEngine, dataset: Dataset) -> None:
    report = evaluate(engine, dataset)
    sheet = worst(engine, dataset, report)
    assert sheet.shape[1] > 800 and sheet.dtype == np.uint8
