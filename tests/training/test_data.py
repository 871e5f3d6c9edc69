"""Where training data lies, and what is wrong with it."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from container.datasets.base import Dataset
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
    with pytest.raises(DataError, match=f"{folder}: no photo has an object") as caught:
        data.read(folder)
    assert ("7 crowds (iscrowd 1)" in str(caught.value)) == (edit is only_crowds)


def test_what_is_told_of_folders(tmp_path: Path) -> None:
    folder = folders.write(tmp_path / "shapes", photos=1)
    (folder / "log.json").write_text("{}")
    lines = data.remarks(data.read(folder))
    assert lines[:4] == [
        "data shapes:",
        "       1  photos, 1 of them with a mask for every object",
        "       2  objects, 2 of them with a mask",
        f"passed over: {folder}/log.json: not COCO's format: no `images` and no `annotations`",
    ]
    assert lines[4].startswith("       1  crowds (iscrowd 1)") and len(lines) == 5
    folders.change(folder, lambda value: value["annotations"].pop())
    (folder / "log.json").unlink()
    assert data.remarks(data.read(folder)) == []


@pytest.mark.parametrize(
    ("names", "train", "validation"),
    [
        ("train valid test", "train", "valid"),
        ("train test", "train", "test"),
        ("train2017 val2017", "train2017", "val2017"),
        ("train valid street", "train", "valid"),
        ("street studio", "street studio", "street studio"),
        ("train-yard test-site", "test-site train-yard", "test-site train-yard"),
        ("valid", "valid", "valid"),
    ],
)
def test_of_folders_named_after_splits_one_is_read(names: str, train: str, validation: str, tmp_path: Path) -> None:
    for name in names.split():
        folders.write(tmp_path / name, photos=1)
    for split, expected in (("train", train), ("validation", validation)):
        read = data.read(tmp_path, split=split)
        assert " ".join(read) == expected
        left = len(names.split()) - len(read)
        said = next(iter(read.values())).account.decisions
        assert [line.startswith("passed over, of another split") for line in said] == [True] * bool(left)


def test_other_json_beside_folders_is_passed_over(tmp_path: Path) -> None:
    folders.write(tmp_path / "set" / "street")
    (tmp_path / "set/package.json").write_text("{}")
    [dataset] = data.read(tmp_path / "set").values()
    assert dataset.name == "street" and "set/package.json: not COCO's format" in dataset.account.decisions[0]


def test_files_are_chosen_by_name(tmp_path: Path) -> None:
    for name in ("street", "studio"):
        folders.write(tmp_path / name, photos=2)
    described = (tmp_path / "street/instances.json").read_text()
    (tmp_path / "street/discs.json").write_text(described.replace("disc", "ring"))
    for names in (("discs.json",), ("street/discs.json",)):
        read = data.read(tmp_path, annotations=names)
        assert data.counts(read) == {"ring": 2, "square": 2}
    assert list(data.read(tmp_path, annotations=("instances.json",))) == ["street", "studio"]
    with pytest.raises(
        DataError, match=f"^{tmp_path}: annotations: no JSON file x.json; there are street/discs.json, str"
    ):
        data.read(tmp_path, annotations=("discs.json", "x.json"))


def test_a_name_that_several_splits_have_means_the_one_that_is_asked_for(tmp_path: Path) -> None:
    for name in ("train", "valid"):
        folders.write(tmp_path / name, photos=1)
    assert list(data.read(tmp_path, annotations=("instances.json",))) == ["train"]
    assert list(data.read(tmp_path, annotations=("valid/instances.json",))) == ["valid"]
    folders.write(tmp_path / "own")
    shutil.copy(tmp_path / "own/instances.json", tmp_path / "own.json")
    assert list(data.read(tmp_path, annotations=("valid/instances.json",))) == ["valid"]


def test_notes_of_macos_are_no_data(tmp_path: Path) -> None:
    folders.write(tmp_path / "set")
    folders.write_label_maps(tmp_path / "maps")
    for name in ("set/._instances.json", "set/images/._0.png", "maps/label_maps/._0.png", "maps/images/._0.png"):
        (tmp_path / name).write_bytes(b"\0\5\26\7\0\2\0\0Mac OS X")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX/x.json").write_bytes(b"\0")
    read = data.read(tmp_path, strict=True)
    assert {name: len(dataset.photos) for name, dataset in read.items()} == {"maps": 3, "set": 3}


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
    with pytest.raises(DataError, match=f"^{folder}/images/1.png: {reason}"):
        data.read(folder, strict=True)
    [dataset] = data.read(folder).values()
    assert [photo.path.name for photo in dataset.photos] == ["0.png", "2.png"]
    assert f"       1  photos that cannot be used: {folder}/images/1.png: {reason}" in "\n".join(dataset.summary())
    (folder / "images/2.png").write_bytes(content)
    with pytest.raises(DataError, match=f"^{folder}: 2 of 3 photos cannot be used.*/images/1.png: {reason}"):
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
