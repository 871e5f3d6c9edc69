"""Weights files made to harm: none runs code, takes much time or memory, or puts in values that predict nonsense."""

import io
import json
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import nn

from container.engines import weight_files
from container.errors import ModelError
from tests.bomb import Bomb
from tests.limits import bounded


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))


def state(**changed: torch.Tensor) -> dict[str, torch.Tensor]:
    return {**network().state_dict(), **{name.replace("_", ".", 1): value for name, value in changed.items()}}


def pth(content: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, **options)
    return buffer.getvalue()


def tensors(header: bytes | dict[str, Any], data: bytes = b"", length: int | None = None) -> bytes:
    """A safetensors file by its parts, each of which may lie."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(begin: int, end: int, kind: str = "F32", shape: tuple[int, ...] = (2,)) -> dict[str, Any]:
    return {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}


def refused(content: bytes, suffix: str, reason: str, folder: Path) -> None:
    path = folder / f"w{suffix}"
    path.write_bytes(content)
    module = network()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    with bounded(), pytest.raises(ModelError, match=reason) as caught:
        weight_files.fit(module, weight_files.read(path))
    assert "\n" not in str(caught.value) and str(folder) not in str(caught.value)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


WHOLE = safetensors.torch.save(state())
UNREADABLE = "cannot be read"
LONG = b",".join(b'"%07d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}' % i for i in range(1000))
SAFETENSORS: dict[str, tuple[bytes, str]] = {
    "header length 2^63": (tensors(b"{}", length=2**63), "over 4 MB"),
    "header length 2^64-1": (tensors(b"{}", length=2**64 - 1), "over 4 MB"),
    "header length beyond the file": (tensors(b"{}", length=1000), UNREADABLE),
    "header of spaces": (tensors(b"{}" + b" " * 4_200_000), "over 4 MB"),
    "header within the limit, 70,000 times one name": (tensors(b"{" + b",".join([LONG] * 70) + b"}"), "do not fit"),
    "header 100,000 deep": (tensors(b"[" * 100_000), UNREADABLE),
    "header not JSON": (tensors(b"\xff\xfe"), UNREADABLE),
    "overlap": (tensors({"a": tensor(0, 8), "b": tensor(4, 12)}, bytes(12)), UNREADABLE),
    "gap": (tensors({"a": tensor(0, 8), "b": tensor(12, 20)}, bytes(20)), UNREADABLE),
    "offsets backwards": (tensors({"a": tensor(8, 0)}, bytes(8)), UNREADABLE),
    "offsets beyond the file": (tensors({"a": tensor(0, 8)}, bytes(4)), UNREADABLE),
    "more than the offsets": (tensors({"a": tensor(0, 8)}, bytes(80)), UNREADABLE),
    "type of another size": (tensors({"a": tensor(0, 8, "F64")}, bytes(8)), UNREADABLE),
    "type that does not exist": (tensors({"a": tensor(0, 8, "F31")}, bytes(8)), UNREADABLE),
    "shape that overflows": (tensors({"a": tensor(0, 0, shape=(2**62, 4))}), UNREADABLE),
    "shape negative": (tensors({"a": tensor(0, 8, shape=(-2,))}, bytes(8)), UNREADABLE),
    "whole numbers called floats": (WHOLE.replace(b'"F32"', b'"I32"'), r"is torch.int32 in the file"),
    "no tensors": (tensors({}), "are missing"),
    "nothing": (b"", UNREADABLE),
    "zeros": (bytes(100_000), UNREADABLE),
    **{f"cut at {part} %": (WHOLE[: len(WHOLE) * part // 100], UNREADABLE) for part in (10, 50, 99)},
}


@pytest.mark.parametrize(("content", "reason"), SAFETENSORS.values(), ids=SAFETENSORS)
def test_hostile_safetensors(content: bytes, reason: str, tmp_path: Path) -> None:
    refused(content, ".safetensors", reason, tmp_path)


def test_a_header_of_100_megabytes(tmp_path: Path) -> None:
    refused(tensors(b"{" + b",".join([LONG] * 1700) + b"}"), ".safetensors", "over 4 MB", tmp_path)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"0_bias": torch.tensor([0, 1, float("nan"), 2])}, "not finite, first in 0.bias"),
        ({"1_running_var": torch.tensor([0, 1, float("inf"), 2])}, "not finite, first in 1.running_var"),
        ({"0_bias": torch.full((4,), float("-inf"), dtype=torch.bfloat16)}, "not finite, first in 0.bias"),
        ({"0_bias": torch.full((4,), 1e300, dtype=torch.float64)}, "not finite, first in 0.bias"),
        ({"0_bias": torch.ones(4, dtype=torch.int32)}, "0.bias is torch.int32 in the file and torch.float32 in the"),
        ({"0_bias": torch.ones(4, dtype=torch.bool)}, "0.bias is torch.bool in the file"),
        ({"0_bias": torch.ones(4, dtype=torch.complex64)}, "0.bias is torch.complex64 in the file"),
        ({"0_bias": torch.ones(5)}, "0.bias is 5 in the file and 4 in the model"),
        ({"0_bias": torch.ones(())}, "0.bias is a scalar in the file"),
        ({"2_bias": torch.ones(4)}, r"1 are unknown to the model \(2.bias\)"),
    ],
    ids=[
        *("NaN", "infinite", "half infinite", "too large", "whole numbers", "truths", "complex"),
        *("shape", "scalar", "one too many"),
    ],
)  # fmt: skip
def test_values_that_do_not_fit(changed: dict[str, torch.Tensor], reason: str, suffix: str, tmp_path: Path) -> None:
    content = state(**changed)
    refused(pth(content) if suffix == ".pth" else safetensors.torch.save(content), suffix, reason, tmp_path)


def test_a_tensor_that_is_missing(tmp_path: Path) -> None:
    content = state()
    del content["1.weight"]
    refused(pth(content), ".pth", r"1 tensors are missing in the file \(1.weight\)", tmp_path)


def in_tar(bomb: Bomb) -> bytes:
    """The format of torch before 0.1.10."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in ("sys_info", "pickle", "storages", "tensors"):
            info = tarfile.TarInfo(name)
            info.size = len(pickle.dumps(bomb))
            tar.addfile(info, io.BytesIO(pickle.dumps(bomb)))
    return buffer.getvalue()


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors"])
@pytest.mark.parametrize(
    "form",
    [
        pickle.dumps,
        lambda bomb: pickle.dumps(bomb, 0),
        pth,
        lambda bomb: pth({"model": state(), "optimizer": bomb}),
        lambda bomb: pth({"model": bomb}, _use_new_zipfile_serialization=False),
        in_tar,
    ],
    ids=["pickle", "pickle of protocol 0", "torch", "beside a good state", "torch before 1.6", "torch's tar"],
)
def test_pickled_code_is_not_run(form: Any, suffix: str, tmp_path: Path) -> None:
    refused(form(Bomb(tmp_path / "marker")), suffix, "cannot be read|over 4 MB", tmp_path)
    assert not (tmp_path / "marker").exists()


