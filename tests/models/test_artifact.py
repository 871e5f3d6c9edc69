"""model.json and its weights, in a folder or a model.tar.gz: what is read, and what is refused."""

import gzip
import json
import os
import tarfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from container.engines.base import architectures
from container.errors import ModelError
from container.models import archive, artifact, packing
from container.structures import ModelSpec, Options, Preprocessing

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
        "batch_norm_eps": 0, "activation": "sigmoid",
        "preprocessing": {"grayscale": True, "contrast": "Adaptive Equalization", "static_crop": [10, 0, 90.5, 100]},
    }  # fmt: skip
    path = folder(tmp_path / "m", described)
    assert artifact.read(path, tmp_path) == ModelSpec(
        name="cats",
        architecture="maskrcnn_resnet50_fpn",
        weights=path / "model.safetensors",
        labels=("__background__", "cat"),
        parameters={"min_size": 640},
        options=Options(confidence=0.7, class_filter=("cat",)),
        activation="sigmoid",
        preprocessing=Preprocessing(True, "Adaptive Equalization", (10, 0, 90.5, 100)),
        batch_norm_eps=0,
    )


def test_model_json_is_parsed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, parsed = folder(tmp_path / "m", {"architecture": "fcn_resnet50"}), []
    monkeypatch.setattr(artifact, "json", SimpleNamespace(loads=lambda text: parsed.append(text) or json.loads(text)))
    artifact.read(path, tmp_path)
    assert len(parsed) == 1


FOLDER = {"model.json": b'{"architecture": "bag_of_words"}', "vocabulary": b"words", "one/two/three.bin": b"numbers"}


def test_a_kind_that_takes_a_folder_gets_all_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(architectures, "bag_of_words", SimpleNamespace(takes_folder=True))
    for name, data in FOLDER.items():
        (tmp_path / "m" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "m" / name).write_bytes(data)
    with tarfile.open(tmp_path / "m.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "m", ".")
    artifact.check(tmp_path / "m")
    assert artifact.read(tmp_path / "m", tmp_path) == ModelSpec("m", "bag_of_words", tmp_path / "m")
    with artifact.opened(tmp_path / "m.tar.gz") as spec:
        assert isinstance(spec.weights, Path)
        files = {str(p.relative_to(spec.weights)): p.read_bytes() for p in spec.weights.rglob("*") if p.is_file()}
        assert files == FOLDER and spec.bytes == sum(map(len, FOLDER.values()))


def test_a_checksum_is_that_of_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(architectures, "bag_of_words", SimpleNamespace(takes_folder=True))
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "model.json").write_text('{"architecture": "bag_of_words", "sha256": "0"}')
    with pytest.raises(ModelError, match="`sha256` in model.json of 'm' is of one weights file"):
        artifact.read(tmp_path / "m", tmp_path)


