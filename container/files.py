"""Files of any kind: whose they are by their names, and whether they are the same."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path


def made_by_macos(name: str) -> bool:
    """Return True for the name of a metadata file or folder of macOS, such as `._model.pth`."""
    return name.startswith("._") or name in (".DS_Store", "__MACOSX")


def fingerprint(path: Path | str) -> tuple[tuple[str, int, int], ...]:
    """Return names, sizes and times of change (ns) of a file, or of all files in a folder; () if there is none."""
    found = []
    with suppress(OSError):
        for file in sorted(Path(path).rglob("*")) if os.path.isdir(path) else [Path(path)]:
            state = file.stat()
            found.append((str(file), state.st_size, state.st_mtime_ns))
    return tuple(found)


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal, or of the names and the files in a folder."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        lines = (f"{checksum(file)} {file.relative_to(path)}\n" for file in files)
        return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
