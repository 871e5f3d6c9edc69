"""The wall clock may be set back or forward: nothing that lasts is measured by it."""

import ast
import json
import logging
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.conftest import ROOT

# What the store keeps has dates, which outlive a process: one module reads the clock for them. Pictures that workflows
# answer have one, as Roboflow's.
DATES = (
    *("store/database.py", "nucleus/jobs.py", "workflows/serialise.py"),
    *("workflows/operations/pictures.py", "workflows/operations/texts.py"),
)
MODULES = [path for path in sorted((ROOT / "container").rglob("*.py")) if not path.as_posix().endswith(DATES)]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_module_reads_the_wall_clock(path: Path) -> None:
    """Log lines have theirs from the log record; TLS and HTTP dates from the libraries."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        name = ast.unparse(node) if isinstance(node, ast.Attribute | ast.Name) else ""
        assert name not in ("time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "date.today"), path
        if isinstance(node, ast.ImportFrom) and node.module in ("time", "datetime"):
            assert not {alias.name for alias in node.names} & {"time", "time_ns", "datetime", "date"}, path


@pytest.fixture(params=[-3600, 3600], ids=["set back", "set forward"])
def jumping(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An hour further at each look at the wall clock."""
    began, looks = time.time(), count(1)
    monkeypatch.setattr(time, "time", lambda: began + request.param * next(looks))
    yield
    assert next(looks) > 1  # somebody looked: the log did


def test_a_jump_of_the_wall_clock_changes_no_duration(
    jumping: None, client: FlaskClient, small_png: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "maskserve.request")
    for _ in range(3):
        response = client.post("/invocations", data=small_png)
        assert response.status_code == 200
        assert 0 <= json.loads(response.headers["X-Amzn-SageMaker-Custom-Attributes"])["ms"] < 10_000
    for record in caplog.records:
        fields = record.fields
        assert all(0 <= value < 10_000 for value in (fields["ms"], *fields["stages_ms"].values()))
    assert len(caplog.records) == 3
    assert "maskserve_request_seconds_sum" in client.get("/metrics").text
    sums = [line for line in client.get("/metrics").text.splitlines() if "seconds_sum" in line]
    assert all(0 <= float(line.rsplit(" ", 1)[1]) < 10_000 for line in sums)