def test_pack_and_read_again(tmp_path: Path) -> None:
    weights = tmp_path / "in.safetensors"
    weights.write_bytes(b"weights")
    steps = Preprocessing(contrast="Contrast Stretching", static_crop=(0, 12.5, 100, 100))
    options = Options(confidence=0.4)
    spec = ModelSpec("cats", "fcn_resnet50", weights, ("a", "ü"), {"x": 1}, options, 0.0, preprocessing=steps)
    packing.pack(spec, weights, tmp_path / "model.tar.gz")
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
        (GOOD | {"weights": "a-folder"}, "no such file beside it"),
        (GOOD | {"weights": "w" * 300}, "no such file beside it"),
        (GOOD | {"weights": "w\0.pth"}, "no such file beside it"),
        (GOOD | {"sha256": "0" * 64}, "not those that were packed"),
        (GOOD | {"sha256": 7}, "`sha256` in model.json has the wrong type"),
        (GOOD | {"name": "x" * (1 << 20)}, "not readable JSON"),
        (GOOD | {"options": {"confidence": 3}}, "confidence is 3; it takes a number from 0 to 1"),
        (GOOD | {"options": {"threshold": 0.1}}, "unknown keys \\['threshold'\\]"),
        (GOOD | {"name": "x" * 1001}, "`name` in model.json holds a name of 1001 characters; it takes at most 1000"),
        (GOOD | {"labels": ["cat", "x" * 1001]}, "`labels` in model.json holds a name of 1001 characters"),
        (GOOD | {"activation": "softmax"}, "`activation` in model.json is 'softmax'; it takes sigmoid, or is left out"),
        (GOOD | {"preprocessing": ["grayscale"]}, "`preprocessing` in model.json has the wrong type"),
        *(
            (GOOD | {"preprocessing": steps}, f"`preprocessing` in model.json: {reason}")
            for steps, reason in (
                ({"greyscale": True}, "unknown keys \\['greyscale'\\]; known: grayscale, contrast, static_crop"),
                ({"grayscale": 1}, "grayscale is 1; it takes true or false"),
                ({"contrast": "contrast stretching"}, "contrast is 'contrast stretching'; it takes one of Contrast St"),
                ({"contrast": ["Contrast Stretching"]}, "contrast is \\['Contrast Stretching'\\]"),
                *(
                    ({"static_crop": crop}, "static_crop is .*; it takes \\[x1, y1, x2, y2\\] in percent of the pic")
                    for crop in (
                        "all",
                        {},
                        [],
                        [0, 0, 100],
                        [0, 0, 100, "100"],
                        [0, 0, 100, True],
                        [0, 0, 100, 101],
                        [-1, 0, 100, 100],
                        [50, 0, 50, 100],
                        [0, 60, 100, 40],
                        [float("nan"), 0, 100, 100],
                        [0, 0, 1e999, 100],
                        [9] * 100_000,
                    )
                ),
            )
        ),
        (GOOD | {"batch_norm_eps": "0"}, "`batch_norm_eps`"),
        (GOOD | {"batch_norm_eps": float("nan")}, "`batch_norm_eps` in model.json is nan"),
        (GOOD | {"batch_norm_eps": float("inf")}, "`batch_norm_eps` in model.json is inf"),
    ],
)
def test_a_wrong_description_is_named(described: Any, reason: str, tmp_path: Path) -> None:
    path = folder(tmp_path / "m", described)
    (path / "a-folder").mkdir()
    with pytest.raises(ModelError, match=reason):
        artifact.read(path, tmp_path)


@pytest.mark.parametrize(
    "described",
    [{f"key\n{i}": 1 for i in range(80_000)}, {"weights": "\n" * 900_000}, {"options": {"x" * 900_000: 1}}],
    ids=["keys", "weights", "options"],
)
def test_a_refusal_is_one_short_line_whatever_it_quotes(described: Any, tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        artifact.check(folder(tmp_path / "m", GOOD | described))
    assert len(str(caught.value)) < 3100 and str(caught.value).isprintable()


def test_names_are_text_that_metrics_and_answers_can_hold(tmp_path: Path) -> None:
    spec = artifact.read(folder(tmp_path / "m", GOOD | {"name": "\ud800", "labels": ["a\udcff", "ü", 3]}), tmp_path)
    assert (spec.name, spec.labels) == ("?", ("a?", "ü", "3"))


@pytest.mark.parametrize("kind", ["folder", "fifo", "link to nothing"])
def test_a_description_that_is_no_file_holds_nobody_up(kind: str, tmp_path: Path) -> None:
    path = folder(tmp_path / "m") / "model.json"
    path.unlink()
    {"folder": os.mkdir, "fifo": os.mkfifo, "link to nothing": lambda p: os.symlink("none", p)}[kind](path)
    with pytest.raises(ModelError, match="not readable JSON|holds no model.json"):
        artifact.check(path.parent)


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (("a.pth",), "a.pth"),
        (("._a.pth", "a.pth", ".DS_Store"), "a.pth"),
        (("._a.pth",), None),
        (("model.safetensors", "old.pth"), "model.safetensors"),
        (("a.pth", "b.pt"), None),
        (("readme.txt",), None),
        (("LAST.PTH",), "LAST.PTH"),
        (("last.ckpt",), "last.ckpt"),
        (("pytorch_model.bin", "training_args.bin", "optimizer.bin"), "pytorch_model.bin"),
        (("model_best.pth.tar",), "model_best.pth.tar"),
        (("model.pth", "vocabulary.bin"), "model.pth"),
        (("model.pth", "optimizer.pt", "scheduler.pt", "rng_state_0.pth"), "model.pth"),
        (("optimizer_net.pth",), "optimizer_net.pth"),
        (("a.bin", "b.bin"), None),
        (("model.onnx",), None),
    ],
)
def test_which_weights(files: tuple[str, ...], found: str | None, tmp_path: Path) -> None:
    path = folder(tmp_path / "m", GOOD, *files)
    if found:
        assert artifact.weights_in(path, "m") == path / found
    else:
        with pytest.raises(ModelError, match="one weights file .* is needed in 'm', found: "):
            artifact.weights_in(path, "m")


