"""workflow.json beside model.json: handed up as text, wherever the model lies; what it says is judged elsewhere."""

import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from container.errors import ModelError
from container.models import artifact, packing
from container.structures import ModelSpec

MODEL = {"model.json": '{"architecture": "fcn_resnet50"}', "model.safetensors": "weights"}
TEXT = '{"version": "1.0"}'


def files(folder: str, workflow: str = TEXT) -> dict[str, str]:
    return {folder + name: text for name, text in {**MODEL, "workflow.json": workflow}.items()}


def archived(path: Path, contents: dict[str, str]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, text in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return path


def unpacked(path: Path, contents: dict[str, str]) -> Path:
    for name, text in contents.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("contents", "workflow"),
    [
        (MODEL, ""),
        (files(""), TEXT),
        (files("inner/"), TEXT),
        (files("", "\ufeff{}"), "{}"),
        (files("", "no JSON"), "no JSON"),
        ({**MODEL, "code/workflow.json": TEXT}, ""),
    ],
)
def test_the_text_is_handed_up(contents: dict[str, str], workflow: str, tmp_path: Path) -> None:
    seen: list[ModelSpec] = []
    artifact.check(unpacked(tmp_path / "m", contents), seen.append)
    assert [spec.workflow for spec in seen] == [workflow]
    assert artifact.read(tmp_path / "m", tmp_path).workflow == workflow
    with artifact.opened(archived(tmp_path / "m.tar.gz", contents)) as spec:
        assert spec.workflow == workflow


@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        (files("", " \n"), "workflow.json of 'm': it is no readable text of at most 1048576 bytes"),
        (files("", " " * 2**20 + "{}"), "workflow.json of 'm': it is no readable text"),
        ({**{f"inner/{name}": text for name, text in MODEL.items()}, "workflow.json": TEXT}, "lies at the top"),
    ],
)
def test_what_is_refused(contents: dict[str, str], reason: str, tmp_path: Path) -> None:
    path = archived(tmp_path / "m.tar.gz", contents)
    for refuse in (
        lambda: artifact.check(unpacked(tmp_path / "m", contents)),
        lambda: artifact.opened(path).__enter__(),
    ):
        with pytest.raises(ModelError) as caught:
            refuse()
        assert reason.replace("'m'", "") in str(caught.value).replace("'m.tar.gz'", "").replace("'m'", "")


def test_it_is_packed(tmp_path: Path) -> None:
    weights = tmp_path / "in.safetensors"
    weights.write_bytes(b"weights")
    spec = ModelSpec("cats", "fcn_resnet50", weights, workflow='{"ü": 1}')
    packing.pack(spec, weights, tmp_path / "model.tar.gz")
    (scratch := tmp_path / "scratch").mkdir()
    again = artifact.read(tmp_path / "model.tar.gz", scratch)
    assert again == replace(spec, weights=scratch / "model.safetensors")
