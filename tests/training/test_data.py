"""Where training data lies, and what is wrong with it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from container.datasets.coco import Dataset
from container.errors import DataError
from container.training import data
from tests.conftest import encode
from tests.training import folders


def test_a_folder_and_a_folder_of_folders_are_read(tmp_path: Path) -> None:
    channel = tmp_path / "train"
    folders.write(channel / "masked", photos=3)
    folders.write(channel / "boxes", photos=2, masks=False)
    (channel / "empty").mkdir()
    read = data.read(channel)
    assert {name: len(dataset.photos) for name, dataset in read.items()} == {"boxes": 2, "masked": 3}
    assert list(data.read(channel / "masked")) == ["masked"]
    assert data.counts(read) == {"disc": 5, "square": 5}
    assert data.present(read) == ("disc", "square")
    both = data.joined(read)
    assert (both.name, both.labels, len(both.photos)) == ("boxes, masked", ("disc", "square"), 5)


def test_labels_without_objects_are_not_present(tmp_path: Path) -> None:
    folder = folders.write(tmp_path / "shapes")
    folders.change(folder, lambda value: value["categories"].insert(0, {"id": 1, "name": "star"}))
    read = data.read(folder)
    assert read["shapes"].labels == ("star", "disc", "square")
    assert data.present(read) == ("disc", "square")
    assert data.present(data.read(folder, ("square",))) == ("square",)
    with pytest.raises(DataError, match=f"{folder}: no object is labelled star, moon"):
        data.read(folder, ("star", "disc", "moon"))


def test_folders_without_data_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="gone: no such folder"):
        data.read(tmp_path / "gone")
    with pytest.raises(DataError, match=f"{tmp_path}: neither it nor a folder in it"):
        data.read(tmp_path)


def only_crowds(described: dict[str, Any]) -> None:
    for annotation in described["annotations"]:
        annotation["iscrowd"] = 1


def nothing(described: dict[str, Any]) -> None:
    described["annotations"] = []


@pytest.mark.parametrize("edit", [only_crowds, nothing])
def test_data_without_an_object_is_refused(edit: Callable[[dict[str, Any]], None], tmp_path: Path) -> None:
    folder = folders.change(folders.write(tmp_path / "shapes"), edit)
    with pytest.raises(DataError, match=f"{folder}: no photo has an object"):
        data.read(folder)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a picture that can be read"),
        (b"<svg/>", "not a picture that can be read"),
        (encode(np.zeros((64, 48, 3), np.uint8)), "48×64 pixels, and 64×48 in the JSON file"),
    ],
)
def test_a_photo_that_is_not_what_its_file_says_is_named(content: bytes, reason: str, tmp_path: Path) -> None:
    folder = folders.write(tmp_path / "shapes")
    (folder / "images/1.png").write_bytes(content)
    with pytest.raises(DataError, match=f"{folder}/images/1.png: {reason}"):
        data.read(folder)


DATA = {name: Dataset(name, (), ()) for name in ("street", "studio")}


@pytest.mark.parametrize(
    ("asked", "shares"),
    [
        ((), {}),
        (("street=0.7",), {"street": 0.7}),
        (("street=0.7", "studio=3"), {"street": 0.7, "studio": 3.0}),
        (("studio=0",), {"studio": 0.0}),
    ],
)
def test_shares_are_read(asked: tuple[str, ...], shares: dict[str, float]) -> None:
    assert data.shares(asked, DATA) == shares


@pytest.mark.parametrize(
    "asked",
    ["street", "street=", "street=much", "street=-1", "street=nan", "street=inf", "park=1", "street=0 studio=0"],
)
def test_shares_that_make_no_sense_are_refused(asked: str) -> None:
    with pytest.raises(DataError, match="^hyperparameter shares: .*street, studio"):
        data.shares(asked.split(), DATA)
