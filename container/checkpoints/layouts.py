"""How files hold pickles and numbers: torch's zip, torch before 1.6, and plain pickles."""

import io
import pickle
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any, BinaryIO

from container.checkpoints import other_kinds, pickles, tensors
from container.checkpoints.values import ITEM_SIZES, Encoded, Name, StandIn, Storage, Tensor, Unreadable

MAX_PICKLE = 64 << 20  # bytes of the pickle in a zip; a ResNet-18 with its optimizer takes 0.04 MB
ZIP = b"PK\x03\x04"  # by which torch tells a zip
_MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of torch before 1.6
_SIZES = {**ITEM_SIZES, "complex128": 16, "qint32": 4, **dict.fromkeys(("qint8", "quint8", "quint4x2", "quint2x4"), 1)}

Read = Callable[[Storage], bytes]  # all bytes of the storage of that key


def read(file: BinaryIO, size: int) -> tuple[Any, Read]:
    """Return what a file of `size` bytes holds, and a function that reads its storages.

    Unreadable, or what zipfile and pickletools raise for damaged files.
    """
    first = file.read(4096)
    if first[:4] == ZIP:
        return _read_zip(file, size)
    file.seek(max(0, size - 8))
    if kind := other_kinds.of_bytes(first, file.read(8)):
        raise Unreadable(kind)
    file.seek(0)
    try:
        saved = pickles.load(file, tensors.storage)
    except (ValueError, IndexError, KeyError) as error:
        if first[:1] == pickle.PROTO:
            raise
        raise Unreadable("it is no pickle, no zip and no safetensors") from error
    return _read_old(file) if saved == _MAGIC else (saved, _no_storages)


def pickled_tensor(value: Any) -> Tensor | None:
    """Return a tensor as pickle itself writes it, with a file of torch before 1.6 in place of its storage."""
    match value:
        case StandIn(
            of=Name("torch._utils", "_rebuild_tensor_v2" | "_rebuild_tensor_v3") as called,
            arguments=(StandIn(of=Name("torch.storage", "_load_from_bytes"), arguments=(data,)), *view),
        ):
            content = data.text.encode("latin1") if isinstance(data, Encoded) else data
            storage, read_storage = read(io.BytesIO(content), len(content))
            tensor = tensors.rebuilt(called, (storage, *view))
            if isinstance(tensor, Tensor) and isinstance(storage, Storage):
                return replace(tensor, source=read_storage(storage))
    return None


def _no_storages(storage: Storage) -> bytes:
    raise Unreadable("it names a storage, and holds none")


def _read_zip(file: BinaryIO, size: int) -> tuple[Any, Read]:
    archive = zipfile.ZipFile(file)
    names = [part.filename for part in archive.infolist()]
    parts = {part.filename.partition("/")[2]: part for part in archive.infolist()}
    if kind := other_kinds.of_zip({*names, *parts}):
        raise Unreadable(kind)
    if sum(part.file_size for part in archive.infolist()) > size:
        raise Unreadable("it unpacks to more than it has bytes, and torch does not compress")
    if len({name.lower() for name in names}) < len(names):
        raise Unreadable("it holds two parts of one name")
    if "data.pkl" not in parts:
        raise Unreadable("it is a zip, and not one of torch.save")
    if parts["data.pkl"].file_size > MAX_PICKLE:
        raise Unreadable(f"it has a pickle of over {MAX_PICKLE >> 20} MB")
    if "byteorder" in parts and archive.read(parts["byteorder"]) == b"big":
        raise Unreadable("it was saved on a big-endian machine")

    def read_storage(storage: Storage) -> bytes:
        if f"data/{storage.key}" not in parts:
            raise Unreadable(f"it lacks its storage {storage.key}")
        return archive.read(parts[f"data/{storage.key}"])

    return pickles.load(io.BytesIO(archive.read(parts["data.pkl"])), tensors.storage), read_storage


def _read_old(file: BinaryIO) -> tuple[Any, Read]:
    """Read a file of torch before 1.6 after its first pickle: four more, the last of them keys, then their storages."""
    dtypes: dict[str, str] = {}

    def persistent(identity: Any) -> Any:
        found = tensors.storage(identity)
        if isinstance(found, Storage):
            dtypes[found.key] = found.dtype
        return found

    _, _, saved, keys = (pickles.load(file, persistent) for _ in range(4))
    places: dict[str, tuple[int, int]] = {}
    if not isinstance(keys, list):
        raise Unreadable("it does not list its storages")
    for key in keys:
        (count,) = struct.unpack("<q", file.read(8))
        places[key] = file.tell(), count * _SIZES[dtypes[key]]
        file.seek(sum(places[key]))

    def read_storage(storage: Storage) -> bytes:
        begin, length = places[storage.key]
        file.seek(begin)
        return file.read(length)

    return saved, read_storage
