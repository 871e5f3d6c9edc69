"""/models, and requests for one of several models, with models that need no torch."""

import json
import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from container.app import create_app
from container.errors import ModelError, OutOfMemory
from container.models.policies.explicit import Record
from container.protocols.sagemaker.endpoint import TARGET_MODEL
from container.settings import Settings
from tests.conftest import encode
from tests.fakes import FakeEngine, FakeLoader, multi_model_services, ready_services, started

PNG = encode(np.full((30, 40, 3), 128, np.uint8))
FOUND = ["horse 100%", "person 53%"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder for models, with some; what "bad" holds cannot be loaded."""
    for name in ("a", "b", "c", "bad", "team/a"):
        (tmp_path / "models" / name).mkdir(parents=True)
    return tmp_path / "models"


@pytest.fixture
def loader() -> FakeLoader:
    return FakeLoader(room=3)


@pytest.fixture
def client(root: Path, loader: FakeLoader) -> Iterator[FlaskClient]:
    """A multi-model endpoint that has started."""
    services = started(root, loader)
    yield create_app(Settings(), services).test_client()
    services.pool.close()


def load(client: FlaskClient, name: str, place: str | None = None) -> int:
    """The status of loading the model of a folder below the root."""
    url = f"{client.application.services.pool.policy._root}/{place or name}"
    return client.post("/models", json={"model_name": name, "url": url}).status_code


def names(client: FlaskClient, **query: str) -> list[str]:
    return [model["modelName"] for model in client.get("/models", query_string=query).json["models"]]


def code(response: Any) -> str:
    return str(response.json["error"]["code"])


def test_the_life_of_a_model(client: FlaskClient, root: Path, loader: FakeLoader) -> None:
    assert client.get("/ping").status_code == 200 and client.get("/models").json == {"models": []}
    described = {"modelName": "m1", "modelUrl": f"{root}/a"}
    response = client.post("/models", json={"model_name": "m1", "url": f"{root}/a"})
    assert (response.status_code, response.json) == (200, {"status": 'Model "m1" loaded'})
    assert client.get("/models/m1").json == described
    assert client.get("/models").json == {"models": [described]}
    response = client.post("/models/m1/invoke", data=PNG)
    assert (response.status_code, response.json["labels"]) == (200, FOUND)
    assert json.loads(response.headers["X-Amzn-SageMaker-Custom-Attributes"])["model"] == "a"
    response = client.delete("/models/m1")
    assert (response.status_code, response.json) == (200, {"status": 'Model "m1" unloaded'})
    assert loader.alive == 0
    assert client.get("/models").json == {"models": []} and client.get("/ping").status_code == 200
    assert load(client, "m1", "b") == 200


@pytest.mark.parametrize(
    ("headers", "media_type"),
    [
        ({"Accept": "image/png"}, "image/png"),
        ({"Accept": "image/jpeg"}, "image/jpeg"),
        ({"X-Amzn-SageMaker-Custom-Attributes": '{"response_type": "png"}'}, "image/png"),
        ({}, "application/json"),
    ],
)
def test_a_model_answers_as_an_endpoint_does(headers: dict[str, str], media_type: str, client: FlaskClient) -> None:
    assert load(client, "a") == 200
    response = client.post("/models/a/invoke", data=PNG, headers=headers)
    assert (response.status_code, response.content_type) == (200, media_type)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/models/no"), ("DELETE", "/models/no"), ("POST", "/models/no/invoke"), ("GET", "/models/../no")],
)
def test_what_is_not_loaded_is_not_found(method: str, path: str, client: FlaskClient) -> None:
    assert load(client, "a") == 200
    response = client.open(path, method=method, data=PNG if method == "POST" else None)
    assert response.status_code == 404 and response.json["error"]["message"]


def test_one_name_is_loaded_once(client: FlaskClient) -> None:
    assert [load(client, "m", "a"), load(client, "m", "a"), load(client, "m", "b")] == [200, 409, 409]
    assert load(client, "n", "a") == 200


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a\\b", "a\0b", "x" * 256, "$(id)", "café", " ", "-rf"])
def test_names_that_are_none(name: str, client: FlaskClient) -> None:
    assert load(client, name, "a") == 400 and names(client) == []


def test_a_name_may_be_long(client: FlaskClient) -> None:
    assert load(client, "x" * 255, "a") == 200 and client.get("/models/" + "x" * 255).status_code == 200


BODIES = (b"", b"{", b"[]", b"null", b'{"model_name": "x"}', b'{"model_name": 5, "url": []}', b"[" * 100_000)


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_bodies_that_are_none(body: bytes, client: FlaskClient) -> None:
    response = client.post("/models", data=body)
    assert (response.status_code, code(response)) == (400, "bad_request")


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"model_name": "x"}, "url of the JSON body is missing"),
        ({"url": "a"}, "model_name of the JSON body is missing"),
        ({"model_name": "x", "url": None}, "url of the JSON body is no string"),
        ({"model_name": 5, "url": "a"}, "model_name of the JSON body is no string"),
        ([], "the body is not a JSON object"),
    ],
)
def test_what_is_missing_is_named(document: object, reason: str, client: FlaskClient) -> None:
    response = client.post("/models", json=document)
    assert response.status_code == 400 and reason in response.json["error"]["message"]


@pytest.mark.parametrize("url", ["", "/etc", "a", "{root}", "{root}/../models/a", "{root}/none", "http://h/a.tar.gz"])
def test_places_where_no_model_may_lie(url: str, client: FlaskClient, root: Path) -> None:
    response = client.post("/models", json={"model_name": "m", "url": url.format(root=root)})
    assert (response.status_code, code(response)) == (400, "bad_location")


def test_a_bad_model_is_told_and_leaves_the_others(client: FlaskClient, loader: FakeLoader) -> None:
    assert load(client, "a") == 200
    for _ in range(2):
        assert load(client, "bad") == 400
    assert names(client) == ["a"] and loader.alive == 1
    assert client.post("/models/a/invoke", data=PNG).status_code == 200


def test_f7_memory_is_refused_and_comes_back(client: FlaskClient, loader: FakeLoader) -> None:
    """There is room for three, nobody is put out for a fourth, and there is room again when one has gone."""
    assert [load(client, name, "a") for name in ("m1", "m2", "m3", "m4", "m5")] == [200, 200, 200, 507, 507]
    assert names(client) == ["m1", "m2", "m3"]
    assert {client.post(f"/models/{name}/invoke", data=PNG).status_code for name in names(client)} == {200}
    assert client.delete("/models/m2").status_code == 200 and loader.alive == 2
    assert load(client, "m4", "a") == 200 and load(client, "m5", "a") == 507


@pytest.mark.parametrize("error", [OutOfMemory("too large"), MemoryError()], ids=["the model", "anything else"])
def test_memory_that_is_wanting_for_a_picture_has_the_platform_unload(error: Exception, client: FlaskClient) -> None:
    assert load(client, "a") == 200
    with client.application.services.pool.lease("a") as model:
        model.engine.error = error
    response = client.post("/models/a/invoke", data=PNG)
    assert response.status_code == 507 and code(response) == "insufficient_memory"


@pytest.fixture
def many(root: Path) -> Iterator[FlaskClient]:
    """An endpoint with seven models, loaded in no order."""
    services = started(root, FakeLoader())
    client = create_app(Settings(), services).test_client()
    assert {load(client, name, "a") for name in "gbfacde"} == {200}
    yield client
    services.pool.close()


@pytest.mark.parametrize(
    ("limit", "pages"),
    [("1", list("abcdefg")), ("3", ["abc", "def", "g"]), ("7", ["abcdefg"]), ("100", ["abcdefg"]), ("", ["abcdefg"])],
)
def test_pages(limit: str, pages: list[str], many: FlaskClient) -> None:
    """No page is empty, and only the last has no token."""
    found, token = [], ""
    while True:
        page = many.get("/models", query_string={"limit": limit, "next_page_token": token}).json
        found.append("".join(model["modelName"] for model in page["models"]))
        token = page.get("nextPageToken")
        if token is None:
            break
    assert found == pages


def test_pages_stand_still_while_models_come_and_go(many: FlaskClient) -> None:
    token = many.get("/models?limit=3").json["nextPageToken"]
    for name in "ac":
        assert many.delete(f"/models/{name}").status_code == 200
    assert load(many, "aa", "a") == 200
    assert names(many, limit="3", next_page_token=token) == ["d", "e", "f"]


@pytest.mark.parametrize(
    "query",
    [
        *(f"limit={limit}" for limit in ("0", "101", "-1", "abc", "1e9", "9" * 20, "%C2%B2")),
        *(f"next_page_token={token}" for token in ("%00junk", "a", "YQ==", "Li4", "%C3%A9", "/w")),
    ],
)
def test_pages_that_are_none(query: str, many: FlaskClient) -> None:
    response = many.get("/models?" + query)
    assert (response.status_code, code(response)) == (400, "bad_request")


def test_without_the_setting_there_are_no_such_routes() -> None:
    services = ready_services(FakeEngine())
    client = create_app(Settings(), services).test_client()
    for method, path in (
        ("GET", "/models"),
        ("POST", "/models"),
        ("DELETE", "/models/m"),
        ("POST", "/models/m/invoke"),
    ):
        assert client.open(path, method=method).status_code == 404
    assert not [path for path in client.get("/openapi.json").json["paths"] if path.startswith("/models")]
    services.pool.close()


def ask(client: FlaskClient, path: str, target: str | None) -> Any:
    return client.post(path, data=PNG, headers={} if target is None else {TARGET_MODEL: target})


@pytest.mark.parametrize("path", ["/endpoints/e/invocations", "/invocations"])
def test_the_target_is_loaded_when_it_is_first_asked_for(path: str, client: FlaskClient, root: Path) -> None:
    for target in ("a", "team/a", "a"):
        response = ask(client, path, target)
        assert (response.status_code, response.json["labels"]) == (200, FOUND)
    listed = client.get("/models").json["models"]
    assert sorted(model["modelUrl"] for model in listed) == [f"{root}/a", f"{root}/team/a"]


@pytest.mark.parametrize("target", [None, "", "none.tar.gz", "../models/a", "/etc", "bad/../a", "\xff", "x" * 5000])
def test_targets_that_the_platform_refuses(target: str | None, client: FlaskClient) -> None:
    response = ask(client, "/endpoints/e/invocations", target)
    assert (response.status_code, response.headers["x-amzn-ErrorType"]) == (400, "ValidationError")


@pytest.mark.parametrize(("target", "original"), [("bad", 400), ("c", 507)])
def test_targets_that_cannot_be_loaded_are_model_errors(target: str, original: int, client: FlaskClient) -> None:
    assert {load(client, name, "a") for name in ("m1", "m2", "m3")} == {200}
    response = ask(client, "/endpoints/e/invocations", target)
    assert (response.status_code, response.json["OriginalStatusCode"]) == (424, original)


def test_an_endpoint_of_one_model_takes_no_target() -> None:
    services = ready_services(FakeEngine())
    response = ask(create_app(Settings(), services).test_client(), "/endpoints/e/invocations", "a")
    services.pool.close()
    assert (response.status_code, response.headers["x-amzn-ErrorType"]) == (400, "ValidationError")


def test_without_a_target_the_only_model_answers(client: FlaskClient) -> None:
    assert code(client.post("/invocations", data=PNG)) == "model_not_found"
    load(client, "a")
    assert client.post("/invocations", data=PNG).status_code == 200
    load(client, "b")
    response = client.post("/invocations", data=PNG)
    assert response.status_code == 404 and "2 models loaded" in response.json["error"]["message"]


def test_targets_that_are_asked_for_together_are_loaded_once(root: Path) -> None:
    loader = FakeLoader(load_seconds=0.2)
    services = started(root, loader)
    app = create_app(Settings(), services)
    with ThreadPoolExecutor(8) as pool:
        statuses = pool.map(lambda _: ask(app.test_client(), "/endpoints/e/invocations", "a").status_code, range(8))
        assert set(statuses) == {200}
    assert loader.alive == 1
    services.pool.close()


def test_races_are_answered_by_the_contract(root: Path) -> None:
    """16 threads, 100 requests each, over three names and room for two."""
    loader = FakeLoader(room=2)
    services = started(root, loader)
    app = create_app(Settings(log_level=50), services)

    def work(seed: int) -> Counter[tuple[str, int]]:
        chance, client = random.Random(seed), app.test_client()
        statuses = Counter[tuple[str, int]]()
        for _ in range(100):
            name, action = chance.choice("abc"), chance.choice(("load", "unload", "invoke", "get"))
            if action == "load":
                status = load(client, name)
            elif action == "unload":
                status = client.delete(f"/models/{name}").status_code
            elif action == "invoke":
                status = client.post(f"/models/{name}/invoke", data=PNG).status_code
            else:
                status = client.get(f"/models/{name}").status_code
            statuses[action, status] += 1
        return statuses

    with ThreadPoolExecutor(16) as pool:
        statuses = sum(pool.map(work, range(16), timeout=100), Counter[tuple[str, int]]())
    assert {status for _, status in statuses} == {200, 404, 409, 507}
    assert statuses["load", 200] - statuses["unload", 200] == loader.alive == len(names(app.test_client()))
    services.pool.close()


def test_what_was_loaded_is_loaded_again(root: Path, tmp_path: Path) -> None:
    """As in a process after one that was killed; a model that is gone by then holds nobody up."""
    record = Record(tmp_path / "loaded.json")
    first = started(root, FakeLoader(), record)
    client = create_app(Settings(), first).test_client()
    assert [load(client, name, place) for name, place in (("m1", "a"), ("m2", "b"), ("m3", "c"))] == [200] * 3
    assert client.delete("/models/m2").status_code == 200
    (root / "c").rmdir()

    second = multi_model_services(root, FakeLoader(load_seconds=0.3), record=record)
    client = create_app(Settings(), second).test_client()
    second.pool.start()
    for method, path in (("GET", "/ping"), ("GET", "/models"), ("POST", "/models/m1/invoke"), ("POST", "/invocations")):
        assert client.open(path, method=method, data=PNG if method == "POST" else None).status_code == 503
    assert load(client, "m1", "a") == 503
    assert set(record.read()) == {"m1", "m3"}
    assert second.pool.settle() == ("ready", "")
    assert client.get("/ping").status_code == 200
    assert names(client) == list(record.read()) == ["m1"]
    assert client.post("/models/m1/invoke", data=PNG).status_code == 200
    for services in (first, second):
        services.pool.close()


def test_a_server_that_can_load_nothing_says_so(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(loader: FakeLoader) -> None:
        raise ModelError("there is no such device")

    monkeypatch.setattr(FakeLoader, "prepare", fail)
    services = multi_model_services(root, FakeLoader())
    services.pool.start()
    assert services.pool.settle() == ("failed", "there is no such device")
    client = create_app(Settings(), services).test_client()
    assert client.get("/ping").status_code == 503 and load(client, "a") == 503


def test_a_load_holds_up_nobody_else(root: Path) -> None:
    loader = FakeLoader()
    services = started(root, loader)
    app = create_app(Settings(), services)
    assert load(app.test_client(), "a") == 200
    loader.load_seconds = 1.0
    loading = threading.Thread(target=load, args=(app.test_client(), "b"))
    loading.start()
    for _ in range(20):
        assert app.test_client().post("/models/a/invoke", data=PNG).status_code == 200
        assert names(app.test_client()) == ["a"]
    assert loading.is_alive()
    loading.join()
    services.pool.close()
