"""The block that reads text, with a fake reader."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from container.app import create_app
from container.settings import Settings
from tests.conftest import encode
from tests.fake_reader import reading_services
from tests.protocols.roboflow.conftest import as_value

PHOTO = as_value(encode(np.full((30, 40, 3), 7, np.uint8)))
BLACK = as_value(encode(np.zeros((8, 8, 3), np.uint8)))
OUTPUTS = ("result", "predictions", "parent_id", "root_parent_id", "prediction_type")
CROP = {
    "type": "roboflow_core/absolute_static_crop@v1",
    "name": "crop",
    "images": "$inputs.image",
    "x_center": 30,
    "y_center": 20,
    "width": 20,
    "height": 20,
}


def specification(type_: str, *before: dict[str, Any]) -> dict[str, Any]:
    images = f"$steps.{before[-1]['name']}.crops" if before else "$inputs.image"
    return {
        "version": "1.0",
        "inputs": [{"type": "WorkflowImage", "name": "image"}],
        "steps": [*before, {"type": type_, "name": "read", "images": images}],
        "outputs": [{"type": "JsonField", "name": name, "selector": f"$steps.read.{name}"} for name in OUTPUTS],
    }


@pytest.fixture
def client() -> Iterator[FlaskClient]:
    services = reading_services()
    yield create_app(Settings(), services).test_client()
    services.pool.close()


def run(client: FlaskClient, given: dict[str, Any], *images: object) -> list[dict[str, Any]]:
    answer = client.post("/workflows/run", json={"specification": given, "inputs": {"image": [*images]}})
    assert answer.status_code == 200, answer.text
    return answer.json["outputs"]


@pytest.mark.parametrize("type_", ["roboflow_core/ocr_model@v1", "OCRModel"])
def test_text_and_words(client: FlaskClient, type_: str) -> None:
    read, nothing = run(client, specification(type_), PHOTO, BLACK)
    assert (read["result"], nothing["result"]) == ("HELLO 42 ß", "")
    assert read["prediction_type"] == "ocr" and read["parent_id"] == read["root_parent_id"] == "image.[0]"
    assert nothing["predictions"] == {"image": {"width": 8, "height": 8}, "predictions": []}
    assert read["predictions"]["image"] == {"width": 40, "height": 30}
    hello, number, _ = read["predictions"]["predictions"]
    assert (hello["class"], number["class"], hello["class_id"]) == ("HELLO", "42", 0)
    assert (hello["x"], hello["width"], hello["confidence"]) == (6.0, 10.0, 0.98765)
    assert hello["detection_id"] != number["detection_id"]


def test_words_of_a_crop_lie_in_the_picture(client: FlaskClient) -> None:
    (read,) = run(client, specification("OCRModel", CROP), PHOTO)
    assert read["root_parent_id"] == "image.[0]" != read["parent_id"]
    hello = read["predictions"]["predictions"][0]
    assert (hello["parent_id"], hello["x"], hello["y"]) == ("image.[0]", 26.0, pytest.approx(13.503))
