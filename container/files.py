"""Files of any kind: whose they are by their names, and whether they are the same."""

import hashlib
from pathlib import Path


def made_by_macos(name: str) -> bool:
    """Return True for the name of a metadata file or folder of macOS, such as `._model.pth`."""
    return name.startswith("._") or name in (".DS_Store", "__MACOSX")


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
