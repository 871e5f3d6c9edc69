"""model.tar.gz: what is read, and that nothing hostile leaves its folder."""

import gzip
import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from container.errors import ModelError
from container.models import artifact
from container.structures import ModelSpec, Options

GOOD = {"architecture": "maskrcnn_resnet50_fpn", "labels": ["__background__", "cat"]}


def folder(path: Path, described: Any = GOOD, *files: str) -> Path:
    path.mkdir(exist_ok=True)
    text = described if isinstance(described, str) else json.dumps(described)
    (path / "model.json").write_text(text, encoding="utf-8")
    for name in files or ("model.safetensors",):
        (path / name).write_bytes(b"weights")
    return path


def test_a_folder_is_read(tmp_path: Path) -> None:
    described = GOOD | {
        "name": "cats", "parameters": {"min_size": 640}, "options": {"confidence": 0.7, "class_filter": ["cat"]},
        "batch_norm_eps": 0,
    }  # fmt: skip
    path = folder(tmp_path / "m", described)
    assert artifact.read(path, tmp_path) == ModelSpec(
        name="cats",
        architecture="maskrcnn_resnet50_fpn",
        weights=path / "model.safetensors",
        labels=("__background__", "cat"),
        parameters={"min_size": 640},
        options=Options(confidence=0.7, class_filter=("cat",)),
        batch_norm_eps=0,
    )


def test_pack_and_read_again(tmp_path: Path) -> None:
    weights = tmp_path / "in.safetensors"
    weights.write_bytes(b"weights")
    spec = ModelSpec("cats", "fcn_resnet50", weights, ("a", "ü"), {"x": 1}, Options(confidence=0.4), 0.0)
    artifact.pack(spec, weights, tmp_path / "model.tar.gz")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    again = artifact.read(tmp_path / "model.tar.gz", scratch)
    assert again == replace(spec, weights=scratch / "model.safetensors")
    assert again.weights.read_bytes() == b"weights"
    assert (scratch / "model.safetensors").stat().st_mode & 0o444 == 0o444


@pytest.mark.parametrize(
    ("described", "reason"),
    [
        ("{", "not readable JSON"),
        ("[" * 5000, "not readable JSON"),
        ("[1]", "an object with a string `architecture`"),
        ({}, "an object with a string `architecture`"),
        (GOOD | {"labels": "cat"}, "`labels` in model.json has the wrong type"),
        (GOOD | {"arch": 1}, "unknown keys \\['arch'\\]"),
        (GOOD | {"weights": "../x.pth"}, "no such file beside it"),
        (GOOD | {"weights": "/etc/passwd"}, "no such file beside it"),
        (GOOD | {"options": {"confidence": 3}}, "confidence is 3; it takes a number from 0 to 1"),
        (GOOD | {"options": {"threshold": 0.1}}, "unknown keys \\['threshold'\\]"),
        (GOOD | {"batch_norm_eps": "0"}, "`batch_norm_eps`"),
    ],
)
def test_a_wrong_description_is_named(described: Any, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=reason):
        artifact.read(folder(tmp_path / "m", described), tmp_path)


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (("a.pth",), "a.pth"),
        (("model.safetensors", "old.pth"), "model.safetensors"),
        (("a.pth", "b.pt"), None),
        (("readme.txt",), None),
    ],
)
def test_which_weights(files: tuple[str, ...], found: str | None, tmp_path: Path) -> None:
    path = folder(tmp_path / "m", GOOD, *files)
    if found:
        assert artifact.weights_in(path) == path / found
    else:
        with pytest.raises(ModelError, match="one weights file"):
            artifact.weights_in(path)


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 1) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, size if kind == tarfile.REGTYPE else 0
    return info


@pytest.mark.parametrize(
    "hostile",
    [
        [member("../outside")],
        [member("/absolute")],
        [member("a/../../outside")],
        [member("link", tarfile.SYMTYPE, "/etc"), member("link/x")],
        [member("hard", tarfile.LNKTYPE, "/etc/passwd")],
        [member("device", tarfile.CHRTYPE)],
        [member("fifo", tarfile.FIFOTYPE)],
        [member("line\nbreak")],
        [member(f"f{i}") for i in range(101)],
    ],
    ids=["parent", "absolute", "within", "symlink", "hardlink", "device", "fifo", "newline", "many"],
)
def test_hostile_archives_are_refused_whole(hostile: list[tarfile.TarInfo], tmp_path: Path) -> None:
    archive, scratch = tmp_path / "model.tar.gz", tmp_path / "scratch"
    scratch.mkdir()
    with tarfile.open(archive, "w:gz") as tar:
        for info in [member("model.json"), *hostile]:
            tar.addfile(info, io.BytesIO(b"x" * info.size))
    with pytest.raises(ModelError):
        artifact.read(archive, scratch)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.tar.gz", "scratch"]
    assert {p.name for p in scratch.iterdir()} <= {"model.json", *(f"f{i}" for i in range(100))}


@pytest.mark.parametrize("cut", [0, 1, 20, -5, -1])
def test_a_damaged_archive_is_refused(cut: int, tmp_path: Path) -> None:
    weights = tmp_path / "in.safetensors"
    weights.write_bytes(bytes(range(256)) * 50)
    artifact.pack(ModelSpec("m", "a", weights), weights, tmp_path / "whole.tar.gz")
    archive = tmp_path / "model.tar.gz"
    whole = (tmp_path / "whole.tar.gz").read_bytes()
    for damaged in (whole[:cut], whole[:-8] + b"\0" * 8, whole + gzip.compress(b"more")):
        archive.write_bytes(damaged)
        with pytest.raises(ModelError, match=r"not a whole .tar.gz|goes on after its end"):
            artifact.read(archive, tmp_path)
