"""/infer/lmm and /llm/cogvlm: what goes in, what comes out, with a fake model."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from container.app import create_app
from container.settings import Settings
from tests.conftest import encode
from tests.fakes import FakeEngine, FakeLmmEngine, ready_services
from tests.protocols.roboflow.conftest import as_value

LMM, COGVLM = "/infer/lmm", "/llm/cogvlm"
PHOTO, OTHER = (as_value(encode(np.full((30, 40, 3), value, np.uint8))) for value in (7, 9))
BODY = {"model_id": "fake", "prompt": "what is it?", "image": PHOTO}
DAMAGED = {"type": "base64", "value": "AAAA"}  # told only where it is decoded


@pytest.fixture
def engine() -> FakeLmmEngine:
    return FakeLmmEngine()


@pytest.fixture
def client(engine: FakeLmmEngine) -> Iterator[FlaskClient]:
    app = create_app(Settings(), ready_services(engine))
    yield app.test_client()
    app.services.pool.close()


@pytest.mark.parametrize(
    ("path", "left_out"),
    [(LMM, ""), (LMM + "/fake", "model_id"), (LMM + "/lmm/fake", "model_id"), (LMM + "/fake/", ""), (COGVLM, "")],
)
def test_an_answer(client: FlaskClient, engine: FakeLmmEngine, path: str, left_out: str) -> None:
    answer = client.post(path, json={key: value for key, value in BODY.items() if key != left_out})
    assert answer.status_code == 200, answer.json
    assert answer.headers["X-Model-Id"] == "fake"
    found = answer.json
    assert found["response"] == "[7, 7, 7] what is it?"
    assert found["image"] == {"width": 40, "height": 30}
    assert (len(found["inference_id"]), type(found["time"])) == (36, float)
    assert set(found) == {"response", "image", "inference_id", "time"}
    assert (engine.asked_for[-1].max_new_tokens, engine.asked_for[-1].thinking) == (256, None)


def test_a_list_of_pictures_is_answered_by_a_list(client: FlaskClient) -> None:
    found = client.post(LMM, json=BODY | {"image": [PHOTO, OTHER], "id": "mine"}).json
    assert [one["response"][:9] for one in found] == ["[7, 7, 7]", "[9, 9, 9]"]
    assert [one["inference_id"] for one in found] == ["mine", "mine"]
    assert len(client.post(LMM, json=BODY | {"image": [PHOTO]}).json) == 1


def test_what_is_asked_besides(client: FlaskClient, engine: FakeLmmEngine) -> None:
    client.post(LMM, json=BODY | {"max_new_tokens": 1024, "enable_thinking": False, "prompt": None})
    asked = engine.asked_for[-1]
    assert (asked.max_new_tokens, asked.thinking, asked.prompt, list(asked.history)) == (1024, False, None, [])
    client.post(COGVLM, json=BODY | {"history": [["who?", "a cat"], ["where?", "here"]]})
    assert list(engine.asked_for[-1].history) == [("who?", "a cat"), ("where?", "here")]


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"max_new_tokens": 0}, 400, "max_new_tokens is 0; it takes 1 to 1024"),
        ({"max_new_tokens": 1025}, 400, "max_new_tokens is 1025; it takes 1 to 1024"),
        ({"max_new_tokens": 10**400}, 400, "it takes 1 to 1024"),
        ({"max_new_tokens": "9"}, 422, "max_new_tokens is '9'; it takes a whole number"),
        ({"max_new_tokens": True}, 422, "it takes a whole number"),
        ({"enable_thinking": 1}, 422, "enable_thinking is 1; it takes true or false"),
        ({"prompt": ["a"]}, 422, "prompt is ['a']; it takes a text"),
        ({"prompt": "ä" * 4097}, 400, "the prompt has 8194 bytes; at most 8192 are allowed; ask in fewer words"),
        ({"history": [["a", "b" * 32_768]]}, 400, "the history has 32769 bytes; at most 32768 are allowed"),
        ({"history": [["a"]]}, 422, "history takes a list of pairs of texts"),
        ({"history": "a"}, 422, "history takes a list of pairs of texts"),
        ({"id": 3}, 422, "id is 3; it takes a text"),
        ({"image": []}, 422, "image of the JSON body is missing or empty"),
        ({"image": None}, 422, "image of the JSON body is missing or empty"),
        ({"image": [PHOTO, DAMAGED]}, 415, "picture 2 of 2: "),
        ({"image": [PHOTO] * 257}, 413, "the list holds 257 pictures; at most 256 are allowed"),
        ({"model_id": None}, 422, "model_id of the JSON body is missing"),
        ({"model_id": "other", "image": DAMAGED}, 501, "there is no language model 'other'; there are: fake"),
        ({"model_id": "../a", "image": DAMAGED}, 501, "MASKSERVE_MODEL_STORE/lmm/ID/"),
    ],
)  # fmt: skip
def test_errors_say_what_to_do(client: FlaskClient, body: dict[str, Any], status: int, words: str) -> None:
    answer = client.post(LMM, json=BODY | body)
    assert answer.status_code == status, answer.json
    assert words in answer.json["message"]


@pytest.mark.parametrize("path", [LMM, LMM + "/a/b", COGVLM])
def test_without_a_model_nothing_is_decoded(path: str) -> None:
    app = create_app(Settings(), ready_services(FakeEngine()))
    answer = app.test_client().post(path, json=BODY | {"image": DAMAGED})
    assert answer.status_code == 501
    assert "put a folder of Hugging Face's transformers" in answer.json["message"]
    app.services.pool.close()


@pytest.mark.parametrize(("setting", "status"), [("fake", 200), ("lmm/fake", 200), ("lmm/other", 501)])
def test_the_model_that_answers_for_cogvlm(engine: FakeLmmEngine, setting: str, status: int) -> None:
    app = create_app(Settings(lmm=setting), ready_services(engine))
    answer = app.test_client().post(COGVLM, json=BODY | {"model_id": "cogvlm"})
    assert answer.status_code == status, answer.json
    app.services.pool.close()


def test_the_registry_and_other_routes_name_it(client: FlaskClient) -> None:
    client.post(LMM, json=BODY)
    rows = client.get("/model/registry").json["models"]
    assert [(row["model_id"], row["task_type"]) for row in rows] == [("fake", "lmm")]
    answer = client.post("/infer/object_detection", json={"model_id": "fake/1", "image": PHOTO})
    assert answer.status_code == 400
    assert "POST /infer/lmm" in answer.json["message"]


def test_the_deadline_ends_a_generation() -> None:
    app = create_app(Settings(), ready_services(FakeLmmEngine(seconds=30), deadline_seconds=0.3))
    begun = time.monotonic()
    answer = app.test_client().post(LMM, json=BODY)
    assert answer.status_code == 413, "as for other models: clients send 504 again"
    app.services.pool.close()  # waits for the generation
    assert time.monotonic() - begun < 5


def test_one_at_a_time_and_no_more_than_may_wait() -> None:
    app = create_app(Settings(), ready_services(FakeLmmEngine(seconds=0.3), queue_size=1))
    barrier = threading.Barrier(6)

    def ask(_: int) -> int:
        barrier.wait()
        return int(app.test_client().post(LMM, json=BODY).status_code)

    with ThreadPoolExecutor(6) as threads:
        found = sorted(threads.map(ask, range(6)))
    assert found.count(503) >= 3
    assert found.count(200) >= 1
    app.services.pool.close()