MODEL = {"model.json": json.dumps(GOOD), "w.pth": "weights"}
AROUND: dict[str, tuple[dict[str, str], str]] = {
    "nothing": (MODEL, ""),
    "weights of another ending": ({"model.json": json.dumps(GOOD | {"weights": "net.dat"}), "net.dat": "weights"}, ""),
    "and in a folder": ({"a/model.json": json.dumps(GOOD | {"weights": "net.dat"}), "a/net.dat": "weights"}, ""),
    "weights that are not there": ({"model.json": json.dumps(GOOD | {"weights": "net.dat"})}, "no such file beside it"),
    "a folder": ({f"model/{name}": text for name, text in MODEL.items()}, ""),
    "opt/ml/model": ({f"opt/ml/model/{name}": text for name, text in MODEL.items()}, ""),
    "a folder beside others": (
        {"README.md": "", "code/model.json": "[]", "__MACOSX/a/._model.json": "", "._a": "",
         **{f"a/{name}": text for name, text in MODEL.items()}}, "",
    ),
    "a folder in which others lie": ({f"a/{name}": text for name, text in MODEL.items()} | {"a/code/serve.py": ""}, ""),
    "several models": ({"a/model.json": "{}", "b/c/model.json": "{}"}, "holds several models \\(a, b/c\\)"),
    "weights without a description": ({"w.pth": "", "a/model.json": "{}"}, "'m' holds no model.json"),
    "a description in code/": ({"code/model.json": "{}"}, "'m' holds no model.json"),
    "a description alone": ({"a/model.json": json.dumps(GOOD)}, "is needed in 'm', found: none among model.json"),
}  # fmt: skip


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "archive"])
@pytest.mark.parametrize(("files", "reason"), AROUND.values(), ids=AROUND)
def test_what_lies_around_a_model(files: dict[str, str], reason: str, packed: bool, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / "m" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "m" / name).write_text(text)
    path = tmp_path / "m"
    if packed:
        path = tmp_path / "m.tar.gz"
        with tarfile.open(path, "w:gz") as tar:
            tar.add(tmp_path / "m", ".")
    if reason:
        with pytest.raises(ModelError, match=reason) as caught, artifact.opened(path):
            pass
        assert "maskserve" not in str(caught.value) and "/tmp" not in str(caught.value)
        return
    if not packed:
        artifact.check(path)
    with artifact.opened(path) as spec:
        assert isinstance(spec.weights, Path) and spec.weights.read_text() == "weights" and spec.name == "m"
        assert spec.labels == ("__background__", "cat")


