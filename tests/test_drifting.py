"""python -m container store drift: two runs of a store, and the exit code."""

import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from container.cli import main
from container.store import recorded
from container.store.objects import Row
from container.store.recorded import Answer, Served, item_row
from container.store.store import Store


def fill(store: Store, name: str, seed: int, labels: str, spread: float) -> str:
    """A run of 1,000 objects on 100 pictures; its id."""
    numbers = np.random.default_rng(seed)
    answers = []
    for picture in range(100):
        found = numbers.beta(8, spread, 10), numbers.choice(list(labels), 10)
        reference_id = f"{name} {picture}"
        rows = [
            Row(reference_id, None, None, "box", f"a:{i}", str(label), float(score), "{}")
            for i, (score, label) in enumerate(zip(*found, strict=True))
        ]
        answers.append(Answer(item_row(reference_id, "r", (9, 9), 0.0), rows))
    with store.write() as c:
        run = recorded.find_run(c, "production", Served(name, ""))
        recorded.write(c, run, answers)
    return run.id


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The ids of runs, and the store's folder."""
    folder = tmp_path_factory.mktemp("store")
    store = Store.open(folder)
    made = {
        "store": str(folder),
        "baseline": fill(store, "baseline", 1, "abc", 2.0),
        "same": fill(store, "same", 2, "abc", 2.0),
        "unsure": fill(store, "unsure", 3, "abc", 4.0),
        "others": fill(store, "others", 4, "abd", 2.0),
    }
    with store.write() as c:
        made["empty"] = recorded.find_run(c, "production", Served("empty", "")).id
    store.close()
    return made


def drift(runs: dict[str, str], run: str, *more: str) -> Result:
    arguments = ["--run", runs.get(run, run), "--baseline", runs["baseline"], "--store", runs["store"], *more]
    return CliRunner().invoke(main, ["store", "drift", *arguments])


@pytest.mark.parametrize(
    ("run", "levels", "code"),
    [
        ("baseline", ["stable", "stable"], 0),
        ("same", ["stable", "stable"], 0),
        ("unsure", ["large", "stable"], 1),
        ("others", ["stable", "large"], 1),
    ],
)
def test_drift(runs: dict[str, str], run: str, levels: list[str], code: int) -> None:
    told = drift(runs, run)
    assert told.exit_code == code, told.output
    assert told.output.startswith("1,000 objects against 1,000\n")
    assert re.findall(r"^by \w+ .* (\w+)$", told.output, re.MULTILINE) == levels


def test_the_bound_of_the_exit_code(runs: dict[str, str]) -> None:
    assert drift(runs, "unsure", "--fail-from", "9").exit_code == 0
    assert drift(runs, "same", "--fail-from", "0.0001").exit_code == 0  # what chance explains is no drift
    assert drift(runs, "same", "--fail-from", "0").exit_code == 2


@pytest.mark.parametrize(("run", "says"), [("empty", "has no predictions"), ("run_x", "doesn't exist")])
def test_what_cannot_be_compared(runs: dict[str, str], run: str, says: str) -> None:
    told = drift(runs, run)
    assert told.exit_code == 1 and says in told.output


def test_no_store(tmp_path: Path) -> None:
    told = CliRunner().invoke(main, ["store", "drift", "--run", "a", "--baseline", "b", "--store", str(tmp_path)])
    assert told.exit_code == 1 and "no store lies there" in told.output