def zipped(*parts: tuple[str, bytes, int], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of entries, each so many times its content."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, content, times in parts:
            with file.open(f"archive/{name}", "w", force_zip64=True) as entry:
                for _ in range(times):
                    entry.write(content)
    return buffer.getvalue()


def with_storage_of(numbers: int) -> bytes:
    """A file whose one tensor says that its storage has so many numbers, and has 4."""
    with zipfile.ZipFile(io.BytesIO(pth({"x": torch.zeros(4)}))) as file:
        parts = {name.split("/", 1)[1]: file.read(name) for name in file.namelist()}
    # The end of the storage's persistent id in the pickle: its device and its size.
    changed = parts["data.pkl"].replace(b"cpuq\x06K\x04", b"cpuq\x06J" + struct.pack("<i", numbers))
    assert changed != parts["data.pkl"]
    parts["data.pkl"] = changed
    return zipped(*((name, content, 1) for name, content in parts.items()), compression=zipfile.ZIP_STORED)


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def name(module: str, of: str) -> bytes:
    return f"c{module}\n{of}\n".encode()


def number(value: int) -> bytes:
    return b"\x8a\x0a" + value.to_bytes(10, "little", signed=True)


def saved(entry: bytes, *storages: tuple[str, bytes]) -> bytes:
    """A file of torch.save with a pickle written by hand: a dict of one entry, its key and its value."""
    parts = (("data.pkl", b"\x80\x02}" + entry + b"s.", 1), *FORM, *((f"data/{k}", v, 1) for k, v in storages))
    return zipped(*parts, compression=zipfile.ZIP_STORED)


def view(key: str, numbers: int, shape: int, stride: int) -> bytes:
    """A tensor of bytes, so many of a storage of so many."""
    storage = b"(" + text("storage") + name("torch", "ByteStorage") + text(key) + text("cpu") + number(numbers) + b"tQ"
    of = (
        storage + b"K\x00" + number(shape) + b"\x85" + number(stride) + b"\x85\x89" + name("collections", "OrderedDict")
    )
    return name("torch._utils", "_rebuild_tensor_v2") + b"(" + of + b")RtR"


def in_hex(times: int) -> bytes:
    """Text that is twice as long each time."""
    value, encode = text("a"), name("_codecs", "encode")
    for kind in ("latin1", *["hex"] * times):
        value = encode + value + text(kind) + b"\x86R"
    return value


def in_two_directories() -> bytes:
    """A zip whose directory is not the one before its end: torch reads what the other says, zipfile this one."""
    whole = zipped(*FORM, ("data.pkl", b"0" * 10_000_000, 40))
    size, at = struct.unpack("<II", whole[-10:-2])
    shown = bytearray(whole[at : at + size])
    for entry in range(len(shown) - 3):
        if shown[entry : entry + 4] == b"PK\1\2":
            shown[entry + 20 : entry + 28] = struct.pack("<II", 1, 1)
    return whole[:-22] + bytes(shown) + whole[-22:]


KEY, SPELLINGS = text("0.bias"), ["".join("Aa"[i >> j & 1] for j in range(6)) for i in range(64)]
FORM = (("version", b"3\n", 1), ("byteorder", b"little", 1))
# Calls, not bytes, where packing takes seconds, which otherwise every collection would wait for.
PICKLES: dict[str, tuple[bytes | Callable[[], bytes], str]] = {
    "2 GB of zeros as the pickle": (lambda: zipped(*FORM, ("data.pkl", b"0" * 10_000_000, 200)), "unpacks to more"),
    "2 GB of zeros as a tensor": (lambda: zipped(*FORM, ("data/0", bytes(10_000_000), 200)), "unpacks to more"),
    "storage that says 8 GB": (with_storage_of(2**31 - 1), UNREADABLE),
    "storage that says less than nothing": (with_storage_of(-4), UNREADABLE),
    "4 TB of one number": (pth({"x": torch.zeros(1).expand(2**40)}), "more numbers than the file has"),
    "pickle 1,000,000 deep": (b"\x80\x02" + b"(" * 1_000_000 + b".", UNREADABLE),
    "a string that says 4 GB": (b"\x80\x04\x8d" + struct.pack("<Q", 2**32), UNREADABLE),
    "a string that says 2^63": (b"\x80\x04\x8d" + struct.pack("<Q", 2**63), UNREADABLE),
    "calls bytearray(3 GB)": (saved(KEY + name("__builtin__", "bytearray") + number(3 * 10**9) + b"\x85R"), "it calls"),
    "calls for 1 GB of hex": (saved(KEY + in_hex(30)), "it calls '_codecs encode'"),
    "a set of 2^31": (saved(KEY + name("builtins", "set") + view("0", 4, 2**31, 0) + b"\x85R", ("0", b"1234")), "it c"),
    "a key that takes 2^60 steps": (saved(b")q\0" + b"h\0\x86q\0" * 60 + b"N"), "a tuple of over 1000 values"),
    "a key that is 1,000,000 deep": (saved(b")" + b"\x85" * 1_000_000 + b"N"), "a tuple of over 1000 values"),
    "keys that collide": (
        saved(b"N}(" + b"".join(number(i * (2**61 - 1)) + b"N" for i in range(100_000)) + b"u"), "not text"
    ),
    "a storage by its spellings": (
        saved(KEY + b"(" + b"".join(view(key, 10**7, 1, 1) for key in SPELLINGS) + b"t", ("aaaaaa", bytes(10**7))),
        "in another way than torch",
    ),
    "two directories": (in_two_directories, UNREADABLE),
    "two numbers in a byte": (
        pth(state(**{"0_bias": torch.zeros(4, dtype=torch.uint8).view(torch.float4_e2m1fn_x2)})),
        "0.bias is torch.float4_e2m1fn_x2 in the file",
    ),
    "attributes for a tensor": (saved(KEY + view("0", 4, 4, 1) + b"}b", ("0", b"1234")), "it sets attributes"),
    "another class": (saved(KEY + name("torch", "FloatTensor") + b")\x81"), "it holds NEWOBJ"),
    "sparse": (pth(state(**{"0_bias": torch.ones(4).to_sparse()})), "no state dict of plain|cannot be read"),
    "without data": (pth(state(**{"0_bias": torch.ones(4, device="meta")})), "no state dict of plain"),
    "names that are numbers": (pth(dict(enumerate(state().values()))), UNREADABLE),
    "a list": (pth(list(state().values())), "no state dict"),
    "a tensor": (pth(torch.ones(4)), "no state dict"),
    "no tensors": (pth({}), "no state dict"),
    "text": (pth({"0.bias": "weights"}), "no state dict"),
    "nothing": (b"", UNREADABLE),
    "zeros": (bytes(100_000), UNREADABLE),
    **{f"cut at {part} %": (pth(state())[: len(pth(state())) * part // 100], UNREADABLE) for part in (10, 50, 99)},
}  # fmt: skip


@pytest.mark.parametrize(("content", "reason"), PICKLES.values(), ids=PICKLES)
def test_hostile_pickles(content: bytes | Callable[[], bytes], reason: str, tmp_path: Path) -> None:
    refused(content() if callable(content) else content, ".pth", reason, tmp_path)


def test_what_training_keeps_beside_the_weights_is_read(tmp_path: Path) -> None:
    module = network()
    optimizer = torch.optim.AdamW(module.parameters())
    module(torch.ones(1, 3, 2, 2)).sum().backward()
    optimizer.step()
    beside = {
        "optimizer": optimizer.state_dict(),
        "schedule": torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 4]).state_dict(),
        "random": torch.get_rng_state(),
        "losses": [0.5] * 1000,
        "parameters": dict(module.named_parameters()),
        "seed": 2**63,
        "seen": {1, 2},
        "shape": torch.Size([2, 3]),
        "small": torch.ones(2, dtype=torch.float8_e4m3fn),
    }
    (tmp_path / "w.pth").write_bytes(pth({"model": module.state_dict(), **beside}))
    assert weight_files.read(tmp_path / "w.pth").keys() == module.state_dict().keys()


def test_a_file_that_is_cut_off_while_it_is_in_use(tmp_path: Path) -> None:
    """What is mapped into memory would end the process."""
    (tmp_path / "w.safetensors").write_bytes(safetensors.torch.save({"x": torch.ones(1_000_000)}))
    state = weight_files.read(tmp_path / "w.safetensors")
    (tmp_path / "w.safetensors").write_bytes(b"")
    assert state["x"].isfinite().all()


@pytest.mark.parametrize("options", [{}, {"_use_new_zipfile_serialization": False}], ids=["zip", "torch before 1.6"])
def test_what_torch_saves_is_read(options: dict[str, Any], tmp_path: Path) -> None:
    """Also where every number is the same: that compresses well, and torch does not compress."""
    same = {name: torch.ones_like(value) for name, value in state().items()}
    (tmp_path / "w.pth").write_bytes(pth(same, **options))
    module = network()
    weight_files.fit(module, weight_files.read(tmp_path / "w.pth"))
    assert all(bool((value == 1).all()) for value in module.state_dict().values())
