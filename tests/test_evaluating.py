"""evaluate: runs of a store and models on a folder get the same report, files and exit codes."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from container.cli import main
from container.store.store import Store
from tests.conftest import pixels_of
from tests.roomy import roomy
from tests.scoring import farms

FILES = ["confusion.png", "precision-recall.png", "report.json", "worst.png"]
LEFT, RIGHT = (10.0, 10.0, 100.0, 100.0), (200.0, 10.0, 100.0, 100.0)
NAMES = [f"photo {i}" for i in range(12)]
TRUTH = {name: [("cat", LEFT), ("dog", RIGHT)] for name in NAMES}
GOOD = {name: [("cat", LEFT, 0.9), ("dog", RIGHT, 0.8)] for name in NAMES}
BAD = {name: [("cat", LEFT, 0.9), ("cat", RIGHT, 0.95)] for name in NAMES}


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str, str]]:
    """The folder of a store, and the ids of a dataset and of a good run."""
    folder = tmp_path_factory.mktemp("evaluate") / "store"
    with pytest.MonkeyPatch.context() as patch:
        roomy(patch)
        store = Store.open(folder)
        dataset = farms.make(store, "farm", TRUTH)
        good = farms.predict(store, dataset, "good", GOOD)
        farms.predict(store, dataset, "bad", BAD)
        store.close()
    yield folder, dataset.id, good.id


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stored: tuple[Path, str, str]):
    """Run evaluate in an empty folder, with the store of the setting."""
    monkeypatch.setenv("MASKSERVE_STORE", str(stored[0]))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["evaluate", *arguments])

    return run


def test_a_run_is_reported_with_pictures(run, stored: tuple[Path, str, str], tmp_path: Path) -> None:
    _, dataset, good = stored
    done = run("--dataset", "farm", "--run", "good", "--output", "out", "--json", "figures.json")
    assert done.exit_code == 0 and done.stderr == "", done.output
    assert f"Model good ({good}) on 12 photos of farm" in done.stdout
    assert re.search(r"^cat +12 +1\.000 +1\.000$", done.stdout, re.MULTILINE)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == FILES
    assert Path("out/report.json").read_text() == Path("figures.json").read_text()
    document = json.loads(Path("figures.json").read_text())
    assert document["box_ap"] == pytest.approx(1) and document["iou_type"] == "bbox"
    assert document["data_revision"] == {dataset: 2, good: 1}
    assert document["config"]["class_agnostic"] is True and document["version"].startswith("0.1.0, revision ")
    assert document["confusion"]["rows"] == [
        {"truth": "cat", "found": "cat", "count": 12},
        {"truth": "dog", "found": "dog", "count": 12},
    ]
    for name in FILES[:2] + FILES[3:]:
        picture = pixels_of((tmp_path / "out" / name).read_bytes())
        assert picture.shape[1] > 600 and len(np.unique(picture)) > 20


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--run", "good", "--fail-under", "0.9"), 0, ""),
        (("--run", "bad", "--fail-under", "0.9"), 1, "Failed: box_ap is 0.2500, under 0.9"),
        (("--run", "good", "--baseline", "bad"), 0, ""),
        (("--run", "bad", "--baseline", "good"), 1, "Failed: the run is significantly worse than run_"),
        (("--run", "good", "--baseline", "good", "--fail-under", "0.5"), 0, ""),
    ],
)
def test_the_exit_code_is_for_ci(arguments: tuple[str, ...], code: int, words: str, run) -> None:
    done = run("--dataset", "farm", *arguments)
    assert done.exit_code == code and words in done.stderr and len(done.stderr.splitlines()) == code
    if arguments[-2:] == ("--baseline", "bad"):
        assert "difference +0.7500, 95 % interval +0.7500 to +0.7500, p 0.001" in done.stdout


def test_the_same_command_gives_the_same_bits(run) -> None:
    texts = []
    for name in ("one", "two"):
        assert run("--dataset", "farm", "--run", "bad", "--baseline", "good", "--output", name).exit_code == 1
        texts.append([(Path(name) / file).read_bytes() for file in FILES])
    assert texts[0] == texts[1]
    comparison = json.loads(texts[0][FILES.index("report.json")])["comparison"]
    assert comparison["delta"] < 0 and comparison["resamples"] == 2000 and comparison["baseline"].startswith("run_")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--dataset", "farm"), 2, "--dataset goes with --run"),
        ((), 2, "give --data, or --dataset and --run"),
        (("--data", "photos", "--dataset", "farm"), 2, "give --data, or --dataset and --run"),
        (("--data", "photos", "--run", "good"), 2, "--run goes with --dataset"),
        (("--dataset", "farm", "--run", "good", "--limit", "2"), 2, "--limit goes with --data"),
        (("--dataset", "farm", "--run", "good", "--fail-under", "50"), 2, "--fail-under"),
        (("--dataset", "farm", "--run", "good", "--store", "nowhere"), 1, "nowhere: no store lies there"),
        (("--dataset", "barn", "--run", "good"), 1, "the store has no dataset barn; it has farm (ds_"),
        (("--dataset", "farm", "--run", "none"), 1, "farm has no run none; it has run_"),
        (("--dataset", "farm", "--run", "good", "--baseline", "no"), 1, "farm has no run no; it has run_"),
        (("--dataset", "farm", "--run", "good", "--iou-type", "segm"), 1, "farm has no polygons or masks that can be"),
    ],
)
def test_what_is_wrong_is_one_line(arguments: tuple[str, ...], code: int, words: str, run, tmp_path: Path) -> None:
    done = run(*arguments)
    assert done.exit_code == code and words in done.stderr and "Traceback" not in done.output
    assert not list(tmp_path.iterdir())


def test_names_of_any_client_are_shown_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    roomy(monkeypatch)
    name = "\x1b[31m猫"
    store = Store.open(tmp_path / "store")
    farms.predict(store, farms.make(store, "farm\u0007", {"a": [(name, LEFT)]}), "net", {"a": [(name, LEFT, 0.9)]})
    store.close()
    given = ("--store", str(tmp_path / "store"), "--output", str(tmp_path / "out"), "--run", "net", "--dataset")
    done = CliRunner().invoke(main, ["evaluate", *given, "farm\u0007"])
    assert done.exit_code == 0 and "\n\\x1b[31m猫 " in done.stdout
    assert name in json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))["classes"]
    done = CliRunner().invoke(main, ["evaluate", *given, "barn"])
    assert done.exit_code == 1 and "it has farm\\x07 (ds_" in done.stderr


def test_without_a_store_one_is_asked_for(run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MASKSERVE_STORE")
    done = run("--dataset", "farm", "--run", "good")
    assert done.exit_code == 2 and "name the store by --store" in done.stderr
