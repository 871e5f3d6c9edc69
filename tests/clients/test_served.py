"""docs/recording.md runs as it is printed: photos are served, Scale's client sends truth, and reads figures."""

import re
from pathlib import Path

import pytest
import requests

from container.store import datasets, items
from container.store.store import Store
from tests.clients.nucleus_clients import SECONDS, VERSIONS, run
from tests.conftest import ROOT, StartServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(SECONDS + 60)]


def test_the_chapter_runs_as_it_is_printed(start_server: StartServer, tmp_path: Path, astronaut: bytes) -> None:
    """And what was answered just before SIGTERM is recorded, too."""
    folder = tmp_path / "store"
    served = start_server(
        MASKSERVE_STORE=str(folder), MASKSERVE_STORE_PREDICTIONS="production", MASKSERVE_DRAIN_SECONDS="0"
    )
    served.wait()
    (tmp_path / "photo.jpg").write_bytes(astronaut)
    chapter = (ROOT / "docs" / "recording.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", chapter, re.DOTALL))
    printed = run(VERSIONS[-1], served.url, tmp_path, ["-c", code.replace("http://127.0.0.1:8080", served.url)])
    weights = re.search(r'"sha256": "(\w{12})', (ROOT / "container/models/embedded/model.json").read_text())
    assert weights
    first, second, recorded, figures = printed.splitlines()
    assert first == second and first.startswith("200 person ")
    assert recorded.startswith(f"production maskrcnn {weights[1]} ['person'")
    assert re.fullmatch(r"AP50 (1\.0|0\.99\d+) \{'tp': 1, 'fp': \d+, 'fn': 0\}", figures)
    requests.post(f"{served.url}/invocations", data=astronaut, params={"reference_id": "last"}).raise_for_status()
    assert served.stop() == 0
    store = Store.open(folder)
    with store.read() as c:
        (one,) = datasets.every(c)
        assert [item.reference_id for item in items.page(c, one.key, 0, 9)] == ["street 1", "street 2", "last"]
    store.close()
