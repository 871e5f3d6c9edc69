"""The embedded model on photos that everybody has, with boxes drawn by hand."""

import json
from pathlib import Path

import numpy as np
import pytest
import requests
import skimage.data
import torch

from container.engines import building as loading
from container.engines.runtime import Runtime
from container.evaluation.detection import DetectionReport
from container.models import artifact, locate
from container.training import data
from container.training.evaluate import evaluate
from tests.conftest import Server, encode

PERSON = (22, 15, 365, 512)  # xyxy, of the astronaut: arms and suit, without the helmet before her
SIDE = 512


def iou(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Intersection over union of two boxes xyxy."""
    sides = [min(one[i + 2], other[i + 2]) - max(one[i], other[i]) for i in (0, 1)]
    shared = max(0, sides[0]) * max(0, sides[1])
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return shared / (sum(areas) - shared)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [((0, 0, 2, 2), (0, 0, 2, 2), 1), ((0, 0, 2, 2), (1, 0, 3, 2), 1 / 3), ((0, 0, 1, 1), (2, 2, 3, 3), 0)],
)
def test_iou(one: tuple[int, ...], other: tuple[int, ...], expected: float) -> None:
    assert iou(one, other) == pytest.approx(expected)


def test_the_astronaut_is_a_person(server: Server) -> None:
    found = requests.post(f"{server.url}/invocations", data=encode(skimage.data.astronaut()), timeout=30).json()
    assert found["labels"][0].startswith("person ")
    assert iou(tuple(found["boxes"][0]), PERSON) >= 0.9


def views() -> dict[str, tuple[np.ndarray, list[tuple[float, ...]]]]:
    """Photos with the boxes of the people on them: as it is, mirrored, small, in a pair, darker; and some of nobody."""
    photo = skimage.data.astronaut()
    x1, y1, x2, y2 = PERSON
    mirrored = photo[:, ::-1].copy()
    mirror_box = (SIDE - x2, y1, SIDE - x1, y2)
    half, half_box = photo[::2, ::2], tuple(value / 2 for value in PERSON)
    small = np.full((480, 640, 3), 150, np.uint8)
    small[200:456, 100:356] = half
    small_box = tuple(value + offset for value, offset in zip(half_box, (100, 200) * 2, strict=True))
    pair = np.concatenate((photo, mirrored), axis=1)
    return {
        "astronaut": (photo, [PERSON]),
        "mirrored": (mirrored, [mirror_box]),
        "small": (small, [small_box]),
        "pair": (pair, [PERSON, (mirror_box[0] + SIDE, y1, mirror_box[2] + SIDE, y2)]),
        "dark": ((photo * 0.6).astype(np.uint8), [PERSON]),
        "coffee": (skimage.data.coffee(), []),
        "rocket": (skimage.data.rocket(), []),
    }


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> DetectionReport:
    folder = tmp_path_factory.mktemp("people")
    images, annotations = [], []
    for i, (name, (pixels, boxes)) in enumerate(views().items()):
        (folder / f"{name}.png").write_bytes(encode(pixels))
        images.append({"id": i, "file_name": f"{name}.png", "width": pixels.shape[1], "height": pixels.shape[0]})
        for x1, y1, x2, y2 in boxes:
            one = {"id": len(annotations), "image_id": i, "category_id": 1, "bbox": [x1, y1, x2 - x1, y2 - y1]}
            annotations.append(one)
    described = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}
    (folder / "people.json").write_text(json.dumps(described))
    with artifact.opened(locate.EMBEDDED) as spec:
        engine = loading.load(spec, Runtime(torch.device("cpu"), torch.float32))
    measured = evaluate(engine, data.joined(data.read(folder)))
    assert isinstance(measured, DetectionReport)
    return measured


def test_people_are_found_and_nobody_else(report: DetectionReport) -> None:
    assert report.box.ap50 is not None and report.box.ap50 >= 0.9
    assert report.confidence is not None and report.confidence.micro_f1 >= 0.8


def test_the_card_says_what_the_model_is() -> None:
    with artifact.opened(locate.EMBEDDED) as spec:
        card = (locate.EMBEDDED / "MODEL_CARD.md").read_text(encoding="utf-8")
        assert all(f"| {label} |" in card for label in spec.labels[1:])
        assert f"confidence {spec.options.confidence:g}" in card and spec.architecture in card
        assert isinstance(spec.weights, Path) and spec.weights.stat().st_size <= 25e6
