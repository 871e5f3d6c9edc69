"""Where photos lie: which file a `file_name` means, and that none leads out of the folder."""

import unicodedata
from pathlib import Path

import pytest

from container.datasets.account import Broken
from container.datasets.photos import Photos
from container.errors import DataError


def write(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    return folder


@pytest.mark.parametrize(
    ("files", "name", "found"),
    [
        ("images/a.jpg a.jpg annotations/a.jpg", "a.jpg", "images/a.jpg"),
        ("a.jpg annotations/a.jpg other/a.jpg", "a.jpg", "a.jpg"),
        ("annotations/a.jpg other/a.jpg", "a.jpg", "annotations/a.jpg"),
        ("images/default/a.jpg", "a.jpg", "images/default/a.jpg"),
        ("images/Train/a.jpg", "a.jpg", "images/Train/a.jpg"),
        ("train2017/a.jpg", "a.jpg", "train2017/a.jpg"),
        ("data/a.jpg", "./a.jpg", "data/a.jpg"),
        ("images/a.jpg", "images\\a.jpg", "images/a.jpg"),
        ("images/a.jpg", "..\\..\\media\\upload\\1\\a.jpg", "images/a.jpg"),
        ("images/a.jpg", "../images/a.jpg", "images/a.jpg"),
        ("images/1/a.jpg images/2/a.jpg", "/data/upload/2/a.jpg", "images/2/a.jpg"),
        ("x/1/a.jpg y/1/a.jpg", "media/y/1/a.jpg", "y/1/a.jpg"),
        ("images/a b.jpg", "/data/local-files/?d=photos/a%20b.jpg", "images/a b.jpg"),
        ("images/a b.jpg", "http://localhost:8080/data/upload/1/a%20b.jpg?token=1", "images/a b.jpg"),
        ("images/a b.jpg", "file:///C:/Users/me/a%20b.jpg", "images/a b.jpg"),
        ("images/a.jpg", "C:\\Users\\me\\a.jpg", "images/a.jpg"),
        ("images/a.jpg", "s3://bucket/photos/a.jpg", "images/a.jpg"),
        ("images/a%20b.jpg", "a%20b.jpg", "images/a%20b.jpg"),
        ("images/a#1.jpg", "a#1.jpg", "images/a#1.jpg"),
        ("images/a.JPG", "a.jpg", "images/a.JPG"),
        ("images/a.JPG images/a.jpg", "a.jpg", "images/a.jpg"),
        ("images/über.jpg", unicodedata.normalize("NFD", "über.jpg"), "images/über.jpg"),
        ("Images/a.jpg", "a.jpg", "Images/a.jpg"),
        ("images/a.jpg images/._a.jpg __MACOSX/a.jpg .cache/a.jpg", "x/a.jpg", "images/a.jpg"),
        ("train/a.jpg val/a.jpg", "a.jpg", "val/a.jpg"),  # the JSON file is called instances_val
        ("images/Train/a.jpg images/validation/a.jpg", "a.jpg", "images/validation/a.jpg"),
    ],
)
def test_which_photo_a_name_means(files: str, name: str, found: str, tmp_path: Path) -> None:
    names = files.split() if " b" not in files else [files]
    photos = Photos(write(tmp_path, *names, "annotations/instances_val.json"))
    assert photos.find(name, tmp_path / "annotations/instances_val.json").path == tmp_path / found


@pytest.mark.parametrize("files", ["1/a.jpg 2/a.jpg", "images/a.JPG images/a.Jpg"])
def test_two_photos_that_fit_alike_are_named(files: str, tmp_path: Path) -> None:
    photos = Photos(write(tmp_path, *files.split()))
    first, second = (str(tmp_path / name) for name in sorted(files.split()))
    with pytest.raises(DataError, match=f"photo 'a.jpg' may be {first} or {second}"):
        photos.find("a.jpg", tmp_path / "x.json")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("/etc/hostname", "is neither in"),
        ("../outside.jpg", "is neither in"),
        ("", "no text"),
        ("..", "no text"),
        ("/", "no text"),
        (5, "has 5 for a `file_name`"),
        (None, "has None for a `file_name`"),
        (["a.jpg"], "no text"),
        ("http://[", "is neither in"),
        ("a\0.jpg", "is neither in"),
    ],
)
def test_what_is_not_in_the_folder_is_not_found(name: object, reason: str, tmp_path: Path) -> None:
    write(tmp_path, "outside.jpg")
    photos = Photos(write(tmp_path / "set", "a.jpg"))
    with pytest.raises(Broken, match=reason):
        photos.find(name, tmp_path / "set/x.json")


def test_the_owners_links_are_followed(tmp_path: Path) -> None:
    store = write(tmp_path / "store", "a.jpg", "more/b.jpg")
    folder = write(tmp_path / "set", "x.json")
    (folder / "linked.jpg").symlink_to(store / "a.jpg")
    (folder / "images").symlink_to(store / "more")
    (store / "more/again").symlink_to(folder)  # a circle
    photos = Photos(folder)
    assert photos.find("linked.jpg", folder / "x.json") == (folder / "linked.jpg", True)
    assert photos.find("b.jpg", folder / "x.json") == (folder / "images/b.jpg", True)


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("a.jpg", True),
        ("default/a.jpg", True),
        ("images/default/a.jpg", True),
        ("train/a.jpg", False),
        ("/a.jpg", True),
    ],
)
def test_a_folder_that_is_not_there_is_told(name: str, whole: bool, tmp_path: Path) -> None:
    photos = Photos(write(tmp_path, "images/default/a.jpg"))
    assert photos.find(name, tmp_path / "x.json") == (tmp_path / "images/default/a.jpg", whole)


def test_no_more_files_are_looked_at_than_memory_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("container.datasets.photos.MAX_FILES", 2)
    Photos(write(tmp_path, "a.jpg", "b.jpg"))
    with pytest.raises(DataError, match="more than 2 files"):
        Photos(write(tmp_path, "c.jpg"))
