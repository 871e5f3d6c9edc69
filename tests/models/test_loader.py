"""Loading beside models that serve: what cannot be loaded is refused with a reason, and leaves nothing behind."""

import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from container import memory
from container.engines import base
from container.errors import BadModel, DeviceLost, InsufficientMemory, ModelError, OutOfMemory
from container.models import loading, locate
from container.models.loading import Loader, Placement
from container.models.policies.catalogue import Catalogue
from container.models.pool import ModelPool
from container.structures import ImageQuery, ModelSpec
from tests.conftest import ROOT
from tests.fakes import FakeEngine
from tests.server.test_startup import FAULTS, Spoil, state, write

__all__ = ["state"]  # a fixture


@pytest.fixture(scope="module")
def loader() -> Loader:
    loader = Loader(Placement(device="cpu", backend="torch"))
    loader.prepare()
    return loader


def dispatchers() -> int:
    return sum(thread.name == "dispatcher" for thread in threading.enumerate())


@pytest.mark.parametrize(("spoil", "reason"), FAULTS.values(), ids=FAULTS)
def test_f6_damaged_weights_are_refused(
    spoil: Spoil, reason: str, state: dict[str, torch.Tensor], tmp_path: Path, loader: Loader
) -> None:
    weights, described = spoil(state, tmp_path / "marker")
    write(tmp_path / "model", weights, **described)
    with pytest.raises(BadModel) as caught:
        loader.load(tmp_path / "model")
    assert re.search(reason, caught.value.message) and str(tmp_path) not in caught.value.message
    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize(
    ("name", "kind", "reason"),
    [
        ("../../outside.pth", tarfile.REGTYPE, "leads out of it"),
        ("/tmp/outside.pth", tarfile.REGTYPE, "leads out of it"),
        ("model.safetensors", tarfile.SYMTYPE, "holds a link"),
        ("model.safetensors", tarfile.FIFOTYPE, "a device"),
    ],
    ids=["above", "absolute", "link", "pipe"],
)
def test_archives_that_reach_out_are_refused(
    name: str, kind: bytes, reason: str, tmp_path: Path, loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, "/etc/passwd"
    with tarfile.open(tmp_path / "m.tar.gz", "w:gz") as tar:
        tar.addfile(member)
    with pytest.raises(BadModel, match=reason):
        loader.load(tmp_path / "m.tar.gz")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["m.tar.gz", "scratch"]


def test_a_good_model_is_loaded_and_let_go(loader: Loader) -> None:
    model = loader.load(locate.EMBEDDED)
    assert len(model.dispatcher.predict([ImageQuery(np.zeros((64, 64, 3), np.uint8))], 1e9)[0].output) == 0
    model.dispatcher.close()
    loader.give_back()


CAUSED = ModelError("the weights cannot be read")
CAUSED.__cause__ = MemoryError()


@pytest.mark.parametrize(
    ("raised", "kind", "message"),
    [
        pytest.param(ModelError("no weights here"), BadModel, "no weights here", id="bad"),
        pytest.param(TypeError("/secret"), BadModel, r"cannot be loaded \(TypeError\)", id="unforeseen"),
        pytest.param(MemoryError(), InsufficientMemory, "memory ran out", id="Python's"),
        pytest.param(
            RuntimeError("[enforce fail] can't allocate memory: you tried"), InsufficientMemory, "ran out", id="torch's"
        ),
        pytest.param(RuntimeError("CUDA out of memory. Tried to"), InsufficientMemory, "ran out", id="CUDA's"),
        pytest.param(OutOfMemory("for this picture"), InsufficientMemory, "ran out", id="in the first prediction"),
        pytest.param(CAUSED, InsufficientMemory, "memory ran out", id="as a cause"),
        pytest.param(DeviceLost("the device has failed"), DeviceLost, "the device has failed", id="device"),
    ],
)
def test_why_a_load_fails(
    raised: Exception, kind: type[Exception], message: str, loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise raised

    monkeypatch.setattr(loading, "_load_on", fail)
    with pytest.raises(kind, match=message) as caught:
        loader.load(locate.EMBEDDED)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None and caught.value.__context__ is None  # which would hold what was loaded


def test_a_model_that_fails_on_its_first_picture_leaves_no_thread(
    loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "load", lambda spec, runtime: FakeEngine(error=ZeroDivisionError()))
    before = dispatchers()
    with pytest.raises(BadModel, match="ZeroDivisionError"):
        loader.load(locate.EMBEDDED)
    assert dispatchers() == before


def test_without_memory_nothing_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one model of an endpoint passes the budget, too."""
    monkeypatch.setattr(memory, "available", lambda: 100_000_000)
    monkeypatch.setattr(base, "load", lambda spec, runtime: pytest.fail("it was loaded"))
    pool = ModelPool(Catalogue(locate.EMBEDDED), Loader(Placement(device="cpu")))
    pool.start()
    health, reason = pool.settle()
    assert health == "failed" and "and 100 are free" in reason


def test_without_a_thread_nothing_is_loaded(loader: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch, pytest.raises(InsufficientMemory, match="the memory ran out"):
        patch.setattr(threading.Thread, "start", none)
        loader.load(locate.EMBEDDED)


# In a process of its own: one that has run other tests has memory to reuse.
TIGHT = """
import sys
from pathlib import Path
from container.errors import BadModel, InsufficientMemory
from container.models.loading import Loader
from container.models.loading import Placement
from tests.limits import bounded

loader = Loader(Placement(device="cpu", backend="torch"))
loader.prepare()
for room in 300, 3000:
    try:
        with bounded(room):
            loader.load(Path(sys.argv[1]))
    except (InsufficientMemory, BadModel) as error:
        print(type(error).__name__, error)
"""


def test_memory_that_ends_meanwhile_is_told(tmp_path: Path) -> None:
    """One tensor of VGG has 411 MB; a file of fewer numbers would be refused for that."""
    (tmp_path / "model.json").write_text(json.dumps({"architecture": "vgg11", "labels": ["cat", "dog"]}))
    safetensors.torch.save_file({"any": torch.zeros(55_000_000, dtype=torch.uint8)}, tmp_path / "model.safetensors")
    done = subprocess.run([sys.executable, "-c", TIGHT, tmp_path], capture_output=True, text=True, cwd=ROOT)
    assert re.fullmatch(
        "InsufficientMemory the memory ran out.*\nBadModel .* 22 tensors are missing.*\n", done.stdout
    ), done.stdout + done.stderr


def test_weights_are_known_by_what_is_in_them(tmp_path: Path) -> None:
    """A file by its SHA-256, a folder by that of its files and their names, published weights by their name."""

    def identity(weights: Path | str) -> str:
        return loading._identity(ModelSpec("net", "net", weights))

    file, folder = tmp_path / "w.safetensors", tmp_path / "folder"
    (folder / "deeper").mkdir(parents=True)
    for path in (file, folder / "a", folder / "deeper" / "b"):
        path.write_bytes(b"1")
    assert identity("COCO_V1") == "COCO_V1"
    assert identity(file) == hashlib.sha256(b"1").hexdigest()
    known = {identity(folder)}
    (folder / "a").rename(folder / "c")
    known.add(identity(folder))
    (folder / "deeper" / "b").write_bytes(b"2")
    known.add(identity(folder))
    assert len(known) == 3
