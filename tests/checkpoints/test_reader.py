"""Checkpoints of every shape: the tensors that torch would give, which of them are taken, and what costs nothing."""

import argparse
import collections
import datetime
import enum
import io
import json
import pathlib
import pickle
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from container.checkpoints import convert, reader
from container.checkpoints.values import Unreadable

FORMS: dict[str, dict[str, Any]] = {
    "zip": {},
    "zip, protocol 4": {"pickle_protocol": 4},
    "torch before 1.6": {"_use_new_zipfile_serialization": False},
    "torch before 1.6, protocol 5": {"_use_new_zipfile_serialization": False, "pickle_protocol": 5},
}


def saved(value: Any, **form: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, **form)
    return buffer.getvalue()


def read(content: bytes, folder: Path) -> tuple[dict[str, torch.Tensor], tuple[str, ...]]:
    (folder / "w.pth").write_bytes(content)
    tensors, taken, _ = reader.as_safetensors(folder / "w.pth")
    return safetensors.torch.load(tensors), taken


def refusal(content: bytes, folder: Path) -> str:
    with pytest.raises(Unreadable) as caught:
        read(content, folder)
    return str(caught.value)


def state(seed: int = 0) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    return dict(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).state_dict())


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    equal = (torch.equal(one[key].view(torch.uint8), other[key].view(torch.uint8)) for key in one if one[key].ndim)
    return one.keys() == other.keys() and all(one[key].dtype == other[key].dtype for key in one) and all(equal)


DTYPES = [
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8),
    *(torch.uint8, torch.bool, torch.complex64, torch.uint16, torch.uint32, torch.uint64, torch.float8_e4m3fn),
    *(torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz),
]


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_tensors_of_every_type_and_layout_are_those_that_were_saved(form: dict[str, Any], tmp_path: Path) -> None:
    numbers = torch.arange(2 * 3 * 4 * 5, dtype=torch.float32).reshape(2, 3, 4, 5)
    tensors = {str(dtype): torch.ones(3).to(dtype) for dtype in DTYPES} | {
        "channels last": numbers.to(memory_format=torch.channels_last),
        "transposed": numbers.permute(3, 1, 0, 2),
        "a view": numbers[1, 1:, ::2, 3],
        "the same again": numbers[1, 1:, ::2, 3],
        "expanded": torch.ones(1).expand(5),
        "a number": torch.tensor(3.5),
        "nothing": torch.ones(0, 3),
        "a parameter": nn.Parameter(numbers[0]),
    }
    found, taken = read(saved(tensors, **form), tmp_path)
    assert taken == () and same(found, {key: value.detach().contiguous() for key, value in tensors.items()})


