"""Scale's client in several versions against one store at once, led to it by its arguments alone.

Nothing is patched but the seconds between two looks at a job. `drive_scale_nucleus/` makes the calls, in the virtual
environment of each version, and judges what is read back. Here is what it drives, and that nothing is wrong.
"""

import functools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clients.nucleus_clients import EVERY, SECONDS, VERSIONS, run
from tests.clients.scored_scenes import scored_scenes
from tests.conftest import ROOT, Server, StartServer
from tests.postgres import PASSWORD, Databases

OLDEST, NEWEST = VERSIONS[0], VERSIONS[-1]
KEY = "laptop-key/2026+a="
DRIVE = Path(__file__).parent / "drive_scale_nucleus"

TOPICS = {  # and how many checks each has at least
    "page.snippet": 10,
    "page.models": 7,
    "page.runs": 20,
    "predictions.kinds": 40,
    "predictions.raw": 12,
    "predictions.update": 10,
    "predictions.identities": 12,
    "predictions.twice_in_a_request": 5,
    "predictions.errors": 20,
    "uploads.batches": 9,
    "uploads.polygons": 6,
    "uploads.asynchronous": 18,
    "uploads.ground_truth": 4,
    "uploads.jobs": 15,
    "masks.remote": 10,
    "masks.local": 20,
    "reads.names": 190,
    "reads.splits": 12,
    "reads.positions": 8,
    "datasets.basics": 7,
    "datasets.items": 12,
    "datasets.files": 4,
    "datasets.truth": 30,
    "datasets.queries": 1,
    "datasets.metadata": 4,
    "datasets.labels": 9,
    "datasets.deletions": 15,
    "commits.payloads": 40,
    "commits.wrong_payloads": 25,
    "commits.lifecycle": 20,
    "commits.of_models": 20,
    "commits.deletions": 7,
    "matches.random_boxes": 16,
    "matches.shapes": 22,
    "matches.categories": 11,
    "matches.segments": 6,
    "figures.of_scenes": 23,
    "figures.wrong_maps": 5,
    "newer.keys": 2,
    "unavailable.methods": 28,
}
ADDED = {  # those of some versions
    "commits.spanning": (("0.21.2", "0.22.3"), 7),
    "evaluations.of_runs": (("0.19.0",), 200),
    "evaluations.on_benchmarks": (("0.21.2", "0.22.3"), 130),
    "evaluations.of_models": (("0.22.3",), 40),
    "evaluations.endings": (("0.19.0", "0.21.2", "0.22.3"), 1),
    "evaluations.leaderboards": (("0.21.2", "0.22.3"), 25),
    "benchmarks.membership": (("0.21.2", "0.22.3"), 27),
    "benchmarks.drafts": (("0.21.2", "0.22.3"), 8),
    "benchmarks.versions": (("0.21.2", "0.22.3"), 11),
    "benchmarks.presets": (("0.21.2", "0.22.3"), 9),
    "newer.spanning": (("0.21.2", "0.22.3"), 15),
    "newer.of_models": (("0.22.3",), 10),
}
LONG = {"uploads.polygons", "matches.random_boxes"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(SECONDS + 60)]

Outcomes = dict[str, dict[str, str]]
Drive = Callable[..., Outcomes]


@pytest.fixture(scope="module")
def drive(tmp_path_factory: pytest.TempPathFactory) -> Drive:
    """Make all calls of a version, once for each server, or those of the topics that are named."""
    scenes = tmp_path_factory.mktemp("scenes") / "scenes.json"
    scenes.write_text(json.dumps(scored_scenes()))

    @functools.cache
    def drive(version: str, url: str, *topics: str, locked: bool = False) -> Outcomes:
        folder = tmp_path_factory.mktemp(version)
        plan = {
            "url": url,
            "key": KEY,
            "locked": locked,
            "folder": str(folder),
            "topics": topics,
            "scenes": str(scenes),
        }
        (folder / "plan.json").write_text(json.dumps(plan))
        run(version, url, folder, [DRIVE, folder / "plan.json", folder / "outcomes.json"])
        found: Outcomes = json.loads((folder / "outcomes.json").read_text())
        return found

    return drive


