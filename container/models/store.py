"""A folder of models by id: PROJECT/VERSION/ or PROJECT/VERSION.tar.gz, and NAME/ or NAME.tar.gz without versions.

Ids come from clients: nothing outside the folder is looked at, and what is no plain name is not looked up at all.
"""

import os
import re
from itertools import islice
from pathlib import Path

from container.errors import BadLocation, ModelError, ModelNotFound, setting_name, shown
from container.files import made_by_macos
from container.models import artifact, locate

ARCHIVE = ".tar.gz"
MAX_NAMED, MAX_LOOKED_AT = 10, 100  # versions in a message, and names in a folder that may be some
# One part of an id: no hidden name, no separator of any system, nothing that a terminal does not print.
_PART = re.compile(r"[^./\\\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]{0,199}")


class Store:
    """The models below the folder `root`, which may change at any time."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()

    def check(self) -> None:
        """Raise ModelError if the folder is not there or cannot be read."""
        try:
            os.scandir(self._root).close()
        except OSError as error:
            raise ModelError(
                f"{setting_name('model_store')} is {str(self._root)[-200:]!r}, a folder that cannot be read: "
                f"{error.strerror}"
            ) from None

    def find(self, name: str) -> str:
        """Return the id of the model that is asked for as `name`: this, or NAME for NAME/1; ModelNotFound."""
        parts = name.split("/")
        if len(parts) > 2 or not all(_PART.fullmatch(part) and not made_by_macos(part) for part in parts):
            raise _not_found(name)
        if self._is_model(name):
            return name
        if parts[1:] == ["1"] and self._is_model(parts[0]):
            return parts[0]
        if parts[1:] and self._is_folder(name):  # loading it says what is wrong with it
            return name
        raise _not_found(name, self.versions(name) if len(parts) == 1 else [])

    def source(self, name: str) -> Path:
        """Return the folder or the archive of the model with this id, for `artifact.read`; ModelNotFound."""
        as_folder = self._is_whole_folder(name) or self._is_folder(name) and not self._is_archive(name)
        try:
            return locate.below(self._root, f"{self._root}/{name}{'' if as_folder else ARCHIVE}")
        except BadLocation:
            raise _not_found(name) from None

    def versions(self, name: str) -> list[str]:
        """Return versions of a project in the order of their numbers: those in a message, and one if there are more."""
        try:
            entries = os.listdir(self._root / name) if self._is_folder(name) else []
        except OSError:
            return []
        names = {entry.removesuffix(ARCHIVE) for entry in entries if _PART.fullmatch(entry)}
        ordered = sorted(names, key=lambda one: (not one.isdecimal(), len(one) * one.isdecimal(), one))
        return list(islice((one for one in ordered[:MAX_LOOKED_AT] if self._is_model(f"{name}/{one}")), MAX_NAMED + 1))

    def _is_model(self, name: str) -> bool:
        return self._is_archive(name) or self._is_whole_folder(name)

    def _is_whole_folder(self, name: str) -> bool:
        """Return True for a folder that is a model itself, not by one in it."""
        try:
            return self._is_folder(name) and artifact.is_model(self._root / name)
        except OSError:  # it may not be read, or has gone
            return False

    def _is_archive(self, name: str) -> bool:
        return self._inside(name + ARCHIVE) and os.path.isfile(self._root / (name + ARCHIVE))

    def _is_folder(self, name: str) -> bool:
        return self._inside(name) and os.path.isdir(self._root / name)

    def _inside(self, path: str) -> bool:
        """Return True unless a link leads out of the folder, or the path is none."""
        try:
            return self._root.resolve() in (self._root / path).resolve().parents
        except (OSError, ValueError, RuntimeError):  # too long, not text, a loop of links
            return False


def _not_found(name: str, versions: list[str] | None = None) -> ModelNotFound:
    if not versions:
        return ModelNotFound(
            f"there is no model {shown(name)}",
            hint=f"in the folder that {setting_name('model_store')} names, PROJECT/VERSION{ARCHIVE} would be one",
        )
    some = ", ".join(f"{name}/{version}" for version in versions[:MAX_NAMED])
    others = " and others" if len(versions) > MAX_NAMED else ""
    return ModelNotFound(f"{shown(name)} is a folder of versions: ask for one of them, {some}{others}")
