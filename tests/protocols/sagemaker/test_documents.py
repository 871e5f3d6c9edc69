"""Bodies with options beside the picture: forms, queries, and JSON in the shapes of several platforms."""

import base64
import io
import json
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from container.app import create_app
from container.settings import Settings
from tests.conftest import encode
from tests.fakes import FakeEngine, ready_services

PNG = encode(np.full((30, 40, 3), 128, np.uint8))
TEXT = base64.b64encode(PNG).decode()
TYPED = {"type": "base64", "value": TEXT}
ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
ALL, HORSE = ["horse 100%", "person 53%"], ["horse 100%"]


def send(client: FlaskClient, document: Any, content_type: str = "application/json") -> TestResponse:
    return client.post("/invocations", data=json.dumps(document), content_type=content_type)


def ignored(response: TestResponse) -> list[str]:
    return list(json.loads(response.headers[ATTRIBUTES]).get("ignored", []))


def message(response: TestResponse) -> str:
    error = response.json["error"]
    return str(error["message"] + " | " + error.get("hint", ""))


@pytest.mark.parametrize(
    "document",
    [
        {"image": TEXT},
        {"image": TYPED},
        {"image": {"b64": TEXT}},
        {"inputs": TEXT},
        {"inputs": "data:image/png;base64," + TEXT},
        {"inputs": TYPED},
        {"inputs": {"b64": TEXT}},
        {"inputs": {"image": TEXT}},
        {"inputs": {"image": {"b64": TEXT}}},
        {"inputs": {"image_bytes": {"b64": TEXT}}, "parameters": {}},
        {"inputs": TEXT, "parameters": None},
    ],
)
@pytest.mark.parametrize(
    "content_type", ["application/json", "application/x-www-form-urlencoded", "text/plain;charset=UTF-8", ""]
)
def test_json_of_one_picture(document: Any, content_type: str, client: FlaskClient) -> None:
    response = send(client, document, content_type)
    assert (response.status_code, response.json["labels"], ignored(response)) == (200, ALL, [])


@pytest.mark.parametrize("key", ["instances", "inputs"])
@pytest.mark.parametrize(
    "instances", [[TEXT], [{"b64": TEXT}, TYPED], [{"image": {"b64": TEXT}}, {"input_1": {"b64": TEXT}}, TEXT]]
)
def test_json_of_several(key: str, instances: list[Any], client: FlaskClient) -> None:
    response = send(client, {key: instances})
    assert [one["labels"] for one in response.json] == len(instances) * [ALL]


def test_options_beside_the_picture(client: FlaskClient) -> None:
    document = {"inputs": {"image": TEXT, "prompt": "a"}, "parameters": {"confidence": 0.9, "top_k": 3}, "id": 1}
    response = send(client, document)
    assert (response.json["labels"], ignored(response)) == (HORSE, ["top_k", "id", "prompt"])


@pytest.mark.parametrize(
    ("document", "status", "reason"),
    [
        ({"instances": []}, 413, "holds 0 pictures"),
        ({"instances": [TEXT] * 4}, 413, "holds 4 pictures; 1 to 3"),
        ({"instances": [TEXT, "A" * 9]}, 400, "picture 2 of 2: the value is not base64"),
        ({"inputs": [TEXT, "AAAA"]}, 415, "picture 2 of 2: the first bytes"),
        ({"inputs": [[[1, 2, 3]]]}, 400, "picture 1 of 1: an image is a string of base64"),
        ({"inputs": [{"type": "url", "value": "https://a.example/b"}]}, 400, "pictures in an array are base64"),
        ({"inputs": {"a": 1, "b": 2}}, 400, "an image is a string of base64"),
        ({"image": {"b64": 7}}, 400, "`b64` is no string"),
        ({"inputs": TEXT, "parameters": [1]}, 400, "`parameters` of the JSON body is no object"),
        ({"inputs": TEXT, "parameters": {"confidence": "0.5"}}, 400, 'option confidence is "0.5"; it takes a number'),
        ({"inputs": {"a": {"b": {"c": {"d": {"e": TEXT}}}}}}, 400, "an image is"),
        ({"image": TEXT, "inputs": TEXT}, 400, "both `image` and `inputs`; one of them is wanted"),
        ({}, 400, "no key `image`, `instances`, `inputs`"),
    ],
)
def test_json_that_is_refused(document: Any, status: int, reason: str) -> None:
    client = create_app(Settings(), ready_services(FakeEngine(), max_images=3)).test_client()
    response = send(client, document)
    assert response.status_code == status and reason in message(response)