@pytest.fixture(scope="module")
def served(start_server: StartServer, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """The embedded model and a store, for all versions."""
    started = start_server(MASKSERVE_STORE=str(tmp_path_factory.mktemp("store")))
    started.wait()
    return started


@pytest.fixture(scope="module")
def served_with_postgresql(
    start_server: StartServer, tmp_path_factory: pytest.TempPathFactory, databases: Databases
) -> Iterator[Server]:
    """The same over PostgreSQL and a folder that stands for S3, by two workers."""
    with databases.one() as address:
        started = start_server(
            MASKSERVE_STORE="s3://bucket/store",
            MASKSERVE_LOCAL_S3=str(tmp_path_factory.mktemp("s3")),
            TMPDIR=str(tmp_path_factory.mktemp("tmp")),
            MASKSERVE_STORE_DATABASE=address,
            SAGEMAKER_MODEL_SERVER_WORKERS="2",
        )
        started.wait()
        yield started
        assert started.stop() == 0
        assert PASSWORD not in started.log.read_text()


def wrong(outcomes: Outcomes, *topics: str) -> str:
    """What is wrong in some topics, a line a check."""
    return "\n".join(f"{topic}, {name}: {text}" for topic in topics for name, text in outcomes[topic].items() if text)


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_topic(served: Server, drive: Drive, version: str, topic: str) -> None:
    outcomes = drive(version, served.url)
    assert not wrong(outcomes, topic)
    assert len(outcomes[topic]) >= TOPICS[topic]


@pytest.mark.parametrize("topic", ADDED)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_topic_of_newer_clients(served: Server, drive: Drive, version: str, topic: str) -> None:
    versions, least = ADDED[topic]
    outcomes = drive(version, served.url)
    assert not wrong(outcomes, topic)
    assert len(outcomes[topic]) >= least if version in versions else not outcomes[topic]


@pytest.mark.parametrize("version", VERSIONS if EVERY else [OLDEST, NEWEST])
def test_with_postgresql(served_with_postgresql: Server, drive: Drive, version: str) -> None:
    """The newest makes all calls but the longest, the oldest those that write most; with EVERY=1 all make all."""
    topics = sorted({*TOPICS, *ADDED} - (set() if EVERY else LONG))
    if version == OLDEST and not EVERY:
        topics = [topic for topic in topics if topic.partition(".")[0] in ("page", "predictions", "uploads", "masks")]
    outcomes = drive(version, served_with_postgresql.url, *topics)
    assert not wrong(outcomes, *topics)
    assert all(len(outcomes[topic]) >= TOPICS[topic] for topic in topics if topic in TOPICS)


def test_every_topic_is_listed(served: Server, drive: Drive) -> None:
    assert sorted(drive(NEWEST, served.url)) == sorted([*TOPICS, *ADDED])


def test_with_a_key(start_server: StartServer, drive: Drive, tmp_path: Path) -> None:
    """Addresses of uploads and masks need none, as their signature is one."""
    started = start_server(MASKSERVE_STORE=str(tmp_path / "store"), MASKSERVE_API_KEY=KEY)
    started.wait()
    topics = ("newer.keys", "page.snippet", "uploads.asynchronous", "masks.local", "datasets.files")
    outcomes = drive(NEWEST, started.url, *topics, locked=True)
    assert started.stop() == 0
    assert not wrong(outcomes, *topics)
    assert len(outcomes["newer.keys"]) == 5


def test_with_two_workers(start_server: StartServer, drive: Drive, tmp_path: Path) -> None:
    """Any of them answers, and any finishes the jobs."""
    started = start_server(MASKSERVE_STORE=str(tmp_path / "store"), SAGEMAKER_MODEL_SERVER_WORKERS="2")
    started.wait()
    topics = sorted({*TOPICS} - LONG)
    outcomes = drive(OLDEST, started.url, *topics)
    assert started.stop() == 0
    assert not wrong(outcomes, *topics)


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_the_chapter_runs_as_it_is_printed(served: Server, version: str, tmp_path: Path, astronaut: bytes) -> None:
    """All of its Python, from the first block to the last."""
    chapter = (ROOT / "docs" / "nucleus.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", chapter, re.DOTALL)
    quick = "import nucleus.async_job\nnucleus.async_job.JOB_POLLING_INTERVAL = 0.05"
    code = "\n".join([quick, *blocks, "client.delete_dataset(dataset.id)"])  # other tests have an item "1", too
    (tmp_path / "photo.jpg").write_bytes(astronaut)
    printed = run(version, served.url, tmp_path, ["-c", code.replace("http://127.0.0.1:8080", served.url)])
    assert "1 None\ncar 0.9\nepoch 8 " in printed
    assert re.search(r"^Completed \[.*no such item.*\]$", printed, re.MULTILINE)
    assert re.search(r"^\['person'.*\]\nTrue$", printed, re.MULTILINE)
