"""A folder of answers, one file a picture: a.jpg → a.jpg.json. An answer is there whole or not at all."""

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from deploy.runtime import Refused

ENDINGS = {
    "application/json": ".json",
    "application/jsonlines": ".jsonl",
    "image/jpeg": ".jpg",
    "image/png": ".png",
}
_SIGNATURES = {b"\xff\xd8\xff": ".jpg", b"\x89PNG\r\n\x1a\n": ".png"}


def ending_of(media_type: str) -> str:
    """ "image/png" → ".png"; ".bin" for what the container does not answer."""
    return ENDINGS.get(media_type.split(";")[0].strip().lower(), ".bin")


def ending_by_look(data: bytes) -> str:
    """What an object that carries no type is: by its first bytes a JPEG or PNG, else JSON."""
    return next((ending for start, ending in _SIGNATURES.items() if data.startswith(start)), ".json")


@dataclass(frozen=True)
class Answers:
    """The folder."""

    folder: Path

    def path(self, name: str, ending: str) -> Path:
        """Where the answer for `name` is; Refused where that would be outside of the folder."""
        if not _inside(name):
            raise Refused(f"{name[:200]!r} leads out of the folder of answers")
        relative = PurePosixPath(name)
        return self.folder / relative.parent / (relative.name + ending)

    def has(self, name: str, *endings: str) -> bool:
        """Whether there is an answer for `name` with one of `endings`."""
        return _inside(name) and any(self.path(name, ending).is_file() for ending in endings)

    def write(self, name: str, ending: str, data: bytes) -> Path:
        """Write an answer, so that one that breaks off leaves none; a hopeless Refused where the disk takes none."""
        path = self.path(name, ending)
        part = path.with_name(f".{path.name}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data)
            os.replace(part, path)
        except OSError as error:
            raise Refused(f"{path} cannot be written: {error.strerror}", hopeless=True) from None
        return path

    def remove(self, name: str, *endings: str) -> None:
        """Remove the answers for `name`, where there are some."""
        for ending in endings:
            self.path(name, ending).unlink(missing_ok=True)


def _inside(name: str) -> bool:
    """Keys in S3 may hold anything, "../" too."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and path.name != "" and "\0" not in name
