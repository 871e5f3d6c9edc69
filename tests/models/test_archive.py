"""model.tar.gz: what is unpacked, and that everything hostile is refused, fast and with nothing written elsewhere."""

import gzip
import io
import os
import random
import resource
import tarfile
import unicodedata
from pathlib import Path

import pytest

from container.errors import ModelError
from container.models import archive
from tests.limits import bounded

END = bytes(1024)  # two empty blocks end a tar
GB = 10**9
SPARSE_MAP = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(10**12)}

SUFFIXES = (".json", ".safetensors", ".pth")


def header(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0, mode: int = 0o644) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size, info.mode = kind, link, size, mode
    return info.tobuf(tarfile.GNU_FORMAT)


def member(name: str, content: bytes = b"x", mode: int = 0o644) -> bytes:
    return header(name, size=len(content), mode=mode) + content + bytes(-len(content) % 512)


def pax(records: dict[str, str], content: bytes = b"x", name: str = "f") -> bytes:
    """A file whose header says one thing, and a PAX header before it another."""
    info = tarfile.TarInfo(name)
    info.size, info.pax_headers = len(content), records
    return info.tobuf(tarfile.PAX_FORMAT) + content + bytes(-len(content) % 512)


def extension(kind: bytes, content: bytes) -> bytes:
    return header("p", kind, size=len(content)) + content + bytes(-len(content) % 512)


def folder_by_pax(size: str) -> bytes:
    """A folder to which a PAX header gives a size."""
    info = tarfile.TarInfo("d")
    info.type, info.pax_headers = tarfile.DIRTYPE, {"size": size}
    return info.tobuf(tarfile.PAX_FORMAT)


def patched(block: bytes, at: int, value: bytes) -> bytes:
    """A header with other bytes in one place, and the checksum that goes with them."""
    changed = bytearray(block)
    changed[at : at + len(value)] = value
    changed[148:156] = b"%06o\0 " % tarfile.calc_chksums(bytes(changed))[0]
    return bytes(changed)


MACOS = member("._model.json") + member("._model.safetensors") + member(".DS_Store") + member("._.")
GOOD = member("model.json", b"{}") + member("model.safetensors", b"weights")


def packed(*parts: bytes) -> bytes:
    """A whole archive of a good model and of `parts`."""
    return gzip.compress(GOOD + b"".join(parts) + END)


def endless(start: bytes, repeated: bytes, times: int) -> bytes:
    """An archive that is small and unpacks to something huge."""
    return gzip.compress(GOOD + start) + gzip.compress(repeated) * times


def zeros(start: bytes) -> bytes:
    return endless(start, bytes(10_000_000), 1000)


WHOLE = packed()
OUT, LINK, TEXT = "leads out of it", "a link, a device or a sparse file", "too long or not plain text"
EXTENSION, SIZE = "has an extension header over 8 KB", "a folder that claims a size"
DIGITS = b"1" * 200_000
DAMAGED, AFTER, HEADERS = "is not a whole .tar.gz", "goes on after its end", "KB of headers and padding"

