"""Reading of text: what goes in, what comes out, with a fake reader."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from container.app import create_app
from container.service import reading
from container.settings import Settings
from tests.conftest import encode
from tests.fake_reader import reading_services
from tests.fakes import FakeLoader, started
from tests.protocols.roboflow.conftest import as_value

ROUTES = ["/doctr/ocr", "/easy_ocr/ocr", "/ocr/pp-ocr"]
PHOTO = as_value(encode(np.full((30, 40, 3), 7, np.uint8)))
BLACK = as_value(encode(np.zeros((8, 8, 3), np.uint8)))
LYING = as_value(encode(np.full((30, 40, 3), 7, np.uint8), exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"))  # fmt: skip # noqa: E501


@pytest.fixture
def client() -> Iterator[FlaskClient]:
    services = reading_services()
    yield create_app(Settings(), services).test_client()
    services.pool.close()


@pytest.mark.parametrize("path", ROUTES)
def test_words_are_joined_by_spaces(client: FlaskClient, path: str) -> None:
    asked = {"image": PHOTO, "doctr_version_id": "default", "language_codes": ["en"], "quantize": True, "api_key": "k"}
    answer = client.post(path, json=asked)
    assert answer.status_code == 200
    assert {**answer.json, "time": 0} == {"result": "HELLO 42 ß", "parent_id": None, "time": 0}
    assert answer.headers["X-Model-Id"] == "ocr/pp-ocr" and answer.headers["X-Model-Cold-Start"] == "true"
    assert "X-Model-Cold-Start" not in client.post(path, json=asked).headers
    (row,) = [row for row in client.get("/model/registry").json["models"] if row["task_type"] == "ocr"]
    assert (row["model_id"], row["vram_bytes"] > 1 << 30) == ("ocr/pp-ocr", True)


def test_boxes_are_those_of_detections(client: FlaskClient) -> None:
    answer = client.post("/doctr/ocr", json={"image": LYING, "generate_bounding_boxes": True}).json
    assert answer["image"] == {"width": 30, "height": 40}  # upright
    hello, number, _ = answer["predictions"]
    assert hello.pop("detection_id") != number["detection_id"]
    assert hello == {
        "x": 6.0,
        "y": 3.5,
        "width": 10.0,
        "height": 3.01,
        "confidence": 0.9877,
        "class": "HELLO",
        "class_id": 0,
    }
    assert [one["class"] for one in answer["predictions"]] == ["HELLO", "42", "ß"]


def test_a_list_is_answered_by_a_list(client: FlaskClient) -> None:
    answers = client.post("/ocr/pp-ocr", json={"image": [PHOTO, BLACK], "generate_bounding_boxes": True}).json
    assert [answer["result"] for answer in answers] == ["HELLO 42 ß", ""]
    assert (answers[1]["predictions"], answers[1]["parent_id"]) == ([], None)
    assert [one["result"] for one in client.post("/ocr/pp-ocr", json={"image": [BLACK]}).json] == [""]
    assert client.post("/ocr/pp-ocr", json={"image": BLACK}).json["result"] == ""


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({}, 422, "image of the JSON body is missing"),
        ({"image": []}, 422, "image of the JSON body is empty"),
        ({"image": PHOTO, "generate_bounding_boxes": "yes"}, 422, "generate_bounding_boxes is 'yes'; it takes true"),
        ({"image": [PHOTO, {"type": "base64", "value": "AAAA"}]}, 415, "picture 2 of 2: the first bytes"),
        ({"image": {"type": "base64", "value": "AAAA"}}, 415, "the first bytes"),
        ({"image": 7}, 400, "an image is a string of base64"),
        ({"image": [PHOTO] * 257}, 413, "the list holds 257 pictures; at most 256"),
    ],
)
def test_what_is_wrong_is_told(client: FlaskClient, body: dict[str, Any], status: int, told: str) -> None:
    answer = client.post("/doctr/ocr", json=body)
    assert (answer.status_code, answer.json["message"][: len(told)]) == (status, told)


def test_its_id_is_none_of_other_routes(client: FlaskClient) -> None:
    answer = client.post("/infer/object_detection", json={"model_id": "ocr/pp-ocr", "image": PHOTO})
    assert (answer.status_code, answer.json["message"]) == (400, "'ocr/pp-ocr' is a model for ocr; POST /ocr/pp-ocr")
    assert client.post("/model/add", json={"model_id": "ocr/pp-ocr"}).status_code == 200


def test_trocr_without_a_folder(client: FlaskClient) -> None:
    answer = client.post("/ocr/trocr", json={"image": "not looked at"})
    assert answer.status_code == 501 and "MASKSERVE_MODEL_STORE/trocr/VERSION/" in answer.json["message"]


@pytest.mark.parametrize(
    ("folders", "version", "status", "model"),
    [
        (["trocr/large", "trocr/trocr-base-printed"], None, 200, "trocr/trocr-base-printed"),
        (["trocr/large", "trocr/trocr-base-printed"], "large", 200, "trocr/large"),
        (["trocr/large"], None, 200, "trocr/large"),
        (["trocr"], None, 200, "trocr"),
        (["trocr/large", "trocr/small"], None, 400, "trocr_version_id is missing, and there are several versions"),
        (["trocr/large"], "small", 501, "there are no weights for trocr_version_id 'small'; there are: large"),
        (["trocr/large"], 7, 422, "trocr_version_id is 7; it takes a version"),
    ],
)
def test_trocr(folders: list[str], version: object, status: int, model: str, tmp_path: Path) -> None:
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "model.safetensors").touch()
    services = reading_services(tmp_path)
    client = create_app(Settings(), services).test_client()
    asked = {"image": [PHOTO, BLACK]} | ({} if version is None else {"trocr_version_id": version})
    answer = client.post("/ocr/trocr", json=asked)
    assert answer.status_code == status, answer.json
    if status == 200:
        assert [one["result"] for one in answer.json] == ["HELLO 42 ß", ""]
        assert answer.headers["X-Model-Id"] == model
    else:
        assert answer.json["message"].startswith(model)
    services.pool.close()


@pytest.mark.parametrize("path", ROUTES)
def test_without_the_package_it_is_not_offered(client: FlaskClient, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PACKAGES", ("openvino", "no_such_package"))
    answer = client.post(path, json={"image": "not looked at"})
    assert answer.status_code == 501
    assert answer.json["message"].startswith("reading of text needs the package no_such_package; pip install")


def test_models_that_are_loaded_by_name_read_nothing(tmp_path: Path) -> None:
    services = started(tmp_path, FakeLoader())
    client = create_app(Settings(multi_model=True, base_dir=str(tmp_path)), services).test_client()
    answer = client.post("/doctr/ocr", json={"image": PHOTO})
    assert answer.status_code == 501 and "not offered where clients load models by name" in answer.json["message"]
    services.pool.close()
