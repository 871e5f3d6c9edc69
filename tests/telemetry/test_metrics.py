"""What /metrics holds: bounded labels, one series a loaded model, and every metric in the README."""

import re
from collections.abc import Iterator

import numpy as np
import pytest
from flask.testing import FlaskClient
from prometheus_client import REGISTRY

from container.app import create_app
from container.settings import Settings
from container.telemetry import metrics
from tests.conftest import ROOT, encode
from tests.fakes import FakeEngine, ready_services

PNG = encode(np.full((30, 40, 3), 128, np.uint8))


@pytest.fixture
def loaded() -> Iterator[list[str]]:
    """Names to load; they are unloaded again."""
    names: list[str] = []
    yield names
    for name in names:
        metrics.model_unloaded(name)


def test_names_over_the_limit_are_other(loaded: list[str]) -> None:
    before = len(metrics.labels)
    for i in range(metrics.MAX_MODELS + 5):
        loaded.append(f"model {i}")
        metrics.model_loaded(loaded[-1], "cpu")
    assert len(metrics.labels) == metrics.MAX_MODELS
    assert metrics.labels["model 0"] == "model 0" and "model 104" not in metrics.labels
    assert 'maskserve_info{device="cpu",model="other",version="' in metrics.render().decode()
    while loaded:
        metrics.model_unloaded(loaded.pop())
    assert len(metrics.labels) == before and 'model="model 0",version=' not in metrics.render().decode()


def test_what_was_counted_of_a_model_stays_when_it_is_gone(loaded: list[str]) -> None:
    """Of the first names that there were, the others together."""
    before = set(metrics._counted)
    for i in range(metrics.MAX_MODELS + 5):
        metrics.model_loaded(f"counted {i}", "cpu")
        metrics.model_unloaded(f"counted {i}")
        metrics.model_evicted(f"counted {i}")
    assert before <= metrics._counted and len(metrics._counted) == metrics.MAX_MODELS
    for name in ("loads", "evictions"):
        series = re.findall(rf'^maskserve_model_{name}_total{{model="(.*)"}} (\S+)', metrics.render().decode(), re.M)
        assert len(series) <= metrics.MAX_MODELS + 1 and float(dict(series)["other"]) >= 5


def test_a_name_stays_until_its_last_model_is_unloaded(loaded: list[str]) -> None:
    for _ in range(2):
        metrics.model_loaded("twin", "cuda:0")
    metrics.model_unloaded("twin")
    assert 'device="cuda:0",model="twin"' in metrics.render().decode()
    metrics.model_unloaded("twin")
    assert 'model="twin",version=' not in metrics.render().decode()


def value(client: FlaskClient, series: str) -> float:
    found = re.search(rf"^{re.escape(series)} (\S+)$", client.get("/metrics").text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_refusals_are_counted_by_their_code(client: FlaskClient) -> None:
    series = 'maskserve_refusals_total{reason="unsupported_media_type"}'
    before = value(client, series)
    assert client.post("/invocations", data=b"no picture").status_code == 415
    assert value(client, series) == before + 1


def refusals(client: FlaskClient) -> set[str]:
    return set(re.findall("maskserve_refusals_total.*", client.get("/metrics").text))


def test_errors_of_the_server_are_no_refusals() -> None:
    services = ready_services(FakeEngine(error=ZeroDivisionError("oops")))
    client = create_app(Settings(), services).test_client()
    before = refusals(client)
    assert client.post("/invocations", data=PNG).status_code == 500
    assert refusals(client) == before
    services.pool.close()


def test_nothing_is_said_of_when_a_series_was_made(client: FlaskClient) -> None:
    client.post("/invocations", data=PNG)
    assert "_created" not in client.get("/metrics").text


def test_the_readme_has_every_metric() -> None:
    known = {one.name + "_total" * (one.type == "counter") for one in REGISTRY.collect() if "maskserve" in one.name}
    rows = re.findall(r"^\| `(maskserve_\w+)` \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(rows) == known and len(rows) == len(known)