def test_the_pictures_of_an_array_share_the_limit_of_pixels() -> None:
    client = create_app(Settings(), ready_services(FakeEngine(), max_pixels=2400)).test_client()
    assert send(client, {"instances": [TEXT, TEXT]}).status_code == 200
    response = send(client, {"instances": [TEXT, TEXT, TEXT]})
    assert response.status_code == 413 and "picture 3 of 3: the picture declares 40x30" in message(response)


def form(**fields: str) -> dict[str, Any]:
    return {"file": (io.BytesIO(PNG), "photo.png"), **fields}


def test_a_form(client: FlaskClient) -> None:
    response = client.post("/invocations", data=form(confidence="0.9", scores="true", note="a"))
    assert (response.json["labels"], response.json["class_ids"], ignored(response)) == (HORSE, [2], ["note"])
    response = client.post("/invocations", data=form(confidence="0.9"), headers={ATTRIBUTES: '{"confidence": 0.2}'})
    assert response.json["labels"] == ALL
    assert client.post("/invocations", data=form(response_type="png")).content_type == "image/png"


@pytest.mark.parametrize("path", ["/endpoints/any/invocations", "/invocations"])
def test_a_form_of_another_body(path: str, client: FlaskClient) -> None:
    files = {"file": (io.BytesIO(json.dumps({"inputs": [TEXT]}).encode()), "a.json", "application/json")}
    assert [one["labels"] for one in client.post(path, data=files).json] == [ALL]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"a": "1", "b": "2"}, "no file; its fields: a, b"),
        (form(other=(io.BytesIO(PNG), "b.png")), "has 2 files | send one picture a request"),
        (form(confidence="2"), "option confidence is 2.0; it takes a number from 0 to 1"),
        (form(draw_boxes="perhaps"), 'option draw_boxes is "perhaps"; it takes true or false'),
    ],
)
def test_a_form_that_is_refused(data: dict[str, Any], reason: str, client: FlaskClient) -> None:
    response = client.post("/invocations", data=data, content_type="multipart/form-data")
    assert response.status_code == 400 and reason in message(response)


@pytest.mark.parametrize(
    ("query", "attributes", "labels", "unknown"),
    [
        ("confidence=0.9", "", HORSE, []),
        ("confidence=0.9", '{"confidence": 0.2}', ALL, []),
        ("class_filter=horse,person", "", ALL, []),
        ("class_filter=horse&class_filter=person", "", ALL, []),
        ("threshold=1&api_key=secret", '{"a": 1}', ALL, ["a", "threshold"]),
        ("confidence=0.9", "trace", HORSE, []),
    ],
)
@pytest.mark.parametrize("path", ["/invocations", "/endpoints/any/invocations"])
def test_a_query(
    path: str, query: str, attributes: str, labels: list[str], unknown: list[str], client: FlaskClient
) -> None:
    response = client.post(f"{path}?{query}", data=PNG, headers={ATTRIBUTES: attributes})
    assert (response.json["labels"], ignored(response)) == (labels, unknown)


@pytest.mark.parametrize(
    ("query", "reason"), [("confidence=", 'confidence is ""'), ("masks=all", 'masks is "all"; it takes one of')]
)
def test_a_query_that_is_refused(query: str, reason: str, client: FlaskClient) -> None:
    response = client.post(f"/invocations?{query}", data=PNG)
    assert response.status_code == 400 and reason in message(response)


@pytest.mark.parametrize("content_type", ["", "application/octet-stream", "file-path/raw-bytes", "binary/octet-stream"])
def test_types_that_say_nothing(content_type: str, client: FlaskClient) -> None:
    array = io.BytesIO()
    np.save(array, np.full((30, 40, 3), 128, np.uint8))
    for body in (PNG, array.getvalue(), b' \n{"inputs": "%s"}' % TEXT.encode()):
        response = client.post("/invocations", data=body, content_type=content_type, headers={"Accept": content_type})
        assert response.json["labels"] == ALL


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
@pytest.mark.parametrize("size", [(30, 40, 3), (300, 400, 3)])
def test_what_curl_makes_of_a_picture_by_d(form: str, size: tuple[int, ...], client: FlaskClient) -> None:
    body = encode(np.random.default_rng(0).integers(0, 256, size, np.uint8), form)
    sent = {"content_type": "application/x-www-form-urlencoded"}
    assert client.post("/invocations", data=body, **sent).status_code == 200
    for dropped in (b"\r\n", b"\r\n\0"):
        response = client.post("/invocations", data=body.translate(None, dropped), **sent)
        assert response.status_code in (400, 415)
        assert "--data-binary @photo.jpg -H 'Content-Type: image/jpeg'" in message(response)
