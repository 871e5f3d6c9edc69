"""The protocol as a whole: without a store, keys, errors, limits, slashes, and routes that are none."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from container.app import check, create_app
from container.settings import Settings
from container.store.store import Store
from tests.fakes import FakeEngine, ready_services
from tests.protocols.nucleus.conftest import PREFIX, Api, box

KEY = "a-key-of-the-server"
ROUTES = [
    ("GET", ""),
    ("POST", "dataset/create"),
    ("GET", "modelRun/run_1/refloc/a//b"),
    ("PUT", "upload/ds_1/r?expires=1&signature=2"),
    ("PATCH", "benchmarks/b"),
]


@pytest.fixture(scope="module")
def without() -> Iterator[FlaskClient]:
    """An application without a store."""
    app = create_app(Settings(protocols="nucleus"), ready_services(FakeEngine()))
    yield app.test_client()
    app.services.pool.close()


@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_without_a_store_every_route_names_the_setting(method: str, route: str, without: FlaskClient) -> None:
    text = Api(without).error(501, method, route)
    assert "MASKSERVE_STORE" in text


@pytest.fixture
def locked(store: Store) -> Iterator[Api]:
    """An application that asks for a key."""
    services = replace(ready_services(FakeEngine()), store=store)
    app = create_app(Settings(protocols="nucleus", api_key=KEY, public_url="https://masks.example.com/at"), services)
    yield Api(app.test_client())
    app.close()
    app.services.pool.close()


@pytest.mark.parametrize(
    "way",
    [{"auth": (KEY, "")}, {"headers": {"x-limited-access-key": KEY}}, {"headers": {"Authorization": f"Bearer {KEY}"}}],
)
def test_ways_to_carry_a_key(locked: Api, way: dict[str, object]) -> None:
    assert locked.ask("GET", "models/", **way).json == {"models": []}


def test_without_a_key(locked: Api) -> None:
    for route in ("models/", "nothing"):
        answer = locked.ask("GET", route, headers={"x-limited-access-key": "wrong-key"})
        assert answer.status_code == 401 and answer.data.startswith(b'{"error":"')


def test_a_signed_address_needs_no_key_and_begins_with_the_public_url(locked: Api) -> None:
    auth = {"auth": (KEY, "")}
    answer = locked.ask("POST", "dataset/create", {"name": "a"}, **auth)
    dataset = (answer.json or {})["dataset_id"]
    url = (locked.ask("GET", f"dataset/{dataset}/signedUrl/{'a' * 32}?s3Endpoint=x", **auth).json or {})["signed_url"]
    assert url.startswith("https://masks.example.com/at/v1/nucleus/upload/")
    route = url.partition("/nucleus/")[2]
    assert locked.ask("PUT", route, data=b"{}\n").json == {"size": 3}
    for wrong in (route.replace(dataset, "ds_other"), route.replace("expires=", "expires=1"), route.partition("?")[0]):
        locked.error(401, "PUT", wrong, data=b"{}\n")
    locked.error(405, "GET", route, **auth)


def test_an_expired_address(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = api.post("dataset/create", name="a")["dataset_id"]
    with monkeypatch.context() as patch:
        patch.setattr("container.protocols.nucleus.addresses.now", lambda: 1e9)
        url = api.get(f"dataset/{dataset}/signedUrl/r")["signed_url"]
    assert "has expired" in api.error(401, "PUT", url.partition("/nucleus/")[2], data=b"")


@pytest.mark.parametrize(
    "route",
    [
        "slice/",
        "validate/m/evaluate",
        "dataset/create_from_project",
    ],
)
def test_routes_that_are_not_implemented(api: Api, route: str) -> None:
    assert api.error(501, "POST", route, {}) == f"not implemented: POST {route}"


@pytest.mark.parametrize("path", ["/v1//nucleus///models/", "/v1/nucleus//models"])
def test_slashes_at_the_end_of_the_base_address(api: Api, path: str) -> None:
    assert api.client.get(path).json == {"models": []}


@pytest.mark.parametrize("body", [b"{}", b"", None])
def test_bodies_of_requests_that_need_none(api: Api, dataset: str, body: bytes | None) -> None:
    answer = api.ask("GET", f"dataset/{dataset}/size", data=body, content_type="application/json")
    assert answer.json == {"count": 2}
    assert api.ask("DELETE", f"dataset/{dataset}/refloc/1", data=body).status_code == 200


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "not JSON"),
        (b'"x"', "no JSON object"),
        (b'{"name":NaN}', "not JSON"),
        (b'{"name":"a","item_metadata_schema":{"a":1e999}}', "not JSON"),
        (b'{"name":""}', "name"),
        (b'{"name":"\\ud800"}', "name"),
        (b'{"name":"\\u0000"}', "name"),
        (b'{"name":"a","use_privacy_mode":1}', "use_privacy_mode"),
        (b"[" * 500_000, "commas"),
    ],
)
def test_bad_documents(api: Api, body: bytes, said: str) -> None:
    assert said in api.error(400, "POST", "dataset/create", data=body, content_type="application/json")


def test_limits_by_path(api: Api, store: Store, dataset: str, run: str) -> None:
    site = create_app(Settings(store_max_request_mb=2, store_max_upload_mb=3), ready_services(FakeEngine()))
    limits = {path: site.body_limits(PREFIX + path) for path in ("dataset/create", "dataset/a/annotate", "upload/a/b")}
    assert [limit.max_bytes for limit in limits.values()] == [8 << 20, 2 << 20, 3 << 20]
    assert [limit.in_memory for limit in limits.values()] == [True, False, False]
    site.services.pool.close()
    large = b" " * (9 << 20)
    assert "8 MB" in api.error(413, "POST", "dataset/create", data=large, content_type="application/json")


def test_a_full_disk_is_told_before_anything_is_written(
    api: Api, dataset: str, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("container.store.store.FREE_BYTES", 1 << 60)
        for route in (f"modelRun/{run}/predict", "dataset/create", f"dataset/{dataset}/append"):
            answer = api.ask("POST", route, {"name": "a", "annotations": [box("1")], "items": []})
            assert answer.status_code == 503 and answer.headers["Retry-After"] == "60"
    assert api.get(f"modelRun/{run}/ungrouped") == {} and len(api.get("dataset/details")) == 1


def test_a_store_that_cannot_be_opened_is_refused_at_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="^MASKSERVE_STORE: [^\n]+$"):
        check(Settings(store=str(tmp_path / "file"), model="default"))
    check(Settings(store=str(tmp_path / "made"), model="default"))
    assert (tmp_path / "made" / "store.sqlite3").exists()


def test_compressed_bodies_are_refused(api: Api, dataset: str) -> None:
    url = api.get(f"dataset/{dataset}/signedUrl/r")["signed_url"].partition("/nucleus/")[2]
    for method, route in [("POST", "dataset/create"), ("POST", f"dataset/{dataset}/append"), ("PUT", url)]:
        text = api.error(415, method, route, data=b"{}", headers={"Content-Encoding": "gzip"})
        assert "'gzip'" in text
