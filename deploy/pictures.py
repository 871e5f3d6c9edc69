"""Pictures in folders and in S3: their names, types and bytes. It does not know what is asked about them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import click

from deploy.aws import Aws
from deploy.errors import DeployError
from deploy.s3 import Place, objects, read

TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".bmp": "image/bmp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".avif": "image/avif",
    ".npy": "application/x-npy",
}
# The container looks at the bytes, whatever they are called.
OTHER = "application/octet-stream"


@dataclass(frozen=True)
class Picture:
    """One picture that has not been read yet."""

    name: str  # relative, with "/": what its answer is called after
    where: str  # a path or an address, for people
    content_type: str
    size: int  # bytes
    read: Callable[[], bytes]

    @property
    def in_s3(self) -> bool:
        return self.where.startswith("s3://")


def content_type(name: str) -> str:
    """By the ending: "a.JPG" → "image/jpeg"."""
    return TYPES.get(PurePosixPath(name).suffix.lower(), OTHER)


def find(aws: Aws, images: Sequence[str]) -> list[Picture]:
    """All pictures of a command line's arguments: files, folders, addresses in S3.

    UsageError where there are none, where an argument is none of those, or where two would have one answer.
    """
    try:
        paths = [Path(image) for image in images if not image.startswith("s3://")]
        gone = [str(path) for path in paths if not path.exists()]
        if gone:
            raise ValueError(f"{', '.join(gone)}: there is no such file or folder")
        found = from_paths(paths)
        for image in images:
            if image.startswith("s3://"):
                found += from_s3(aws.client("s3"), Place.parse(image))
        if not found:
            raise ValueError(f"no pictures in {', '.join(images)}; they end in {' '.join(TYPES)}")
        return distinct(found)
    except (ValueError, DeployError) as error:
        raise click.UsageError(str(error)) from None


def from_paths(paths: Iterable[Path]) -> list[Picture]:
    """The files given, and those of the folders given, at any depth, that end as pictures do and are not hidden."""
    return [
        Picture(name, str(file), content_type(name), file.stat().st_size, file.read_bytes)
        for path in paths
        for name, file in _files(path)
    ]


def from_s3(s3: Any, place: Place) -> list[Picture]:
    """The objects below a prefix that end as a picture does, or the one object that is named in full."""
    pictures = []
    for one in objects(s3, place):
        name, where = place.name_of(one.key), Place(place.bucket, one.key)
        if where == place or PurePosixPath(name).suffix.lower() in TYPES:
            pictures.append(Picture(name, str(where), content_type(name), one.size, partial(read, s3, where)))
    return pictures


def distinct(pictures: list[Picture]) -> list[Picture]:
    """The same; ValueError where two have one name, and so one answer."""
    by_name: dict[str, Picture] = {}
    for picture in pictures:
        other = by_name.setdefault(picture.name, picture)
        if other is not picture:
            raise ValueError(f"{other.where} and {picture.where} have the same name: one answer would be lost")
    return pictures


def _files(path: Path) -> Iterable[tuple[str, Path]]:
    if not path.is_dir():
        yield path.name, path
        return
    for file in sorted(path.rglob("*")):
        relative = file.relative_to(path)
        hidden = any(part.startswith(".") for part in relative.parts)
        if file.suffix.lower() in TYPES and file.is_file() and not hidden:
            yield relative.as_posix(), file
