"""/invocations of a model that embeds: pictures or texts in, vectors out."""

import base64
import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from container.app import create_app
from container.settings import Settings
from container.structures import npy
from tests.conftest import encode
from tests.fakes import FakeClipEngine, ready_services

ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
RED, BLUE = ([200, 0, 0], [0, 0, 200])
LINES = "application/jsonlines"


def file(colour: list[int]) -> bytes:
    return encode(np.full((30, 40, 3), colour, np.uint8))


def b64(colour: list[int]) -> str:
    return base64.b64encode(file(colour)).decode()


@pytest.fixture
def clip() -> FakeClipEngine:
    return FakeClipEngine()


@pytest.fixture
def client(clip: FakeClipEngine) -> Iterator[FlaskClient]:
    app = create_app(Settings(), ready_services(clip, max_images=20))
    yield app.test_client()
    app.services.pool.close()


def facts(answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.headers[ATTRIBUTES])
    return found


def test_a_picture(client: FlaskClient) -> None:
    answer = client.post("/invocations", data=file(RED), content_type="image/png")
    assert (answer.status_code, answer.json) == (200, {"embedding": RED})
    assert facts(answer) == {"model": "fake", "n": 1, "w": 40, "h": 30, "type": "application/json"} | {
        "ms": facts(answer)["ms"]
    }


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"text": "grr"}, {"embedding": [2, 1, 0]}),
        ({"text": ["b", "gr"]}, [{"embedding": [0, 0, 1]}, {"embedding": [1, 1, 0]}]),
        ({"text": ["b"]}, [{"embedding": [0, 0, 1]}]),
        ({"image": b64(RED)}, {"embedding": RED}),
        ({"instances": [{"b64": b64(RED)}, {"b64": b64(BLUE)}]}, [{"embedding": RED}, {"embedding": BLUE}]),
    ],
    ids=["text", "texts", "array-of-one", "picture", "pictures"],
)
def test_json_in_and_out(document: dict[str, Any], expected: Any, client: FlaskClient) -> None:
    answer = client.post("/invocations", json=document)
    assert (answer.status_code, answer.json) == (200, expected)
    assert facts(answer)["n"] == (len(expected) if isinstance(expected, list) else 1)
    assert ("w" in facts(answer)) == ("text" not in document) and "ignored" not in facts(answer)


def test_lines_are_answered_by_lines(client: FlaskClient) -> None:
    body = '{"text": "r"}\n{"text": "bb"}\n'
    answer = client.post("/invocations", data=body, content_type=LINES)
    assert (answer.status_code, answer.content_type) == (200, LINES)
    assert [json.loads(line)["embedding"] for line in answer.data.splitlines()] == [[1, 0, 0], [0, 0, 2]]
    answer = client.post("/invocations", data=body, content_type="application/x-ndjson", headers={"Accept": "*/json"})
    assert answer.status_code == 406
    answer = client.post("/invocations", data=body, content_type=LINES, headers={"Accept": "application/json"})
    assert answer.json == [{"embedding": [1, 0, 0]}, {"embedding": [0, 0, 2]}]


@pytest.mark.parametrize(("text", "shape"), [("rr", (3,)), (["rr"], (1, 3)), (["rr", "g"], (2, 3))])
def test_numpy_out(text: Any, shape: tuple[int, ...], client: FlaskClient) -> None:
    answer = client.post("/invocations", json={"text": text}, headers={"Accept": "application/x-npy"})
    assert (answer.status_code, answer.content_type) == (200, "application/x-npy")
    array = npy.read(answer.data)
    assert array.shape == shape and np.atleast_2d(array)[0].tolist() == [2, 0, 0]


def test_numpy_in(client: FlaskClient) -> None:
    pictures = np.stack([np.full((5, 5, 3), colour, np.uint8) for colour in (RED, BLUE)])
    body = io.BytesIO()
    np.save(body, pictures)
    answer = client.post("/invocations", data=body.getvalue(), content_type="application/x-npy")
    assert answer.json == [{"embedding": RED}, {"embedding": BLUE}]


def test_many_go_to_the_model_in_batches_and_once(client: FlaskClient, clip: FakeClipEngine) -> None:
    texts = ["r" * i for i in range(1, 13)]
    for _ in range(2):
        answer = client.post("/invocations", json={"text": [*texts, "r"]})
        assert [row["embedding"][0] for row in answer.json] == [*range(1, 13), 1]
    assert [len(query.texts) for query in clip.asked_for if query.texts] == [9, 3]


