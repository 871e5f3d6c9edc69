"""Which model the settings and the model folder mean."""

from pathlib import Path

import pytest

from container.errors import ModelError
from container.models.locate import EMBEDDED, locate
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
        ("elsewhere/model", "", (), Path("elsewhere/model")),
        ("m.tar.gz", "", (), Path("m.tar.gz")),
    ],
)  # fmt: skip
def test_a_named_model(model: str, weights: str, labels: tuple[str, ...], expected: object, tmp_path: Path) -> None:
    assert locate(model, weights, labels, tmp_path / "none") == expected


def test_an_architecture_takes_the_weights_in_the_folder(tmp_path: Path) -> None:
    folder = put(tmp_path / "model", "mine.pth")
    assert locate("fcn_resnet50", "", (), folder) == ModelSpec("fcn_resnet50", "fcn_resnet50", folder / "mine.pth")
    with pytest.raises(ModelError, match="needs weights: name them .* or put a weights file into"):
        locate("fcn_resnet50", "", (), tmp_path / "none")
