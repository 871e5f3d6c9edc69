"""Pictures compared with texts, by a fake model that knows three colours."""

from typing import Any

import numpy as np
import pytest

from container.errors import NotOffered
from container.service import Services
from container.workflows.errors import StepFailed
from container.workflows.values import Classified, Frame, Picture
from tests.fakes import FakeClipEngine, FakeEngine, ready_services
from tests.workflows.blocks.running import run

V1, V2 = "roboflow_core/clip_comparison@v1", "roboflow_core/clip_comparison@v2"


def filled(*color: int, name: str = "image") -> Picture:
    return Picture(np.full((20, 30, 3), color, np.uint8), Frame(name, (20, 30)))


RED, GREEN = filled(9, 0, 0), filled(0, 9, 0)


@pytest.fixture
def clip() -> FakeClipEngine:
    return FakeClipEngine()


@pytest.fixture
def services(clip: FakeClipEngine) -> Services:
    return ready_services(clip)


def test_version_1(services: Services) -> None:
    crop = Picture(RED.pixels, Frame("whole", (90, 90)).cut("part", 3, 4, (20, 30)))
    found = run(V1, {"images": crop, "texts": ("g", "r")}, services=services)
    assert found == [
        {"similarity": [0.0, 1.0], "parent_id": "part", "root_parent_id": "whole", "prediction_type": "classification"}
    ]


def test_version_2(services: Services) -> None:
    (one,) = run(V2, {"images": RED, "classes": ["g", "r", "rb", "b"]}, services=services)
    predictions = one.pop("classification_predictions")
    assert one == {
        "similarities": pytest.approx([0, 1, 0.5**0.5, 0]),
        "max_similarity": pytest.approx(1),
        "most_similar_class": "r",
        "min_similarity": 0,
        "least_similar_class": "g",
        "parent_id": "image",
        "root_parent_id": "image",
    }
    assert isinstance(predictions, Classified)
    assert (predictions.labels, predictions.classes) == (("r", "rb", "g", "b"), (1, 2, 0, 3))
    document = predictions.document(False)
    assert (document["top"], document["confidence"]) == ("r", pytest.approx(1))


def test_pictures_and_texts_are_embedded_once_and_together(services: Services, clip: FakeClipEngine) -> None:
    rows = [{"images": one, "texts": ("r", "g")} for one in (RED, GREEN, RED, *(filled(i, 1, 1) for i in range(9)))]
    first = run(V1, *rows, services=services)
    assert [one["similarity"] for one in first[:3]] == [[1, 0], [0, 1], [1, 0]]
    assert run(V1, *rows, services=services) == first
    assert [(len(one.pictures), len(one.texts)) for one in clip.asked_for] == [(9, 0), (2, 0), (0, 2)]


def test_many_texts(services: Services) -> None:
    texts = [f"r{'g' * i}" for i in range(64)]
    (one,) = run(V2, {"images": RED, "classes": texts}, services=services)
    assert one["similarities"] == pytest.approx([1 / (1 + i**2) ** 0.5 for i in range(64)])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"classes": []}, "1 to 64"),
        ({"classes": ["r"] * 65}, "there are 65 texts; 1 to 64 are allowed"),
        ({"classes": [1]}, "classes"),
        ({"classes": "r"}, "classes"),
        ({"version": 3}, "version"),
        ({"images": "photo"}, "images is a text; it takes a picture"),
    ],
)
def test_wrong_values(services: Services, given: dict[str, Any], words: str) -> None:
    with pytest.raises(StepFailed, match=words):
        run(V2, {"images": RED, "classes": ["r"], **given}, services=services)


@pytest.mark.parametrize(
    ("version", "words"), [(None, "no weights for /clip"), ("RN50", "no weights for clip_version_id 'RN50'")]
)
def test_without_weights(version: str | None, words: str) -> None:
    with pytest.raises(NotOffered, match=words):
        run(V2, {"images": RED, "classes": ["r"], "version": version}, services=ready_services(FakeEngine()))
