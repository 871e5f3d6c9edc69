"""Models by id in a folder: which file an id means, and that none outside is reached."""

import json
import re
from pathlib import Path

import pytest

from container.errors import ModelError, ModelNotFound
from container.models.store import Store

FILES = (
    *("coco/1/model.json", "coco/1/model.safetensors", "coco/2.tar.gz", "coco/10.tar.gz", "coco/best/model.json"),
    *("single.tar.gz", "folder/model.pth", "both/model.json", "both/1/model.json", "both/1/weights.pt"),
    *("twice/3/model.json", "twice/3.tar.gz", "half/1/notes.txt", "half/2.tar.gz/model.json", "nested/a/b/model.json"),
    *("wrapped/1/inner/model.json", "notes.txt", ".hidden/1.tar.gz", ".hidden.tar.gz", "coco/.3.tar.gz"),
    *("sam/vit_b/model.safetensors", "sam/vit_b/config.json", "sam/pair/encoder.onnx", "sam/pair/decoder.onnx"),
    *("sam/vit_h/model-00001-of-00002.safetensors", "sam/vit_h/model.safetensors.index.json"),
    *("a b/v 1.tar.gz", "one/1.tar.gz", "__MACOSX/1.tar.gz", "pictures/a.jpg"),
)  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A store, and things beside it that links in it lead to."""
    root = tmp_path / "store"
    for file in FILES:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    (tmp_path / "outside/1").mkdir(parents=True)
    (tmp_path / "outside/model.json").touch()
    (tmp_path / "outside/1/model.json").touch()
    (tmp_path / "secret.tar.gz").touch()
    (root / "out").symlink_to(tmp_path / "outside")
    (root / "out.tar.gz").symlink_to(tmp_path / "secret.tar.gz")
    (root / "leads").mkdir()
    (root / "leads/1").symlink_to(tmp_path / "outside")
    (root / "leads/2.tar.gz").symlink_to(tmp_path / "secret.tar.gz")
    (root / "mixed").mkdir()
    (root / "mixed/model.json").symlink_to(tmp_path / "outside/model.json")
    (root / "again").symlink_to(root / "coco")
    (root / "circle").symlink_to(root / "circle")
    return root


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("coco/1", "coco/1"),
        ("coco/2", "coco/2.tar.gz"),
        ("coco/10", "coco/10.tar.gz"),
        ("single", "single.tar.gz"),
        ("single/1", "single.tar.gz"),
        ("folder", "folder"),
        ("folder/1", "folder"),
        ("both", "both"),
        ("both/1", "both/1"),
        ("twice/3", "twice/3"),
        ("half/1", "half/1"),
        ("half/2.tar.gz", "half/2.tar.gz"),
        ("wrapped/1", "wrapped/1"),
        ("a b/v 1", "a b/v 1.tar.gz"),
        ("again/2", "coco/2.tar.gz"),
        ("sam/vit_b", "sam/vit_b"),
        ("sam/vit_h", "sam/vit_h"),
        ("sam/pair", "sam/pair"),
    ],
)
def test_what_an_id_means(name: str, file: str, root: Path) -> None:
    store = Store(root)
    assert store.source(store.find(name)) == root / file


@pytest.mark.parametrize("name", ["single", "folder"])
def test_two_spellings_are_one_model(name: str, root: Path) -> None:
    assert Store(root).find(name) == Store(root).find(f"{name}/1") == name


ODD = (
    "", ".", "..", "/", "//", "a/", "/a", "coco/", "/coco", "coco//1", "coco/1/", "coco/1/model.json", "../outside/1",
    "coco/..", "coco/../coco", "..\\outside", "coco\\1", "coco/1\0", "\0", "n" * 10_000, "n/" * 5_000, "ä" * 200,
    "\ud800", "\ud800/1", ".hidden", ".hidden/1", "coco/.3", "__MACOSX/1", "coco/1\n", "~", "$HOME", "%2e%2e", "C:",
    "circle", "circle/1", "out", "out/1", "leads/1", "leads/2", "notes.txt", "pictures", "pictures/a.jpg", "nested",
    "single/2", "coco/2.tar.gz", "coco/3", "single.tar.gz", "-", "{}", "coco/1?x", "coco/1#", "http://a/b", "\x7f", "*",
)  # fmt: skip


@pytest.mark.parametrize("name", ODD, ids=range(len(ODD)))
def test_what_is_no_model(name: str, root: Path) -> None:
    with pytest.raises(ModelNotFound) as caught:
        Store(root).source(Store(root).find(name))
    message = caught.value.message
    assert message == f"there is no model {(name if len(name) <= 100 else name[:100] + '…')!r}"
    assert json.dumps(message) and str(root.parent) not in message + caught.value.hint


@pytest.mark.parametrize("name", ["mixed", "mixed/1"])
def test_a_folder_with_a_file_that_leads_out_is_none(name: str, root: Path) -> None:
    with pytest.raises(ModelNotFound):
        Store(root).source(Store(root).find(name))


@pytest.mark.parametrize(
    ("name", "versions"),
    [
        ("coco", "coco/1, coco/2, coco/10, coco/best"),
        ("again", "again/1, again/2, again/10, again/best"),
        ("one", "one/1"),
        ("many", ", ".join(f"many/{i}" for i in range(1, 11)) + " and others"),
    ],
)
def test_a_folder_of_versions_names_them(name: str, versions: str, root: Path) -> None:
    (root / "many").mkdir()
    for i in range(1, 150):
        (root / f"many/{i}.tar.gz").touch()
    with pytest.raises(ModelNotFound, match=re.escape(f"{name!r} is a folder of versions: ask for one of them, ")) as e:
        Store(root).find(name)
    assert e.value.message.endswith(" " + versions)


def test_what_is_put_there_is_found(root: Path) -> None:
    store = Store(root)
    with pytest.raises(ModelNotFound):
        store.find("coco/7")
    (root / "coco/7.tar.gz").touch()
    assert store.source(store.find("coco/7")) == root / "coco/7.tar.gz"


@pytest.mark.parametrize("kind", ["missing", "file"])
def test_a_folder_that_is_none_is_refused(kind: str, tmp_path: Path) -> None:
    place = tmp_path / kind
    if kind == "file":
        place.touch()
    with pytest.raises(ModelError, match="^MASKSERVE_MODEL_STORE is '.*', a folder that cannot be read: "):
        Store(place).check()


def test_a_folder_that_vanishes_has_no_models(root: Path) -> None:
    store = Store(root)
    store.check()
    assert store.find("coco/1") == "coco/1"
    root.rename(root.with_name("elsewhere"))
    for name in ("coco", "coco/1", "single/1"):
        with pytest.raises(ModelNotFound):
            store.find(name)
    with pytest.raises(ModelNotFound):
        store.source("coco/1")


def test_a_path_that_is_not_absolute(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root.parent)
    store = Store(Path("store"))
    monkeypatch.chdir("/")
    assert store.source(store.find("coco/1")) == root / "coco/1"


def test_a_store_behind_a_link(root: Path) -> None:
    link = root.with_name("link")
    link.symlink_to(root)
    store = Store(link)
    assert store.source(store.find("coco/1")) == root / "coco/1"
