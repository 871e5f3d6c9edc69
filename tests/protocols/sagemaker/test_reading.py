"""/invocations of a reader of text."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from container.app import create_app
from container.settings import Settings
from container.structures import Options
from tests.conftest import encode, pixels_of
from tests.fake_reader import Reader
from tests.fakes import SPEC, ready_services

ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
PAGE = encode(np.full((30, 40, 3), 255, np.uint8))
LINES = [
    {"text": "HELLO 42", "score": 0.98765, "box": [1.0, 2.0, 11.0, 5.006]},
    {"text": "ß", "score": 0.98765, "box": [1.0, 2.0, 11.0, 5.006]},
]


@pytest.fixture
def client() -> Iterator[FlaskClient]:
    app = create_app(Settings(), ready_services(Reader(SPEC)))
    yield app.test_client()
    app.services.pool.close()


def ask(client: FlaskClient, accept: str = "", body: bytes = PAGE, **attributes: Any) -> Any:
    headers = {ATTRIBUTES: json.dumps(attributes), "Accept": accept}
    return client.post("/invocations", data=body, content_type="image/png", headers=headers)


def test_lines_as_json(client: FlaskClient) -> None:
    answer = ask(client)
    assert (answer.status_code, answer.json) == (200, {"text": "HELLO 42 ß", "lines": LINES})
    facts = json.loads(answer.headers[ATTRIBUTES])
    assert (facts["n"], facts["w"], facts["h"], "ignored" in facts) == (2, 40, 30, False)
    assert ask(client, body=encode(np.zeros((8, 8, 3), np.uint8))).json == {"text": "", "lines": []}
    several = {"instances": [{"b64": base64.b64encode(PAGE).decode()}] * 2}
    assert client.post("/invocations", json=several).json == [{"text": "HELLO 42 ß", "lines": LINES}] * 2


def test_other_forms(client: FlaskClient) -> None:
    lines = ask(client, "application/jsonlines").data.splitlines()
    assert [json.loads(line) for line in lines] == LINES
    text = ask(client, "text/plain")
    assert (text.data.decode(), text.content_type) == ("HELLO 42\nß\n", "text/plain; charset=utf-8")
    for accept in ("image/png", "image/jpeg"):
        drawn = pixels_of(ask(client, accept).data)
        assert drawn.shape == (30, 40, 3) and (drawn < 200).any()


@pytest.mark.parametrize(
    ("options", "texts"),
    [({"confidence": 0.99}, []), ({"confidence": 0.5}, ["HELLO 42", "ß"]), ({"max_detections": 1}, ["HELLO 42"])],
)
def test_options(options: dict[str, Any], texts: list[str], client: FlaskClient) -> None:
    assert [line["text"] for line in ask(client, **options).json["lines"]] == texts


def test_options_of_the_artifact() -> None:
    app = create_app(Settings(), ready_services(Reader(replace(SPEC, options=Options(max_detections=1)))))
    assert [line["text"] for line in ask(app.test_client()).json["lines"]] == ["HELLO 42"]
    app.services.pool.close()


def test_options_without_effect(client: FlaskClient) -> None:
    answer = ask(client, iou_threshold=0.5, masks="rle", jpeg_quality=50)
    assert json.loads(answer.headers[ATTRIBUTES])["ignored"] == ["iou_threshold", "masks"]
    answer = ask(client, class_filter=["cat"])
    assert answer.status_code == 400 and "class_filter names 'cat', and model 'fake' has no classes" in answer.text
    answer = client.post("/invocations", json={"image": base64.b64encode(PAGE).decode(), "prompts": []})
    assert answer.status_code == 400 and "model 'fake' is for ocr, and takes no prompts" in answer.text


def test_a_session_reads_once(client: FlaskClient) -> None:
    opened = client.post("/invocations", data=PAGE, headers={"X-Amzn-SageMaker-Session-Id": "NEW_SESSION"})
    session = opened.headers["X-Amzn-SageMaker-New-Session-Id"].split(";")[0]
    again = client.post("/invocations", headers={"X-Amzn-SageMaker-Session-Id": session, "Accept": "text/plain"})
    assert (again.status_code, again.data.decode()) == (200, "HELLO 42\nß\n")


def test_streamed(client: FlaskClient) -> None:
    headers = {"Accept": "application/jsonlines"}
    answer = client.post("/endpoints/reader/invocations-response-stream", data=PAGE, headers=headers)
    assert answer.status_code == 200 and b'{"text":"HELLO 42",' in answer.data
