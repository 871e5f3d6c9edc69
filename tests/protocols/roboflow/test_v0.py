"""GET and POST /PROJECT/VERSION, with the fake model."""

import base64
import io
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.conftest import pixels_of
from tests.fakes import FakeEngine

URLENCODED = "application/x-www-form-urlencoded"


def bodies(png: bytes) -> dict[str, dict[str, Any]]:
    text = base64.b64encode(png)
    return {
        "base64, called JSON": {"data": text, "content_type": "application/json"},
        "base64, called a form": {"data": text, "content_type": URLENCODED},
        "base64 with lines": {"data": base64.encodebytes(png), "content_type": "text/plain"},
        "a data URI": {"data": b"data:image/png;base64," + text, "content_type": URLENCODED},
        "the file": {"data": png, "content_type": "image/png"},
        "the file, called a form": {"data": png, "content_type": URLENCODED},
        "the file, called nothing": {"data": png},
        "a form": {"data": {"file": (io.BytesIO(png), "a.png")}},
    }


@pytest.mark.parametrize("kind", list(bodies(b"x")))
def test_bodies(client: FlaskClient, small_png: bytes, kind: str) -> None:
    response = client.post("/fake/1?api_key=None", **bodies(small_png)[kind])
    assert response.status_code == 200, response.json
    assert [item["class"] for item in response.json["predictions"]] == ["horse", "person"]
    assert response.json["image"] == {"width": 40, "height": 30}
    assert response.headers["X-Model-Id"] == "fake/1"


@pytest.mark.parametrize(
    ("query", "classes"),
    [
        ("confidence=60", ["horse"]),
        ("confidence=0.6", ["horse"]),
        ("confidence=1", ["horse", "person"]),
        ("classes=person,unicorn", ["person"]),
        ("confidence=best&overlap=30&labels=on&stroke=3", ["horse", "person"]),
    ],
)
def test_queries(client: FlaskClient, small_png: bytes, query: str, classes: list[str]) -> None:
    response = client.post(f"/fake/1?{query}", data=small_png)
    assert [item["class"] for item in response.json["predictions"]] == classes


def test_options_reach_the_model(client: FlaskClient, engine: FakeEngine, small_png: bytes) -> None:
    client.post("/fake/1?overlap=70&max_detections=9&mask_decode_mode=fast", data=small_png)
    asked = engine.asked_for[-1]
    assert (asked.iou_threshold, asked.max_detections, asked.mask_decode_mode) == (0.7, 9, "fast")


def test_a_picture(client: FlaskClient, small_png: bytes) -> None:
    response = client.post("/fake/1?format=image", data=small_png)
    assert response.content_type == "image/jpeg"
    drawn = pixels_of(response.data)
    assert drawn.shape == (30, 40, 3)
    both = client.post("/fake/1?format=image_and_json", data=small_png).json
    assert (pixels_of(base64.b64decode(both["visualization"])) == drawn).all()
    assert len(both["predictions"]) == 2
    thick = client.post("/fake/1?format=image&stroke=9&labels=true", data=small_png).data
    assert (pixels_of(thick) != drawn).any()


@pytest.mark.parametrize(
    ("path", "data", "status", "message"),
    [
        ("/fake/1", b"", 400, "the request has no picture; send base64 or the file itself"),
        ("/fake/1", b"?", 400, "the value is not base64"),
        ("/fake/1?format=png", b"x", 400, "format is 'png'; it takes json, image, image_and_json"),
        ("/fake/1?image_type=numpy", b"x", 400, "image_type is 'numpy'; it takes base64"),
        ("/fake/1?image=https://example.com/a.jpg", b"", 400, "URL input is off"),
        ("/fake/1?confidence=150", b"x", 400, "confidence is '150'"),
        ("/fake/1?response_mask_format=png", b"x", 422, "response_mask_format is 'png'"),
        ("/no/1", b"x", 404, "'no/1'"),
        ("/no/1/2", b"x", 404, "there is no route '/no/1/2'"),
        ("/infer/instance", b"x", 404, "there is no route '/infer/instance'"),
    ],
)
def test_a_wrong_request_is_told(
    client: FlaskClient, small_png: bytes, path: str, data: bytes, status: int, message: str
) -> None:
    response = client.post(path, data=small_png if data == b"x" else data)
    assert response.status_code == status, response.json
    assert message in response.json["message"]


def test_a_form_without_the_part(client: FlaskClient, small_png: bytes) -> None:
    response = client.post("/fake/1", data={"photo": (io.BytesIO(small_png), "a.png")})
    assert response.status_code == 400
    assert response.json["message"] == "the form has no file `file`; its files: 'photo'; curl -F file=@photo.jpg"


def test_get_without_a_picture(client: FlaskClient) -> None:
    response = client.get("/fake/1")
    assert (response.status_code, response.json["code"]) == (400, "bad_request")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods(client: FlaskClient, method: str) -> None:
    response = client.open("/fake/1", method=method)
    assert response.status_code == 405
    assert "message" in response.json


def test_fixed_routes_win_for_every_method(client: FlaskClient) -> None:
    for path in ("/model/add", "/infer/classification", "/clip/compare", "/model/registry"):
        for method in ("GET", "POST", "PUT", "DELETE"):
            assert client.open(path, method=method).status_code != 404
    assert client.get("/model/add").status_code == 405