@given(
    shape=st.lists(st.integers(0, 4), min_size=1, max_size=4),
    order=st.randoms(),
    begin=st.integers(0, 3),
    step=st.integers(1, 3),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_view_is_the_one_that_was_saved(
    shape: list[int], order: Any, begin: int, step: int, tmp_path: Path
) -> None:
    axes = list(range(len(shape)))
    order.shuffle(axes)
    view = torch.rand(shape).permute(axes)[begin::step]
    found, _ = read(saved({"x": view, "room": torch.zeros(999)}), tmp_path)
    assert torch.equal(found["x"], view)


class Colour(enum.Enum):
    """A class of a user's program, which is not there when the file is read."""

    RED = 1


BESIDE: dict[str, Any] = {
    "args": argparse.Namespace(
        data_path="coco", lr=0.02, output=pathlib.PurePosixPath("out"), when=datetime.date.today()
    ),
    "best": np.float32(0.5),
    "metric": np.float64(0.25),
    "history": collections.defaultdict(list, loss=[0.5, 0.25]),
    "counts": collections.Counter("abc"),
    "path": pathlib.PosixPath("x"),
    "array": np.arange(3.0),
    "colour": Colour.RED,
    "set": {1, 2},
    "frozen": frozenset((1,)),
    "bytes": b"\x00\xff",
    "big": 2**80,
    "none": None,
    "dtype": torch.float32,
    "device": torch.device("cpu"),
    "random": torch.get_rng_state(),
    "numpy random": np.random.default_rng(0).bit_generator.state,
    "complex": 1j,
    "range": range(3),
    "a long tuple": tuple(range(5000)),
    "epoch": 3,
}


@pytest.mark.parametrize("protocol", range(1, 6))  # torch reads no 0 of its own
@pytest.mark.parametrize("key", BESIDE)
def test_what_is_no_tensor_is_passed_over(key: str, protocol: int, tmp_path: Path) -> None:
    content = saved({"model": state(), key: BESIDE[key]}, pickle_protocol=protocol)
    found, taken = read(content, tmp_path)
    assert taken == ("model",) and same(found, state())


LATEST, AVERAGE = state(1), state(2)
CHECKPOINTS: dict[str, tuple[Any, tuple[str, ...], dict[str, torch.Tensor]]] = {
    "torchvision's reference training": (
        {"model": LATEST, "optimizer": {"state": {0: {"exp_avg": torch.ones(9)}}}, **BESIDE}, ("model",), LATEST,
    ),
    "with averaged weights": ({"model": LATEST, "model_ema": AVERAGE}, ("model_ema",), AVERAGE),
    "Lightning": (
        {"pytorch-lightning_version": "2.5.0", "state_dict": LATEST, "callbacks": {"x": {"best": torch.ones(1)}}},
        ("state_dict",), LATEST,
    ),
    "timm": ({"state_dict": LATEST, "state_dict_ema": AVERAGE, "arch": "x"}, ("state_dict_ema",), AVERAGE),
    "averages of parts are none": ({"model": LATEST, "ema": {"decay": torch.ones(1)}}, ("model",), LATEST),
    "deeper": ({"trainer": {"model": {"net": LATEST}}}, ("trainer", "model", "net"), LATEST),
    "a dict of a class of its own": ({"weights": collections.OrderedDict(LATEST)}, ("weights",), LATEST),
    "a defaultdict": ({"net": collections.defaultdict(int, LATEST)}, ("net",), LATEST),
    "named by its user": ({"my_unet_v3": LATEST, "epoch": 3}, ("my_unet_v3",), LATEST),
    "optimizer by names": ({"model": LATEST, "optim": {k: {"m": LATEST[k]} for k in LATEST}}, ("model",), LATEST),
    "numbers for names beside": ({"params": LATEST, 1: 2, (1, 2): 3}, ("params",), LATEST),
    "in a list": ([LATEST, {"epoch": 1}], ("0",), LATEST),
    "in a tuple": ((3, {"model": LATEST}), ("1", "model"), LATEST),
    "names and tensors": (list(LATEST.items()), (), LATEST),
    "a tensor beside": ({"model_state": LATEST, "anchors": torch.ones(2)}, ("model_state",), LATEST),
}  # fmt: skip


@pytest.mark.parametrize(("value", "taken", "tensors"), CHECKPOINTS.values(), ids=CHECKPOINTS)
def test_which_state_dict_is_taken(
    value: Any, taken: tuple[str, ...], tensors: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    found, path = read(saved(value), tmp_path)
    assert path == taken and same(found, tensors)


@pytest.mark.parametrize(
    ("beside", "maker"),
    [
        ({"pytorch-lightning_version": "2.5.0"}, "Lightning"),
        ({"__author__": "Detectron2 Model Zoo"}, "detectron2"),
        ({"ds_version": "0.1"}, "DeepSpeed"),
        ({"epoch": 3}, ""),
    ],
)
def test_who_wrote_a_checkpoint(beside: dict[str, Any], maker: str, tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_bytes(saved({"model": LATEST, **beside}))
    assert reader.as_safetensors(tmp_path / "w.pth")[2] == maker


def test_wrappers_by_every_name(tmp_path: Path) -> None:
    names = ("state_dict", "model_state_dict", "model_state", "net", "weights", "model", "ema", "model_ema")
    assert [read(saved({name: LATEST, "epoch": 1}), tmp_path)[1] for name in names] == [(name,) for name in names]


def test_several_of_one_rank_are_named(tmp_path: Path) -> None:
    said = refusal(saved({"generator": LATEST, "critic": AVERAGE}), tmp_path)
    assert said == "it holds several state dicts (generator, critic): save the one to serve alone"


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("fortran", [False, True])
def test_arrays_of_numpy_are_tensors(protocol: int, fortran: bool, tmp_path: Path) -> None:
    arrays = {key: value.numpy().copy("F" if fortran else "C") for key, value in state().items()}
    found, taken = read(pickle.dumps({"model": arrays, "__author__": "x"}, protocol), tmp_path)
    assert taken == ("model",) and same(found, state())


@pytest.mark.parametrize("protocol", range(6))
def test_tensors_that_pickle_itself_has_written_are_read(protocol: int, tmp_path: Path) -> None:
    tensors = state() | {"turned": torch.rand(3, 4).T, "half": torch.ones(2).half(), "of": nn.Parameter(torch.ones(2))}
    found, taken = read(pickle.dumps({"model": tensors}, protocol), tmp_path)
    assert taken == ("model",) and same(found, {name: one.detach().contiguous() for name, one in tensors.items()})


class Tagged(torch.Tensor):
    """A tensor subclass."""


def with_attribute() -> torch.Tensor:
    tensor = torch.ones(2)
    tensor.note = "x"
    return tensor


def test_tensors_with_attributes_are_read(tmp_path: Path) -> None:
    found, _ = read(saved({"a": with_attribute(), "b": torch.ones(2).as_subclass(Tagged)}), tmp_path)
    assert all(torch.equal(one, torch.ones(2)) for one in found.values()) and len(found) == 2


def nested() -> bytes:
    """One text, encoded 3,000 times, and a Counter of another, 3,000 times."""
    latin1 = b"X\x06\0\0\0latin1"
    encode = b"c_codecs\nencode\nq\x01X\x00\x00\x10\x00" + b"a" * (1 << 20) + b"q\x00" + latin1 + b"\x86R"
    again = b"h\x01h\x00" + latin1 + b"\x86R"
    count = b"ccollections\nCounter\nh\x00\x85R"
    return b"\x80\x02](" + encode + again * 3000 + count * 3000 + b"e."


COSTLY: dict[str, Callable[[], bytes]] = {
    "a text of 1 MB, encoded and counted 3,000 times": nested,
    "three million marks": lambda: b"\x80\x02" + b"(" * 3_000_000 + b".",
    "ten million marks": lambda: b"\x80\x02" + b"(" * 10_000_000 + b".",
    "a number of ten million digits": lambda: b"\x80\x02L" + b"9" * 10_000_000 + b"L\n.",
    "tuples in tuples": lambda: b"\x80\x02)q\x00" + b"h\x00h\x00\x86q\x00" * 100_000 + b".",
    "lists in lists": lambda: b"\x80\x02" + b"]" * 2_000_000 + b"a" * 1_999_999 + b".",
}


@pytest.mark.alone
@pytest.mark.parametrize("make", COSTLY.values(), ids=COSTLY)
def test_what_costs_more_than_it_holds_costs_the_server_nothing(make: Callable[[], bytes], tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_bytes(make())
    begun, cpu = time.monotonic(), time.process_time()
    with pytest.raises(Unreadable):
        reader.as_safetensors(tmp_path / "w.pth")
    assert time.process_time() - cpu < 0.5 and time.monotonic() - begun < 10


def test_names_that_take_more_than_their_tensors(tmp_path: Path) -> None:
    names = {"a" * 1000 + str(i): torch.ones(1) for i in range(5000)}
    assert refusal(saved(names), tmp_path) == "the names of its tensors take over 4 MB"


def test_a_full_temporary_folder_is_called_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "w.pth").write_bytes(saved(state()))
    monkeypatch.setattr(reader.tempfile, "TemporaryFile", lambda: open("/dev/full", "r+b", buffering=0))
    with pytest.raises(Unreadable, match="into the temporary folder: No space left on device"):
        reader.as_safetensors(tmp_path / "w.pth")


def test_the_reader_imports_neither_torch_nor_the_server(tmp_path: Path) -> None:
    listed = "import sys, json; sys.path.insert(0, sys.argv[1]); import container.checkpoints.convert; "
    code = listed + "print(json.dumps(sorted(sys.modules)))"
    root = str(Path(convert.__file__).parent.parent.parent)
    done = subprocess.run([reader.sys.executable, "-I", "-c", code, root], capture_output=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert not loaded & {"torch", "numpy", "flask", "gunicorn", "PIL", "cv2"}
    assert {name for name in loaded if name.startswith("container.")} <= {
        "container.checkpoints", *(f"container.checkpoints.{name}" for name in (
            "convert", "layouts", "other_kinds", "pickles", "state_dicts", "tensors", "values"
        )),
    }  # fmt: skip
