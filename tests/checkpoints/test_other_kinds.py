"""Files that hold no state dict are called what they are, with what to do."""

import gzip
import io
import json
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.checkpoints.test_reader import refusal, saved


def zipped(*names: str, folder: str = "") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in names:
            file.writestr(folder + name, b"x")
    return buffer.getvalue()


def in_tar(*names: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as file:
        for name in names:
            file.addfile(tarfile.TarInfo(name))
    return buffer.getvalue()


def numpys(function: Callable[..., None], *values: Any) -> bytes:
    buffer = io.BytesIO()
    function(buffer, *values)
    return buffer.getvalue()


def scripted() -> bytes:
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), buffer)
    return buffer.getvalue()


MODULE = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.1))
PICKLED = "it is a whole model, the pickled module torch.nn.modules.container.Sequential, and reading it would run"
KINDS: dict[str, tuple[Callable[[], bytes], str]] = {
    "a pickled module": (lambda: saved(MODULE), PICKLED),
    "of torch before 1.6": (lambda: saved(MODULE, _use_new_zipfile_serialization=False), PICKLED),
    "in a checkpoint": (lambda: saved({"epoch": 3, "model": MODULE, "ema": None}), PICKLED),
    "in a pickle": (lambda: pickle.dumps(MODULE), PICKLED),
    "TorchScript": (scripted, "it is a TorchScript module, a program and not weights alone: save the weights alone"),
    "torch.export": (lambda: zipped("archive_format", "models/model.json", folder="m/"), "it is a program of torch."),
    "torch.package": (lambda: zipped(".data/extern_modules", folder="m/"), "it is a torch.package"),
    "ONNX": (lambda: b"\x08\x07\x12\x07pytorch\x1a\x052.1.0:\x80\x01", "it is an ONNX model; save the weights alone"),
    "ONNX without a producer": (lambda: b"\x08\x07:\x80\x01" + bytes(9), "it is an ONNX model"),
    "TensorFlow's SavedModel": (lambda: b"\x08\x01\x12\xa3\xf4\x02" + bytes(9), "it is a TensorFlow SavedModel"),
    "TensorFlow's checkpoint": (lambda: bytes(9) + b"x\x57\xfb\x80\x8b\x24\x75\x47\xdb", "it is a checkpoint of Te"),
    "TensorFlow Lite": (lambda: b"\x1c\0\0\0TFL3" + bytes(99), "it is a TensorFlow Lite model"),
    "HDF5": (lambda: b"\x89HDF\r\n\x1a\n" + bytes(99), "it is HDF5, as Keras and TensorFlow write it"),
    "Keras": (lambda: zipped("metadata.json", "config.json", "model.weights.h5"), "it is a Keras model"),
    "GGUF": (lambda: b"GGUF\x03" + bytes(99), "it is GGUF, as llama.cpp writes it"),
    "an array": (lambda: numpys(np.save, np.ones(3)), "it is one NumPy array"),
    "arrays": (lambda: numpys(np.savez, np.ones(3)), "it is a zip of NumPy arrays"),
    "another zip": (lambda: zipped("readme.md"), "it is a zip, and not one of torch.save"),
    "a pointer of Git LFS": (lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "it is a pointer of"),
    "a web page": (lambda: b"\n<!DOCTYPE html><title>403", "it is a web page or XML, perhaps in place of a download"),
    "JSON": (lambda: json.dumps({"weight_map": {}}).encode(), "it is JSON; the weights are in another file"),
    "gzip": (lambda: gzip.compress(saved({"a": torch.ones(1)})), "it is compressed with gzip: unpack it"),
    "a tar": (lambda: in_tar("model.json", "model.pth"), "it is a tar: unpack it"),
    "torch before 0.1.10": (lambda: in_tar("sys_info", "pickle", "storages", "tensors"), "it is a tar of torch before"),
    "a picture": (lambda: b"\xff\xd8\xff\xe0" + bytes(99), "it is a picture"),
    "zeros": (lambda: bytes(999), "it is empty"),
    "text": (lambda: b"epoch 3, loss 0.5\n", "it is no pickle, no zip and no safetensors"),
    "numbers": (lambda: pickle.dumps([1, 2]), "no state dict of plain named tensors"),
    "a list of tensors": (lambda: saved([torch.ones(2)]), "no state dict of plain named tensors"),
    "cut": (lambda: saved({"a": torch.ones(99)})[:300], "it is cut short or damaged"),
    "quantized": (lambda: saved({"a": torch.ones(1), "b": quantized()}), "named tensors: b is quantized: dequantize()"),
    "quantized, of torch before 1.6": (
        lambda: saved({"a": torch.ones(1), "b": quantized()}, _use_new_zipfile_serialization=False), "b is quantized",
    ),
    "sparse": (lambda: saved({"a": torch.ones(1), "b": torch.ones(2).to_sparse()}), "b is sparse: to_dense() makes it"),
    "meta": (lambda: saved({"a": torch.ones(1), "b": torch.ones(2, device="meta")}), "b is a meta tensor, which has"),
    "twice as wide": (lambda: saved({"a": torch.ones(1, dtype=torch.complex128)}), "a is torch.complex128 in the file"),
}  # fmt: skip


def quantized() -> torch.Tensor:
    return torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.parametrize(("make", "words"), KINDS.values(), ids=KINDS)
def test_a_file_is_called_what_it_is(make: Callable[[], bytes], words: str, tmp_path: Path) -> None:
    said = refusal(make(), tmp_path)
    assert words in said and said.isprintable() and len(said) < 400 and str(tmp_path) not in said
