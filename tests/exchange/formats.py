"""supervision and FiftyOne read what the store writes, and the store reads what they write; `make formats` runs it.

Values are equal after the round trip through the real libraries: labels, boxes and crowds of all, masks of crowds.
Both draw other outlines in a way of their own, and write what they drew.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image
from pycocotools import mask as coco

from container.cli import main
from container.store import annotations, items
from container.store.annotations import TRUTH
from container.store.store import Store
from tests.exchange.coco_files import DATASET, SIZE, written
from tests.scoring import farms

LABELS = {one["id"]: one["name"] for one in DATASET["categories"]}
NAMES = {one["id"]: Path(one["file_name"]).name for one in DATASET["images"]}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with pictures, and a store that has what lies on them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MASKSERVE_STORE", str(tmp_path / "store"))
    for image in DATASET["images"]:
        path = tmp_path / "data" / image["file_name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", SIZE[::-1]).save(path)
    command("import", "--coco", written(DATASET, "in.json"), "--dataset", "farm")
    command("export", "--coco", "truth.json", "--dataset", "farm")
    yield tmp_path


def command(*arguments: str) -> None:
    """Run a command on the store."""
    done = CliRunner().invoke(main, ["store", *arguments])
    assert done.exit_code == 0, done.output


def drive(library: str, folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Let a library read the dataset and write it; return what it has read by the names of pictures."""
    python = Path(sys.prefix, library, "bin", "python")
    assert python.exists(), f"{library} is not installed: make formats"
    script = Path(__file__).parent / "libraries" / f"drive_{library}.py"
    done = subprocess.run([python, script, folder], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    read: dict[str, list[dict[str, Any]]] = json.loads((folder / "read.json").read_text())
    return read


def values(entries: list[dict[str, Any]]) -> dict[str, list[tuple[Any, ...]]]:
    """Label, box and crowd of entries by the names of pictures."""
    found: dict[str, list[tuple[Any, ...]]] = {name: [] for name in NAMES.values()}
    for one in entries:
        row = (LABELS[one["category_id"]], *one["bbox"], one["iscrowd"])
        found[NAMES[one["image_id"]]].append(row)
    return {name: sorted(rows) for name, rows in found.items()}


def rows(read: dict[str, list[dict[str, Any]]]) -> dict[str, list[tuple[Any, ...]]]:
    """The same of what a library has read; boxes to a billionth of a pixel."""
    return {
        name: sorted((one["label"], *(round(side, 9) for side in one["bbox"]), one["iscrowd"]) for one in some)
        for name, some in read.items()
    }


def stored(file: str) -> list[dict[str, Any]]:
    """The entries of a file once it has been through the store, with the ids of DATASET."""
    command("import", "--coco", file, "--dataset", file)
    command("export", "--coco", f"of {file}", "--dataset", file)
    document = json.loads(Path(f"of {file}").read_text())
    labels = {one["id"]: one["name"] for one in document["categories"]}
    names = {one["id"]: Path(one["file_name"]).name for one in document["images"]}
    label_ids, image_ids = ({value: key for key, value in one.items()} for one in (LABELS, NAMES))
    return [
        {
            **one,
            "category_id": label_ids[labels[one["category_id"]]],
            "image_id": image_ids[names[one["image_id"]]],
            "bbox": [round(side, 9) for side in one["bbox"]],
        }
        for one in document["annotations"]
    ]


def masks_of_crowds(entries: list[dict[str, Any]]) -> list[bytes]:
    """The pixels of run lengths of crowds."""
    lengths = [one["segmentation"] for one in entries if one["iscrowd"]]
    return [coco.decode(coco.frPyObjects(one, *SIZE) if isinstance(one["counts"], list) else one) for one in lengths]


@pytest.mark.parametrize("library", ["supervision", "fiftyone"])
def test_values_are_equal_after_the_round_trip(library: str, folder: Path) -> None:
    read = drive(library, folder)
    expected = values(DATASET["annotations"])
    assert rows({name: read.get(name, []) for name in expected}) == expected
    crowd = next(one for one in read["2.jpg"] if one["iscrowd"])
    assert crowd["pixels"] == 20 * 10
    entries = stored("written.json")
    assert values(entries) == expected
    masks = stored("masks.json") if library == "fiftyone" else entries
    (before,), (after,) = masks_of_crowds(DATASET["annotations"]), masks_of_crowds(masks)
    assert (before == after).all()


def test_fiftyone_keeps_what_the_store_has_more(folder: Path) -> None:
    store = Store.current(folder / "store")
    dataset = farms.make(store, "boxes", {"2.jpg": [("cat", (1, 2, 3, 4)), ("dog", (5, 6, 7, 8))]}, size=SIZE)
    Path("truth.json").unlink()
    command("export", "--coco", "truth.json", "--dataset", "boxes")
    drive("fiftyone", folder)
    command("import", "--coco", "written.json", "--dataset", "boxes again")
    with store.read() as c:
        keys = [items.page_keys(c, dataset.key + more, 0, 9)[0] for more in (0, 1)]
        before, after = ([json.loads(row.payload) for row in annotations.of_item(c, TRUTH, key)] for key in keys)
    assert len(before) == 2 and [one["annotation_id"] for one in before] == ["2.jpg 0", "2.jpg 1"]
    for one, other in zip(before, after, strict=True):
        assert other.pop("geometry") == pytest.approx(one.pop("geometry"), abs=1e-9)
        assert one == other
    store.close()
