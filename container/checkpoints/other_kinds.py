"""What a file is that no state dict can be read from: by its first and last bytes, or the names in a zip."""

import re
from collections.abc import Iterable

_SAVE = "save the weights alone where it was made, with torch.save(model.state_dict(), FILE)"

# Patterns of the first bytes; the first that fits counts.
_BYTES = tuple(
    (re.compile(pattern, re.DOTALL | re.IGNORECASE), words)
    for pattern, words in (
        (rb"\x89HDF\r\n\x1a\n", "it is HDF5, as Keras and TensorFlow write it, and only PyTorch's weights are read"),
        (rb"\x93NUMPY", f"it is one NumPy array; {_SAVE}"),
        (rb"version https://git-lfs", "it is a pointer of Git LFS: fetch the file itself with `git lfs pull`"),
        (rb"\s*<(!doctype|html|\?xml|!--)", "it is a web page or XML, perhaps in place of a download"),
        (rb'\s*(\{\s*["}]|\[\s*["{\[\]])', "it is JSON; the weights are in another file"),
        (rb"\x1f\x8b", "it is compressed with gzip: unpack it, or name it .tar.gz if it is a whole model"),
        (rb"BZh|\xfd7zXZ\x00|7z\xbc\xaf\x27\x1c|Rar!|\x28\xb5\x2f\xfd", "it is a compressed archive: unpack it"),
        (rb"GGUF", "it is GGUF, as llama.cpp writes it, and only PyTorch's weights are read"),
        (rb".{4}TFL3", "it is a TensorFlow Lite model, and only PyTorch's weights are read"),
        (rb".{4}ET\d\d", f"it is an ExecuTorch program; {_SAVE}"),
        (rb"\x08[\x01-\x20](\x12[\x01-\x40][ -~]{3}|[\x1a\x22\x3a\x42])", f"it is an ONNX model; {_SAVE}"),
        (rb"\x08\x01\x12[\x80-\xff]", "it is a TensorFlow SavedModel, and only PyTorch's weights are read"),
        (rb"sys_info\x00.{248}ustar", f"it is a tar of torch before 0.1.10: load it there, and {_SAVE}"),
        (rb".{257}ustar", "it is a tar: unpack it, or name it .tar.gz if it is a whole model, compressed"),
        (rb"\xff\xd8\xff|\x89PNG|GIF8|RIFF.{4}WEBP", "it is a picture"),
    )
)
_TENSORFLOW_TABLE = b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"  # at the end of the files of its checkpoints

# Names in a zip, without its folder.
_IN_ZIP = (
    ("constants.pkl", f"it is a TorchScript module, a program and not weights alone: {_SAVE}"),
    ("archive_format", f"it is a program of torch.export; {_SAVE}"),
    ("models/model.json", f"it is a program of torch.export; {_SAVE}"),
    (".data/extern_modules", f"it is a torch.package; {_SAVE}"),
    ("model.weights.h5", "it is a Keras model, and only PyTorch's weights are read"),
    ("MAR-INF/MANIFEST.json", "it is a TorchServe archive: unpack it, and name the weights file in it"),
    ("coremldata.bin", f"it is a Core ML model; {_SAVE}"),
)


def of_bytes(first: bytes, last: bytes) -> str:
    """Return a clause such as "it is an ONNX model; …" for a file's first 4096 and last 8 bytes, or ""."""
    if last == _TENSORFLOW_TABLE:
        return "it is a checkpoint of TensorFlow, and only PyTorch's weights are read"
    if not first.strip(b"\0"):
        return "it is empty"
    return next((words for pattern, words in _BYTES if pattern.match(first)), "")


def of_zip(names: Iterable[str]) -> str:
    """Return a clause for the names in a zip, each with and without the folder that all lie in, or ""."""
    known = set(names)
    if any(name.endswith(".npy") for name in known):
        return f"it is a zip of NumPy arrays; {_SAVE}"
    return next((words for name, words in _IN_ZIP if name in known), "")
