"""A .tar.gz as a model is packed in: unpacked without any trust, and written.

Knows nothing of what the files mean. An archive that holds anything which no model needs is refused whole, and nothing
of it is written but the files that are wanted, under their own names, with the rights of any new file.
"""

import fcntl
import gzip
import os
import shutil
import tarfile
import tempfile
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, Self

from container.errors import ModelError

MAX_FILES = 100
MAX_BYTES = 5 * 1024**3  # unpacked; the largest of torchvision's models has 2.6 GB
# Weights hardly compress, zeros a thousand times: 5 MB that unpack to 5 GB took 13 s and the room.
MAX_RATIO, ANY_RATIO = 20, 256 << 20  # times the archive; bytes that may be of any ratio
MAX_HEADERS = 256 * 1024  # all that is neither a file's content nor announced as that: headers, long names, padding
# Of one extension header: names and attributes, which take hundreds of bytes. Python before 3.11.10 searches it in time
# that grows with the square (CVE-2024-6232): 200,000 digits held the interpreter for 49 s, 8,000 for 0.06.
MAX_EXTENSION = 8 * 1024
MAX_NAME = 255  # bytes, as on any file system
CHUNK = 1 << 20


def made_by_macos(name: str) -> bool:
    """Whether a file or folder of this name holds what macOS keeps beside a user's files, such as `._model.pth`."""
    return name.startswith("._") or name in (".DS_Store", "__MACOSX")


def unpack(archive: Path, folder: Path, wanted: Callable[[str], bool]) -> None:
    """Write the files at the archive's top that are `wanted` by name into the empty `folder`; ModelError says why not.

    One pass: a member is checked before a byte of it is read; the rest is read to see that the checksum is right.
    """
    seen: set[PurePosixPath] = set()
    total = 0
    try:
        size = archive.stat().st_size
        with gzip.open(archive) as unzipped:
            stream = _Bounded(unzipped)
            with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Header) as tar:  # type: ignore[call-overload]  # reads
                for member in tar:
                    path = _checked(member)
                    total += member.size
                    stream.allowed += member.size
                    if any(map(made_by_macos, path.parts)):
                        continue
                    if path in seen and not member.isdir():
                        raise ModelError("the model archive holds two files of one name")
                    seen.add(path)
                    if len(seen) > MAX_FILES or total > MAX_BYTES:
                        raise ModelError(f"the model archive is over {MAX_FILES} files or {MAX_BYTES // 1024**3} GB")
                    if total > max(ANY_RATIO, MAX_RATIO * size):
                        raise ModelError(f"the model archive unpacks to more than {MAX_RATIO} times its size")
                    if member.isreg() and len(path.parts) == 1 and wanted(path.name):
                        _write(tar.extractfile(member), folder / path.name, member.size)
                while padding := tar.fileobj.read(CHUNK):
                    if padding.strip(b"\0"):
                        raise ModelError(f"{archive.name!r} goes on after its end")
    except ModelError:
        raise
    except Exception as error:  # what gzip and tarfile raise on damaged or hostile files is not one family of errors
        number = error.errno if isinstance(error, OSError) else None  # gzip's own have none
        reason = f"cannot be unpacked: {os.strerror(number)}" if number else "is not a whole .tar.gz of a model"
        raise ModelError(f"{archive.name!r} {reason}") from error


class _Header(tarfile.TarInfo):
    """A header that is refused where it announces a longer one than any archive needs, before tarfile reads that."""

    _EXTENSIONS = (
        *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
        *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
    )

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """The header in a block of 512 bytes."""
        header = super().frombuf(buf, encoding, errors)
        if header.type in cls._EXTENSIONS and not 0 <= header.size <= MAX_EXTENSION:
            raise ModelError(f"the model archive has an extension header over {MAX_EXTENSION // 1024} KB")
        return header


class _Bounded:
    """A stream that ends in ModelError once more is read of it than what was allowed.

    tarfile reads long names, PAX headers and maps of sparse files into memory, however long they say they are.
    """

    def __init__(self, stream: gzip.GzipFile) -> None:
        self._stream = stream
        self.allowed = MAX_HEADERS

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self.allowed -= len(data)
        if self.allowed < 0:
            raise ModelError(f"the model archive has more than {MAX_HEADERS // 1024} KB of headers and padding")
        return data


def _checked(member: tarfile.TarInfo) -> PurePosixPath:
    """The path of a plain file or folder that leads nowhere else; ModelError for everything else."""
    if not (member.isreg() or member.isdir()) or member.sparse is not None:
        raise ModelError(
            "the model archive holds a link, a device or a sparse file; only files and folders are allowed"
        )
    if member.isdir() and member.size:  # by which the headers after it would be allowed to be longer
        raise ModelError("the model archive holds a folder that claims a size")
    # Characters that look like dots and slashes are only characters to Linux; no honest file is called so.
    path = PurePosixPath(unicodedata.normalize("NFKC", member.name))
    if path.is_absolute() or ".." in path.parts:
        raise ModelError("the model archive holds a path that leads out of it")
    if not member.name.isprintable() or any(len(os.fsencode(part)) > MAX_NAME for part in path.parts):
        raise ModelError("the model archive holds a name that is too long or not plain text")
    if member.isreg() and (member.mode & 0o6000 or member.size < 0):
        raise ModelError("the model archive holds a file with setuid rights or a negative size")
    return path


def _write(content: IO[bytes] | None, path: Path, size: int) -> None:
    if size > shutil.disk_usage(path.parent).free:
        raise ModelError(
            f"{path.name} in the model archive has {size / 1e6:.0f} MB, more than the temporary folder takes"
        )
    assert content is not None  # a plain file has content
    with content, path.open("xb") as out:
        shutil.copyfileobj(content, out, CHUNK)


def pack(files: Mapping[str, Path], archive: Path) -> None:
    """Write `files`, by their names in the archive."""
    # Weights hardly compress; a higher level only takes longer. Without a time the same files give the same bytes.
    with archive.open("wb") as file, gzip.GzipFile("", "wb", 1, file, mtime=0) as zipped:
        with tarfile.open(fileobj=zipped, mode="w") as tar:
            for name, path in files.items():
                tar.add(path, name, filter=_plain)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """The same file for everybody: no owner, no time, readable by any uid."""
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    member.mode = 0o644
    return member


_SCRATCH_PREFIX = "maskserve-unpacked-"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """An empty folder for what an archive holds, for the time of the block; those of killed processes are removed."""
    _sweep()
    path = Path(tempfile.mkdtemp(prefix="maskserve-"))
    lock = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = path.rename(path.with_name(_SCRATCH_PREFIX + path.name))  # locked before anybody would sweep it
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def _sweep() -> None:
    for path in Path(tempfile.gettempdir()).glob(_SCRATCH_PREFIX + "*"):
        with suppress(OSError):  # another user's, or gone meanwhile
            lock = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # BlockingIOError while its process is there
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)