def test_a_kind_that_takes_a_folder_may_lie_in_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(architectures, "bag_of_words", SimpleNamespace(takes_folder=True))
    for name, data in (FOLDER | {"../beside": b""}).items():
        (tmp_path / "m" / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "m" / "in" / name).write_bytes(data)
    with tarfile.open(tmp_path / "m.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "m", ".")
    for path in (tmp_path / "m", tmp_path / "m.tar.gz"):
        with artifact.opened(path) as spec:
            assert isinstance(spec.weights, Path)
            files = {str(p.relative_to(spec.weights)): p.read_bytes() for p in spec.weights.rglob("*") if p.is_file()}
            assert files == FOLDER


@pytest.mark.parametrize("files", [(), ("a.pth", "b.pth")])
def test_errors_name_the_archive_and_no_temporary_folder(files: tuple[str, ...], tmp_path: Path) -> None:
    described = folder(tmp_path / "m", {"architecture": "resnet18"}, *files)
    archive.pack({name: described / name for name in ("model.json", *files)}, tmp_path / "cats.tar.gz")
    with (
        pytest.raises(ModelError, match="is needed in 'cats', found: ") as caught,
        artifact.opened(tmp_path / "cats.tar.gz"),
    ):
        pass
    assert "maskserve" not in str(caught.value)


def test_an_archive_without_a_description_names_itself(tmp_path: Path) -> None:
    archive.pack({"w.pth": folder(tmp_path / "m") / "model.safetensors"}, tmp_path / "cats.tar.gz")
    (tmp_path / "scratch").mkdir()
    with pytest.raises(ModelError, match="'cats' holds no model.json"):
        artifact.read(tmp_path / "cats.tar.gz", tmp_path / "scratch")


@pytest.mark.parametrize("at", [0, 3, 6])
def test_weights_that_changed_after_packing_are_refused(at: int, tmp_path: Path) -> None:
    weights = tmp_path / "in.safetensors"
    weights.write_bytes(b"weights")
    packing.pack(ModelSpec("cats", "a", weights), weights, tmp_path / "model.tar.gz")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    artifact.read(tmp_path / "model.tar.gz", scratch)
    content = bytearray(b"weights")
    content[at] ^= 1
    (scratch / "model.safetensors").write_bytes(content)
    artifact.check(scratch)  # plain without reading the weights; this is not
    with pytest.raises(ModelError, match="not those that were packed"):
        artifact.read(scratch, tmp_path)


def test_weights_that_say_1_tb_are_not_read_through(tmp_path: Path) -> None:
    path = folder(tmp_path / "m", GOOD | {"sha256": "0" * 64})
    os.truncate(path / "model.safetensors", 10**12)
    with pytest.raises(ModelError, match="the weights of 'm' are over 5 GB"):
        artifact.read(path, tmp_path)


def test_who_changes_weights_on_purpose_leaves_the_checksum_out(tmp_path: Path) -> None:
    path = folder(tmp_path / "m", GOOD | {"sha256": ""})
    assert artifact.read(path, tmp_path).weights == path / "model.safetensors"


@pytest.mark.parametrize("cut", [0, 1, 20, -5, -1])
def test_a_damaged_archive_is_refused(cut: int, tmp_path: Path) -> None:
    weights = tmp_path / "in.safetensors"
    weights.write_bytes(bytes(range(256)) * 50)
    packing.pack(ModelSpec("m", "a", weights), weights, tmp_path / "whole.tar.gz")
    path = tmp_path / "model.tar.gz"
    whole = (tmp_path / "whole.tar.gz").read_bytes()
    for i, damaged in enumerate((whole[:cut], whole[:-8] + b"\0" * 8, whole + gzip.compress(b"more"))):
        path.write_bytes(damaged)
        (scratch := tmp_path / str(i)).mkdir()
        with pytest.raises(ModelError, match=r"not a whole .tar.gz|goes on after its end"):
            artifact.read(path, scratch)


@pytest.mark.skipif(os.geteuid() != 0, reason="it takes root to be somebody else")
@pytest.mark.parametrize("closed", ["model", "model/model.json", "model/model.safetensors", "m.tar.gz"])
def test_what_this_user_may_not_read_is_said(closed: str, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model/model.json").write_text('{"architecture": "any"}')
    (tmp_path / "model/model.safetensors").touch()
    (tmp_path / "m.tar.gz").touch()
    (tmp_path / closed).chmod(0)
    folders = [tmp_path, *tmp_path.parents][:3]
    for folder in folders:
        folder.chmod(0o755)
    os.seteuid(65534)
    try:
        with pytest.raises(ModelError, match="cannot be read|not readable"):
            artifact.check(tmp_path / closed.split("/")[0])
    finally:
        os.seteuid(0)
