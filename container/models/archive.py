"""Safe unpacking of untrusted .tar.gz model archives, and packing.

This module does not interpret the files. Only the wanted ones are written, under their own names, with the default
permissions of a new file; others are passed over, whatever they are, unless reading on would cost more than it holds.
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
from container.files import made_by_macos

MAX_FILES = 100  # that are written
MAX_MEMBERS = 20_000  # code/ with the packages it needs has thousands; 20,000 take 0.8 s
MAX_BYTES = 5 * 1024**3  # decompressed; the largest torchvision model has 2.6 GB
# Weights hardly compress, zeros a thousand times: 5 MB that unpack to 5 GB took 13 s and filled the disk.
MAX_RATIO, ANY_RATIO = 20, 256 << 20  # times the size of the archive; bytes that may have any ratio
# Bytes outside the declared file contents (headers, long names, attributes, padding): of each member, and besides.
MEMBER_HEADERS, MAX_HEADERS = 4 * tarfile.BLOCKSIZE, 256 * 1024
# Bytes of one extension header: names and attributes, usually hundreds of bytes. Python before 3.11.10 parses it in
# quadratic time (CVE-2024-6232): 200,000 digits blocked the interpreter for 49 s, 8,000 for 0.06 s.
MAX_EXTENSION = 8 * 1024
MAX_NAME = 255  # bytes, the usual limit of file systems
_NO_PLAIN_FILE = "a link, a device or a sparse file"
CHUNK = 1 << 20


def unpack(archive: Path, folder: Path, wanted: Callable[[PurePosixPath], bool]) -> set[PurePosixPath]:
    """Extract the files whose path is `wanted`, none of which exists yet, into `folder`; return the paths of all files.

    The archive is read in one pass. Each member is checked before its content is read; the rest of the archive is read
    to verify the checksum. ModelError with the reason.
    """
    seen: set[PurePosixPath] = set()
    members = total = written = 0
    try:
        size = archive.stat().st_size
        with gzip.open(archive) as unzipped:
            stream = _Bounded(unzipped)
            with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Header) as tar:  # type: ignore[call-overload]  # reads
                for member in tar:
                    path, members = _path(member), members + 1
                    total += _size(member)
                    stream.allowed += _size(member) + MEMBER_HEADERS
                    if members > MAX_MEMBERS or total > MAX_BYTES:
                        raise ModelError(f"the model archive is over {MAX_MEMBERS} files or {MAX_BYTES // 1024**3} GB")
                    if total > max(ANY_RATIO, MAX_RATIO * size):
                        raise ModelError(f"the model archive unpacks to more than {MAX_RATIO} times its size")
                    if member.isdir() or any(map(made_by_macos, path.parts)):
                        continue
                    if wanted(path):
                        _check(member)
                        if path in seen:
                            raise ModelError(f"the model archive holds two files of one name, {path}")
                        written += 1
                        if written > MAX_FILES:
                            raise ModelError(f"the model archive holds over {MAX_FILES} files of the model")
                        (folder / path).parent.mkdir(parents=True, exist_ok=True)
                        _write(tar.extractfile(member), folder / path, member.size)
                    seen.add(path)
                while padding := tar.fileobj.read(CHUNK):
                    if padding.strip(b"\0"):
                        raise ModelError(f"{archive.name!r} goes on after its end")
    except ModelError:
        raise
    except Exception as error:  # the errors of gzip and tarfile for damaged or malicious files have no common base
        number = error.errno if isinstance(error, OSError) else None  # gzip's own errors have none
        reason = f"cannot be unpacked: {os.strerror(number)}" if number else "is not a whole .tar.gz of a model"
        raise ModelError(f"{archive.name!r} {reason}") from error
    return seen


class _Header(tarfile.TarInfo):
    """A tar header; rejects an extension header over `MAX_EXTENSION` before tarfile reads it."""

    _EXTENSIONS = (
        *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
        *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
    )

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Parse the header in a block of 512 bytes; ModelError for one that is too long."""
        header = super().frombuf(buf, encoding, errors)
        if header.type in cls._EXTENSIONS and not 0 <= header.size <= MAX_EXTENSION:
            raise ModelError(f"the model archive has an extension header over {MAX_EXTENSION // 1024} KB")
        return header


class _Bounded:
    """A stream that raises ModelError once more than the allowed number of bytes is read.

    tarfile reads long names, PAX headers and maps of sparse files into memory, whatever length they declare.
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


def _size(member: tarfile.TarInfo) -> int:
    """Return the bytes of content that follow a header; ModelError for a header that claims what is not there.

    Only files have a size: that of another member would raise the limit for the headers after it.
    """
    if member.size < 0:
        raise ModelError("the model archive holds a file with a negative size")
    if member.isdir() and member.size:
        raise ModelError("the model archive holds a folder that claims a size")
    if member.sparse is not None or member.type not in tarfile.SUPPORTED_TYPES:
        raise ModelError(f"the model archive holds {_NO_PLAIN_FILE}")
    return member.size if member.isreg() else 0


def _path(member: tarfile.TarInfo) -> PurePosixPath:
    """Return the path of a member within the archive; ModelError for one that leads out of it."""
    # Linux treats lookalikes of dots and slashes as ordinary characters, but no legitimate file name has them.
    path = PurePosixPath(unicodedata.normalize("NFKC", member.name))
    if path.is_absolute() or ".." in path.parts:
        raise ModelError("the model archive holds a path that leads out of it")
    if any(len(os.fsencode(part)) > MAX_NAME for part in path.parts):
        raise ModelError("the model archive holds a name that is too long or not plain text")
    return path


def _check(member: tarfile.TarInfo) -> None:
    """Raise ModelError unless a member that is wanted is a plain file with a plain name."""
    if not member.isreg():
        raise ModelError(f"the model archive holds {_NO_PLAIN_FILE} in place of {member.name[:MAX_NAME]!r}")
    if not member.name.isprintable():
        raise ModelError("the model archive holds a name that is too long or not plain text")
    if member.mode & 0o6000:
        raise ModelError("the model archive holds a file with setuid rights")


def _write(content: IO[bytes] | None, path: Path, size: int) -> None:
    if size > shutil.disk_usage(path.parent).free:
        raise ModelError(
            f"{path.name} in the model archive has {size / 1e6:.0f} MB, more than the temporary folder takes"
        )
    assert content is not None  # a plain file always has content
    with content, path.open("xb") as out:
        shutil.copyfileobj(content, out, CHUNK)


def pack(files: Mapping[str, Path], archive: Path) -> None:
    """Write an archive of `files`, which maps names in the archive to paths."""
    # Weights hardly compress; a higher level only takes longer. mtime=0 makes the archive reproducible.
    with archive.open("wb") as file, gzip.GzipFile("", "wb", 1, file, mtime=0) as zipped:
        with tarfile.open(fileobj=zipped, mode="w") as tar:
            for name, path in files.items():
                tar.add(path, name, filter=_plain)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Normalise a member: no owner, no time, readable by any uid."""
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    member.mode = 0o644
    return member


_SCRATCH_PREFIX = "maskserve-unpacked-"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Create an empty folder for unpacking, removed after the block; also remove those of killed processes."""
    _sweep()
    path = Path(tempfile.mkdtemp(prefix="maskserve-"))
    lock = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = path.rename(path.with_name(_SCRATCH_PREFIX + path.name))  # locked before another process could remove it
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def _sweep() -> None:
    for path in Path(tempfile.gettempdir()).glob(_SCRATCH_PREFIX + "*"):
        with suppress(OSError):  # owned by another user, or removed meanwhile
            lock = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # BlockingIOError while its process is alive
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)
