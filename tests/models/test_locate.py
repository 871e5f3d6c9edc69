"""Which model the settings and the model folder mean."""

from pathlib import Path

import pytest

from container.errors import BadLocation, ModelError
from container.models.locate import EMBEDDED, below, locate
from container.structures import ModelSpec


def put(folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(b"{}")
    return folder


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ((), None),
        ((".hidden",), None),
        ((".DS_Store", "__MACOSX", "._model.json"), None),
        (("._model.tar.gz", "__MACOSX", "model.tar.gz"), "model.tar.gz"),
        (("model.json", "model.safetensors"), "."),
        (("model.tar.gz",), "model.tar.gz"),
        (("lonely.pth",), "."),
    ],
)
def test_nothing_named_means_what_lies_in_the_folder(
    files: tuple[str, ...], expected: str | None, tmp_path: Path
) -> None:
    folder = put(tmp_path / "model", *files)
    assert locate("", "", (), folder) == (EMBEDDED if expected is None else folder / expected)


def test_no_folder_means_the_embedded_model(tmp_path: Path) -> None:
    assert locate("", "", (), tmp_path / "none") == EMBEDDED
    assert locate("default", "", (), put(tmp_path / "model", "model.json")) == EMBEDDED


@pytest.mark.parametrize(
    ("model", "weights", "labels", "expected"),
    [
        ("fcn_resnet50", "COCO_V1", (), ModelSpec("fcn_resnet50", "fcn_resnet50", "COCO_V1")),
        ("fcn_resnet50", "w.pth", ("a",), ModelSpec("fcn_resnet50", "fcn_resnet50", Path("w.pth"), ("a",))),
        ("fcn_resnet50", "w.onnx", (), ModelSpec("fcn_resnet50", "fcn_resnet50", Path("w.onnx"))),
        ("elsewhere/model", "", (), Path("elsewhere/model")),
        ("m.tar.gz", "", (), Path("m.tar.gz")),
    ],
)  # fmt: skip
def test_a_named_model(model: str, weights: str, labels: tuple[str, ...], expected: object, tmp_path: Path) -> None:
    assert locate(model, weights, labels, tmp_path / "none") == expected


@pytest.mark.parametrize(("weights", "labels"), [("w.pth", ()), ("COCO_V1", ("a",)), ("", ("a", "b"))])
@pytest.mark.parametrize("model", ["", "default", "elsewhere/model", "m.tar.gz", "x.pth"])
def test_weights_and_labels_are_not_ignored(model: str, weights: str, labels: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"go with an architecture, and the model is {model or 'not named'}: name one"):
        locate(model, weights, labels, tmp_path / "none")


@pytest.mark.parametrize("model", ["maskrcnn_resnet50", "MaskRCNN_ResNet50_FPN", "maskrcnn-resnet50-fpn", "mask_rcnn"])
def test_an_unknown_name_is_told_with_the_nearest(model: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=rf"model '{model}' is no file or folder here: .* nearest are maskrcnn_resnet"):
        locate(model, "COCO_V1", (), tmp_path)


def test_an_architecture_takes_the_weights_in_the_folder(tmp_path: Path) -> None:
    folder = put(tmp_path / "model", "mine.pth")
    assert locate("fcn_resnet50", "", (), folder) == ModelSpec("fcn_resnet50", "fcn_resnet50", folder / "mine.pth")
    with pytest.raises(ModelError, match="needs weights: name them .* or put a weights file into"):
        locate("fcn_resnet50", "", (), tmp_path / "none")


def test_an_architecture_takes_the_weights_in_a_folder_in_it(tmp_path: Path) -> None:
    put(tmp_path / "model", "readme.md")
    folder = put(tmp_path / "model" / "export", "last.ckpt", "._last.ckpt")
    found = locate("fcn_resnet50", "", (), tmp_path / "model")
    assert isinstance(found, ModelSpec) and found.weights == folder / "last.ckpt"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder for models with some of them, and files beside it."""
    root = tmp_path / "models"
    for folder in ("a/model", "packed", "empty", "leads out", "b"):
        (root / folder).mkdir(parents=True)
    for file in (
        "models/a/model/model.json",
        "models/packed/m.tar.gz",
        "models/x.tar.gz",
        "models/notes.txt",
        "secret",
    ):
        (tmp_path / file).touch()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/model.json").touch()
    (root / "link").symlink_to(tmp_path / "outside")
    (root / "leads out/model.json").symlink_to(tmp_path / "secret")
    (root / "hidden").mkdir()
    (root / "hidden/model.json").touch()
    (root / "hidden/.w.pth").symlink_to(tmp_path / "secret")
    (root / "b/model.json").symlink_to(root / "a/model/model.json")
    for folder, target in (("whole", root / "a/model"), ("deep", tmp_path / "outside")):
        (root / folder / "one/two").mkdir(parents=True)
        (root / folder / "model.json").touch()
        (root / folder / "one/two/three").symlink_to(target)
    (root / "circle").symlink_to(root / "circle")
    (root / "out.tar.gz").symlink_to(tmp_path / "secret")
    return root


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a/model", "a/model"),
        ("a/model/", "a/model"),
        ("packed", "packed/m.tar.gz"),
        ("x.tar.gz", "x.tar.gz"),
        ("b", "b"),
        ("whole", "whole"),
    ],
)
def test_models_below_the_folder_for_models(path: str, found: str, root: Path) -> None:
    assert below(root, f"{root}/{path}") == root / found


BAD = (
    "nothing", "notes.txt", "link", "leads out", "hidden", "deep", "circle", "out.tar.gz", "../outside",
    "a/../../outside", "..", ".", "", "a/../x.tar.gz", "a\0b", "n" * 300,
)  # fmt: skip


@pytest.mark.parametrize("path", BAD)
def test_what_is_no_model_below_it(path: str, root: Path) -> None:
    with pytest.raises(BadLocation) as caught:
        below(root, f"{root}/{path}")
    assert str(root) not in caught.value.message


@pytest.mark.parametrize(
    "path", ["", "x.tar.gz", "/", "/etc/passwd", "/proc/self", "/dev/zero", "file:///etc", "http://127.0.0.1/m.tar.gz"]
)
def test_what_is_no_path_below_it(path: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    with pytest.raises(BadLocation):
        below(root, path)
