"""Ray Data compares images in its workers, as docs/evaluation.md shows it; `make engines` runs it."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from container.evaluation.coco import evaluated, ranked
from container.evaluation.columns import sample_of
from tests.conftest import ROOT

ITEMS, EACH = 2000, 30


def boxes(seed: int = 0) -> dict[str, np.ndarray]:
    """Rows of truth and predictions, in no order; no two scores are equal."""
    numbers = np.random.default_rng(seed)
    item = np.repeat(np.arange(ITEMS), EACH)
    truth = np.tile(np.arange(EACH) < EACH // 3, ITEMS)
    corner, size = numbers.uniform(0, 100, (2, len(item))), numbers.uniform(20, 60, (2, len(item)))
    rows = {
        "item": item,
        "image": item,
        "label": numbers.choice(["cat", "dog"], len(item)),
        "score": np.where(truth, np.nan, numbers.permutation(len(item)) / len(item)),
        **dict(zip(("x", "y", "width", "height"), (*corner, *size), strict=True)),
    }
    order = numbers.permutation(len(item))
    return {name: column[order] for name, column in rows.items()}


def test_ray_adds_up_to_the_whole(tmp_path: Path) -> None:
    python = Path(sys.prefix, "ray", "bin", "python")
    assert python.exists(), "ray is not installed: make engines"
    rows = boxes()
    np.savez(tmp_path / "rows.npz", **rows)
    write = (
        "import sys, numpy, pyarrow, pyarrow.parquet as p; t = pyarrow.table(dict(numpy.load(sys.argv[1])));"
        "n = len(t) // 4; [p.write_table(t.slice(i * n, n), f'{sys.argv[2]}/{i}.parquet') for i in range(4)]"
    )
    folder = tmp_path / "boxes"
    folder.mkdir()
    subprocess.run([python, "-c", write, tmp_path / "rows.npz", folder], check=True)
    command = [python, "-m", "tests.evaluation.drive_ray", ROOT / "docs" / "evaluation.md", folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    figures = evaluated(ranked(sample_of(rows)))
    assert done.stdout.splitlines()[-1] == f"AP {figures.stats.AP} of {ITEMS} images"
    assert figures.stats.AP is not None and figures.stats.AP > 0.001