@pytest.mark.parametrize(
    ("document", "headers", "status", "words"),
    [
        ({"text": []}, {}, 413, "the request holds 0 texts; 1 to 20 are allowed"),
        ({"text": ["a"] * 21}, {}, 413, "the request holds 21 texts; 1 to 20 are allowed"),
        ({"text": ["a", 5]}, {}, 400, "`text` holds 5; it takes texts"),
        ({"text": None}, {}, 400, "`text` holds None; it takes texts"),
        ({"text": "a", "image": "…"}, {}, 400, "has both `image` and `text`"),
        ({"text": "a", "prompts": []}, {}, 400, "prompts are for a promptable model, and this one embeds"),
        ({"nothing": 1}, {}, 400, "the JSON body has no key `image`"),
        ({"text": "a"}, {"X-Amzn-SageMaker-Session-Id": "NEW_SESSION"}, 400, "this model embeds"),
        ({"text": "a"}, {"X-Amzn-SageMaker-Session-Id": "abc"}, 400, "session"),
        ({"text": "a"}, {"Accept": "image/png"}, 406, "there is application/json, application/jsonlines"),
        ({"text": "a"}, {ATTRIBUTES: '{"response_type": "png"}'}, 406, "image/png is asked for, and the answer is"),
        ({"text": "a"}, {ATTRIBUTES: '{"confidence": 7}'}, 400, "confidence"),
    ],
)
def test_errors(
    document: dict[str, Any], headers: dict[str, str], status: int, words: str, client: FlaskClient
) -> None:
    answer = client.post("/invocations", json=document, headers=headers)
    assert (answer.status_code, words in answer.json["error"]["message"]) == (status, True), answer.json


@pytest.mark.parametrize("line", ['{"text": "a"', "[]", '{"image": "a"}'])
def test_a_line_that_is_no_text(line: str, client: FlaskClient) -> None:
    answer = client.post("/invocations", data=f'{{"text": "a"}}\n{line}\n', content_type=LINES)
    assert (
        answer.status_code == 400 and "a line of the body is no object with `text`" in answer.json["error"]["message"]
    )


def test_what_has_no_effect_is_said(client: FlaskClient) -> None:
    given = json.dumps({"confidence": 0.5, "format": "clarify", "colour": 1})
    answer = client.post("/invocations?masks=rle", json={"text": "r", "more": 1}, headers={ATTRIBUTES: given})
    assert answer.json == {"embedding": [1, 0, 0]}
    assert set(facts(answer)["ignored"]) == {"confidence", "format", "colour", "masks", "more"}


def test_the_operators_defaults_are_of_other_models(clip: FakeClipEngine) -> None:
    settings = Settings(default_accept="image/png", default_attributes='{"response_type": "jpeg", "confidence": 0.3}')
    app = create_app(settings, ready_services(clip))
    answer = app.test_client().post("/invocations", json={"text": "r"})
    assert (answer.status_code, answer.json) == (200, {"embedding": [1, 0, 0]}) and "ignored" not in facts(answer)
    app.services.pool.close()


def test_a_broken_picture_in_a_batch_transform(client: FlaskClient) -> None:
    for attributes, status in (("{}", 415), ('{"on_error": "placeholder"}', 200)):
        answer = client.post("/invocations", data=b"none", content_type="image/png", headers={ATTRIBUTES: attributes})
        assert answer.status_code == status and answer.json["error"]["code"]


def test_runtimes(client: FlaskClient) -> None:
    answer = client.post("/endpoints/clip/invocations", json={"text": "rgb"})
    assert answer.json == {"embedding": [1, 1, 1]}
    answer = client.post("/endpoints/clip/invocations-response-stream", json={"text": "rgb"})
    assert answer.status_code == 200 and b'{"embedding":[1.0,1.0,1.0]}' in answer.data
    assert answer.headers["X-Amzn-SageMaker-Content-Type"] == "application/json"
    answer = client.post("/endpoints/clip/invocations", json={"text": 5})
    assert answer.status_code == 424 and "it takes texts" in answer.json["OriginalMessage"]