HOSTILE: dict[str, tuple[bytes, str]] = {
    "parent": (packed(member("../outside")), OUT),
    "parent within": (packed(member("a/../../outside")), OUT),
    "parent as a folder": (packed(header("..", tarfile.DIRTYPE)), OUT),
    "absolute": (packed(member("/outside")), OUT),
    "parent inside a PAX header": (packed(pax({"path": "../outside"})), OUT),
    "absolute inside a PAX header": (packed(pax({"path": "/outside"})), OUT),
    "two-dot leader": (packed(member("‥/outside")), OUT),
    "fullwidth dots and slash": (packed(member("．．／outside")), OUT),
    "symlink for the weights": (packed(header("w.pth", tarfile.SYMTYPE, "/etc/passwd")), LINK),
    "hard link": (packed(header("w.pth", tarfile.LNKTYPE, "/etc/passwd")), LINK),
    "character device": (packed(header("w.pth", tarfile.CHRTYPE)), LINK),
    "block device": (packed(header("w.pth", tarfile.BLKTYPE)), LINK),
    "FIFO": (packed(header("w.pth", tarfile.FIFOTYPE)), LINK),
    "sparse, 1 TB": (packed(patched(header("w.pth", tarfile.GNUTYPE_SPARSE), 483, b"16432451210\0")), LINK),
    "sparse by PAX, 1 TB": (packed(pax(SPARSE_MAP, b"1\n0\n1\n".ljust(512, b"\0") + b"x", "w.pth")), LINK),
    "map of a sparse file, 10 GB": (
        endless(patched(header("w.pth", tarfile.GNUTYPE_SPARSE), 482, b"\1"), b"\1" * 10_000_000, 1000),
        HEADERS,
    ),
    "a million members": (endless(b"", b"".join(header(f"f{i}") for i in range(1000)), 1000), "over 20000 files"),
    "10 GB of zeros": (zeros(header("w.pth", size=10 * GB)), "or 5 GB"),
    "5 GB together": (packed(member("f"), header("w.pth", size=archive.MAX_BYTES)), "or 5 GB"),
    "5 GB of zeros": (endless(header("w.pth", size=5 * GB), bytes(10_000_000), 500), "more than 20 times its size"),
    "10 GB of zeros after the end": (zeros(END), HEADERS),
    "PAX header, 10 GB": (zeros(header("p", tarfile.XHDTYPE, size=10 * GB)), EXTENSION),
    "PAX header, -1": (packed(patched(header("p", tarfile.XHDTYPE), 124, b"\xff" * 12), member("f")), EXTENSION),
    "PAX header of 200,000 digits": (packed(extension(tarfile.XHDTYPE, DIGITS), member("f")), EXTENSION),
    "PAX header of Solaris, of digits": (packed(extension(tarfile.SOLARIS_XHDTYPE, DIGITS), member("f")), EXTENSION),
    "PAX header for all, of digits": (packed(extension(tarfile.XGLTYPE, DIGITS), member("f")), EXTENSION),
    "PAX header with a record too many": (packed(pax({"comment": "a" * 8200})), EXTENSION),
    "long name, 10 GB": (zeros(header("p", tarfile.GNUTYPE_LONGNAME, size=10 * GB)), EXTENSION),
    "long name, 9 KB": (packed(extension(tarfile.GNUTYPE_LONGNAME, b"a/" * 4500), member("f")), EXTENSION),
    "long link, 9 KB": (packed(extension(tarfile.GNUTYPE_LONGLINK, b"a/" * 4500), member("f")), EXTENSION),
    "folder of 200 MB": (packed(header("d", tarfile.DIRTYPE, size=200_000_000)), SIZE),
    "folder of 200 MB by PAX": (packed(folder_by_pax("200000000"), extension(tarfile.XHDTYPE, DIGITS)), SIZE),
    "folder of macOS, of 200 MB": (packed(header("__MACOSX", tarfile.DIRTYPE, size=200_000_000)), SIZE),
    "parent, of macOS": (packed(member("../._w.pth")), OUT),
    "PAX header upon PAX header": (packed(header("p", tarfile.XHDTYPE) * 100_000), DAMAGED),
    "size by PAX, 1 TB": (packed(pax({"size": str(10**12)}, b"x", "w.pth")), "or 5 GB"),
    "negative size": (packed(patched(header("f"), 124, b"\xff" * 12)), "a negative size"),
    "two of one name": (packed(member("model.json", b"[]")), "two files of one name, model.json"),
    "two of one name by spelling": (packed(member("./model.json", b"[]")), "two files of one name"),
    "name over 255 bytes": (packed(member("n" * 256 + ".pth")), TEXT),
    "name over 255 bytes by PAX": (packed(pax({"path": "ü" * 128})), TEXT),
    "name not UTF-8": (packed(patched(member("name.pth")[:512], 0, b"\xff\xfe") + bytes(1024)), TEXT),
    "line break": (packed(member("line\nbreak.pth")), TEXT),
    "setuid": (packed(member("w.pth", mode=0o4755)), "setuid"),
    "setgid": (packed(member("w.pth", mode=0o2755)), "setuid"),
    "gzip cut in the middle": (WHOLE[: len(WHOLE) // 2], DAMAGED),
    "gzip cut by a byte": (WHOLE[:-1], DAMAGED),
    "gzip with another checksum": (WHOLE[:-8] + bytes(4) + WHOLE[-4:], DAMAGED),
    "gzip with another length": (WHOLE[:-4] + bytes(4), DAMAGED),
    "more of another kind after it": (WHOLE + b"more", DAMAGED),
    "more gzip after it": (WHOLE + gzip.compress(b"more"), AFTER),
    "more in its last block": (gzip.compress(GOOD + END + b"more"), AFTER),
    "tar cut within a file": (gzip.compress(GOOD[:-1100]), DAMAGED),
    "no gzip": (GOOD + END, DAMAGED),
    "no tar": (gzip.compress(b"no tar" * 500), DAMAGED),
    "nothing": (b"", DAMAGED),
}


@pytest.mark.parametrize(("content", "reason"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_archives_are_refused(content: bytes, reason: str, tmp_path: Path) -> None:
    path, folder = tmp_path / "model.tar.gz", tmp_path / "a" / "folder"
    folder.mkdir(parents=True)
    path.write_bytes(content)
    with bounded(), pytest.raises(ModelError, match=reason) as caught:
        archive.unpack(path, folder, lambda file: file.name == str(file) and file.suffix in SUFFIXES)
    assert "\n" not in str(caught.value) and str(tmp_path) not in str(caught.value)
    assert {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")} <= {
        *("model.tar.gz", "a", "a/folder", "a/folder/model.json", "a/folder/model.safetensors", "a/folder/w.pth")
    }
    assert not Path("/outside").exists()
    assert sum(p.stat().st_size for p in folder.iterdir()) < 1_000_000


HARMLESS = {
    "code": header("code", tarfile.DIRTYPE) + member("code/inference.py", b"raise SystemExit"),
    "nested": member("nested.tar.gz", WHOLE) + member("nested.tar", GOOD + END),
    "folders": header("shared", tarfile.DIRTYPE, mode=0o2775) + header("shared", tarfile.DIRTYPE),
    "of the same name in a folder": member("code/model.json", b"[]") + member("deeper/model.safetensors", b"other"),
    "names": member("modèle.md") + pax({"comment": "a" * 3000}, name="..."),
    "names in latin-1": patched(member("ame.md")[:512], 0, b"\xe4me") + member("line\nbreak.md"),
    "padding": bytes(20 * 512),
    "beside files of macOS": MACOS
    + header("__MACOSX", tarfile.DIRTYPE)
    + member("__MACOSX/._model.safetensors")
    + MACOS,
    "beside each of 60 files": b"".join(member(f"code/{i}.py") + member(f"code/._{i}.py") for i in range(60)),
    "2,000 files": b"".join(pax({"mtime": f"{i}.5"}, name=f"code/{i}.py") for i in range(2000)),
    "attributes of macOS": pax({"LIBARCHIVE.xattr.com.apple.quarantine": "a" * 7000}, name="notes.md"),
    "a long name": extension(tarfile.GNUTYPE_LONGNAME, b"a/" * 200 + b"f") + member("short"),
    "links": header("a", tarfile.SYMTYPE, "b") + header("b", tarfile.SYMTYPE, "a") + header("c", tarfile.LNKTYPE, "f"),
    "a link out of it": header("to", tarfile.SYMTYPE, "..") + member("to/outside"),
    "a link of macOS": header("._w.pth", tarfile.SYMTYPE, "/etc/passwd"),
    "a device": header("dev/null", tarfile.CHRTYPE) + header("pipe", tarfile.FIFOTYPE),
    "two of one name": member("README.md") + member("README.md") + member("a") + member("a/b/c") + member("a"),
    "setuid": member("code/run", mode=0o4755),
}


@pytest.mark.parametrize("harmless", HARMLESS.values(), ids=HARMLESS)
def test_what_no_model_needs_is_not_even_written(harmless: bytes, tmp_path: Path) -> None:
    """Ordinary archives hold such things; they are passed over."""
    path, folder = tmp_path / "model.tar.gz", tmp_path / "folder"
    folder.mkdir()
    path.write_bytes(packed(harmless))
    archive.unpack(path, folder, lambda file: str(file) in ("model.json", "model.safetensors"))
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {"model.json": b"{}", "model.safetensors": b"weights"}


def test_the_names_of_all_files_are_returned(tmp_path: Path) -> None:
    path = tmp_path / "model.tar.gz"
    path.write_bytes(packed(header("code", tarfile.DIRTYPE), member("code/a.py"), MACOS))
    names = archive.unpack(path, tmp_path, lambda file: False)
    assert set(map(str, names)) == {"model.json", "model.safetensors", "code/a.py"}


def test_a_model_of_a_folder_has_at_most_100_files(tmp_path: Path) -> None:
    path = tmp_path / "model.tar.gz"
    path.write_bytes(packed(*(member(f"part/{i}") for i in range(99))))
    with pytest.raises(ModelError, match="over 100 files of the model"):
        archive.unpack(path, tmp_path, lambda file: True)


def test_written_by_tar_with_dots_and_rights(tmp_path: Path) -> None:
    path, folder = tmp_path / "model.tar.gz", tmp_path / "folder"
    folder.mkdir()
    path.write_bytes(gzip.compress(header("./", tarfile.DIRTYPE) + member("./w.pth", b"w", 0o777) + END))
    archive.unpack(path, folder, lambda file: len(file.parts) == 1)
    assert (folder / "w.pth").stat().st_mode & 0o111 == 0


def test_a_model_larger_than_the_disk_is_refused_before_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model.tar.gz").write_bytes(WHOLE)
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 3}))
    with pytest.raises(ModelError, match="more than the temporary folder takes"):
        archive.unpack(tmp_path / "model.tar.gz", tmp_path, lambda file: file.name == "model.safetensors")


def test_a_disk_that_fills_up_meanwhile_is_not_called_a_damaged_archive(tmp_path: Path) -> None:
    (tmp_path / "model.tar.gz").write_bytes(packed(member("w.pth", bytes(5_000_000))))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(ModelError, match="'model.tar.gz' cannot be unpacked: File too large"):
            archive.unpack(tmp_path / "model.tar.gz", tmp_path, lambda file: file.name == "w.pth")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_weights_of_which_most_are_zero_are_unpacked(tmp_path: Path) -> None:
    path, chance = tmp_path / "model.tar.gz", random.Random(0)
    sparse = b"".join(chance.randbytes(64) + bytes(576) for _ in range(1000))  # nine tenths
    weights = sparse * (archive.ANY_RATIO // len(sparse) + 1)
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(header("w.pth", size=len(weights)))
        file.write(weights + bytes(-len(weights) % 512) + END)
    archive.unpack(path, tmp_path, lambda file: len(file.parts) == 1)


def test_pack_forgets_who_packed(tmp_path: Path) -> None:
    (tmp_path / "private").write_bytes(b"weights")
    (tmp_path / "private").chmod(0o600)
    archive.pack({"w.pth": tmp_path / "private"}, tmp_path / "a.tar.gz")
    os.utime(tmp_path / "private", (1, 1))
    archive.pack({"w.pth": tmp_path / "private"}, tmp_path / "b.tar.gz")
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()
    assert (tmp_path / "a.tar.gz").read_bytes()[4:8] == bytes(4)  # gzip's own time
    with tarfile.open(fileobj=io.BytesIO((tmp_path / "a.tar.gz").read_bytes())) as tar:
        info = tar.getmember("w.pth")
    assert (info.mode, info.uid, info.uname, info.mtime) == (0o644, 0, "", 0)


def test_the_look_alikes_are_look_alikes() -> None:
    assert unicodedata.normalize("NFKC", "‥/．．／") == "../../"
