"""Where the photos of a folder lie, whatever path its JSON file gives them.

Exports name photos as their tool saw them: below `images/SUBSET/`, by URL, by a path of another machine. What counts is
what lies in the folder: a name is compared with its files from the end, and is never followed out of it.
"""

import os
import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from container.datasets.account import Broken
from container.datasets.annotation_files import photo_name, split_of
from container.errors import DataError
from container.files import made_by_macos

MAX_FILES = 5_000_000  # below one folder; an index of so many takes 3 GB

Parts = tuple[str, ...]  # of a path, compared without regard to case


class Found(NamedTuple):
    """A photo, and whether the whole of its `file_name` says where it is."""

    path: Path
    whole: bool


class Photos:
    """The files below a folder, by their names."""

    def __init__(self, folder: Path) -> None:
        """Read the names of all files; links are followed, as they are the owner's own: many sets are links to a store.

        DataError where there are more than MAX_FILES.
        """
        self._folder = folder
        self._by_name: dict[str, list[tuple[Path, Parts]]] = {}
        for number, path in enumerate(_files(folder)):
            if number >= MAX_FILES:
                raise DataError(f"{folder}: more than {MAX_FILES:,} files; name the folder of the photos alone")
            parts = _parts(path.relative_to(folder).as_posix())
            self._by_name.setdefault(parts[-1], []).append((path, parts))

    def find(self, name: object, described_by: Path) -> Found:
        """The photo that `file_name` means: first in images/, in the folder and beside the JSON file, then by its end.

        Of several the one with the most parts in common from the end; of those, the one in a folder that the JSON file
        is named after. Broken where there is none; DataError where two are left.
        """
        if not isinstance(name, str) or not _parts(name):
            raise Broken(f"has {name!r:.60} for a `file_name`, which is no text")
        for parts in _readings(name):
            found = self._by_name.get(parts[-1], [])
            beside = _parts(described_by.parent.relative_to(self._folder).as_posix())
            for place in (("images", *parts), parts, (*beside, *parts)):
                if exact := _exactly(name, [path for path, other in found if other == place]):
                    return Found(exact, True)
            if found:
                return _best(name, parts, found, described_by)
        raise Broken(f"is neither in {self._folder}, nor in its images/, nor below")

    def holds(self, image: object, described_by: Path) -> bool:
        """Whether the photo of an image of a JSON file is there, once or more."""
        try:
            self.find(photo_name(image), described_by)
        except Broken:
            return False
        except DataError:
            return True
        return True


def _best(name: str, parts: Parts, found: list[tuple[Path, Parts]], described_by: Path) -> Found:
    """The photo with the most parts in common with `parts`; DataError where two are left."""
    scores = [(_common(parts, other), _named_after(other, described_by.stem)) for _, other in found]
    best = [path for (path, _), score in zip(found, scores, strict=True) if score == max(scores)]
    chosen = _exactly(name, best)
    if chosen is None:
        raise DataError(
            f"{described_by}: photo {name!r} may be {best[0]} or {best[1]}; write which into `file_name`, or keep one"
        )
    return Found(chosen, max(scores)[0] == len(parts))


def _files(folder: Path) -> Iterator[Path]:
    """All files below; folders that are links are entered once, and hidden ones not at all."""
    entered = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        status = os.stat(place)
        if (status.st_dev, status.st_ino) in entered:
            folders.clear()
            continue
        entered.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith(".") and not made_by_macos(name))
        yield from (Path(place, name) for name in sorted(files) if not made_by_macos(name))


def _readings(name: str) -> Iterator[Parts]:
    """What a `file_name` may mean: a path as it stands or with percent encodings, or the path or `d` of a URL."""
    texts = [name, unquote(name)]
    with suppress(ValueError):
        url = urlsplit(name)
        texts += [unquote(url.path), *parse_qs(url.query).get("d", [])]
    yield from dict.fromkeys(parts for text in texts if (parts := _parts(text)))


def _parts(path: str) -> Parts:
    """The parts of a path that was written on any system, as they are compared.

    macOS writes accents as letters of their own, other systems do not.
    """
    parts = re.split(r"[/\\]+", unicodedata.normalize("NFC", path).casefold())
    return tuple(part for part in parts if part not in ("", ".", ".."))


def _exactly(name: str, paths: list[Path]) -> Path | None:
    """The only one of `paths`, or the only one that ends as `name` does to the letter."""
    for some in (paths, [path for path in paths if name.endswith(path.name)]):
        if len(some) == 1:
            return some[0]
    return None


def _common(one: Parts, other: Parts) -> int:
    """How many parts are equal from the end."""
    equal = 0
    for a, b in zip(reversed(one), reversed(other), strict=False):
        if a != b:
            break
        equal += 1
    return equal


def _named_after(photo: Parts, stem: str) -> bool:
    """Whether a photo lies in a folder that its JSON file is named after: train2017/ and instances_train2017.json."""
    name, split = stem.casefold(), split_of(stem)
    return any(
        re.search(rf"(^|[^a-z0-9]){re.escape(folder)}$", name) or (split is not None and split_of(folder) == split)
        for folder in photo[:-1]
    )
