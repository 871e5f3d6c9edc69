"""The real application around a store in a temporary folder, and what clients send to it."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from container.app import create_app
from container.settings import Settings
from container.store.store import Store
from tests.fakes import FakeEngine, ready_services
from tests.roomy import roomy

PREFIX = "/v1/nucleus/"


@dataclass
class Api:
    """A client of the routes; an answer that should be good is, or the test ends."""

    client: FlaskClient

    def ask(self, method: str, route: str, json: object = None, **more: Any) -> TestResponse:
        """An answer of any status, always JSON."""
        answer = self.client.open(PREFIX + route, method=method, json=json, **more)
        assert answer.content_type == "application/json", answer.data
        return answer

    def get(self, route: str) -> Any:
        """The JSON of a good answer."""
        return self._good(self.ask("GET", route))

    def post(self, route: str, **json: object) -> Any:
        """The JSON of a good answer."""
        return self._good(self.ask("POST", route, json))

    def delete(self, route: str, **json: object) -> Any:
        """The JSON of a good answer."""
        return self._good(self.ask("DELETE", route, json))

    def error(self, status: int, method: str, route: str, json: object = None, **more: Any) -> str:
        """The text of an error of this status, in its only shape."""
        answer = self.ask(method, route, json, **more)
        assert answer.status_code == status, answer.data
        assert answer.data.startswith(b'{"error":"') and list(answer.json or {}) == ["error"]
        return str((answer.json or {})["error"])

    def upload(self, dataset: str, request_id: str, *lines: object) -> None:
        """Put lines of JSON to a signed address."""
        url = self.get(f"dataset/{dataset}/signedUrl/{request_id}")["signed_url"]
        body = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
        assert self.client.put(url, data=body.encode()).status_code == 200

    def finish(self, job: dict[str, str]) -> Any:
        """The status of a job when it has ended."""
        assert {"job_id", "job_last_known_status", "job_type", "job_creation_time"} == set(job)
        end = time.monotonic() + 20
        while (status := self.get(f"job/{job['job_id']}"))["status"] == "Running":
            assert time.monotonic() < end
            time.sleep(0.02)
        return status

    @staticmethod
    def _good(answer: TestResponse) -> Any:
        assert answer.status_code == 200, answer.data
        return answer.json


@pytest.fixture
def store(tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An empty store; the application closes it."""
    return roomy_store(tmp_path / "store", monkeypatch, address)


@pytest.fixture
def api(store: Store) -> Iterator[Api]:
    """The application with that store."""
    with application(store) as api:
        yield api


def roomy_store(folder: Path, patch: pytest.MonkeyPatch, address: str = "") -> Store:
    """An empty store that writes whatever the disk has left."""
    roomy(patch)
    return Store.open(folder, address)


@contextmanager
def application(store: Store) -> Iterator[Api]:
    """The application with a store, which it closes at the end."""
    app = create_app(Settings(protocols="nucleus"), replace(ready_services(FakeEngine()), store=store))
    yield Api(app.test_client())
    app.services.draining.set()
    app.close()
    app.services.pool.close()


@pytest.fixture
def dataset(api: Api) -> str:
    """A dataset with the items "1" and "2"."""
    dataset = str(api.post("dataset/create", name="streets")["dataset_id"])
    api.post(f"dataset/{dataset}/append", items=[item("1"), item("2")])
    return dataset


@pytest.fixture
def model(api: Api) -> str:
    """A model."""
    return str(api.post("models/add", name="net", reference_id="net-1", metadata={})["model_id"])


@pytest.fixture
def run(api: Api, dataset: str, model: str) -> str:
    """A run of that model on that dataset."""
    return str(api.post(f"dataset/{dataset}/modelRun/create", name="first", reference_id="net-1")["model_run_id"])


def item(reference_id: str, **more: object) -> dict[str, Any]:
    """An item as clients send it."""
    return {"reference_id": reference_id, "image_url": f"s3://b/{reference_id}.png", "metadata": {}, **more}


def box(reference_id: str | None, annotation_id: str | None = "b", **more: object) -> dict[str, Any]:
    """A box as clients send it."""
    return {
        "label": "car",
        "type": "box",
        "geometry": {"x": 1, "y": 2.50, "width": 3, "height": 4},
        "reference_id": reference_id,
        "annotation_id": annotation_id,
        "metadata": {"weather": "é"},
        **more,
    }


def segmentation(reference_id: str, mask_url: str) -> dict[str, Any]:
    """A segmentation as clients send it."""
    segments = [{"label": "car", "index": 1}]
    return {
        "type": "mask",
        "mask_url": mask_url,
        "annotations": segments,
        "reference_id": reference_id,
        "annotation_id": None,
    }
