"""Workflows by name: NAME.json in a folder of the operator, and those that come with the server.

Names come from clients: nothing outside the folder is looked at, and what is no plain name is not looked up at all.
"""

import json
import os
import re
import threading
from collections.abc import Iterator, Mapping
from copy import copy
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from container.errors import NotFound, setting_name, shown
from container.workflows.errors import SyntaxFault, WorkflowError
from container.workflows.graph import Plan, compile_workflow

BUILT_IN = Path(__file__).parent / "builtin"
MAX_BYTES = 2**20  # of a file
MAX_LISTED = 200  # workflows, and plans that are kept
MAX_NAMED = 10  # workflows in a message
_ENDING = ".json"
_VERSION = "@"  # between a name and its version
# No hidden name, no separator of any system, nothing that a terminal does not print.
_NAME = re.compile(r"[^./\\\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]{0,199}")
# What the platform wraps a specification in; some of these hold JSON as a text.
_WRAPPERS = ("specification", "config", "workflow")
_UNREADABLE = "it is no JSON"


class Listed(NamedTuple):
    """A workflow of the library: its plan, or what is wrong with its file."""

    name: str
    plan: Plan | None
    error: str = ""


class _Kept(NamedTuple):
    """What was made of a file, and how to see that the file is another."""

    signature: tuple[int, ...]
    plan: Plan | WorkflowError


class Library:
    """The workflows of `folder`, which may change at any time, and the built-in ones of other names.

    Library(Path("workflows")).plan("count-objects")
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folders = [BUILT_IN] if folder is None else [folder.absolute(), BUILT_IN]
        self._kept: dict[Path, _Kept] = {}  # the one used longest ago first
        self._lock = threading.Lock()

    def check(self) -> None:
        """Raise ValueError in one line if the folder is not there or cannot be read."""
        try:
            os.scandir(self._folders[0]).close()
        except OSError as error:
            raise ValueError(
                f"{str(self._folders[0])[-200:]!r}, which is no folder that can be read: {error.strerror}"
            ) from None

    def plan(self, name: str, version: str = "") -> Plan:
        """Return the workflow NAME@VERSION of the folder, or else NAME.

        Raises NotFound, and WorkflowError for a file that holds no workflow.
        """
        wanted = [name + _VERSION + version, name] if version else [name]
        for folder in self._folders:
            for one in wanted:
                path = _inside(folder, one)
                if path is not None:
                    return self._compiled(path)
        some = [*islice(self._names(), MAX_NAMED + 1)]
        others = " and others" if len(some) > MAX_NAMED else ""
        raise NotFound(
            f"there is no workflow {shown(name)}; there are: {', '.join(some[:MAX_NAMED])}{others}",
            hint=f"in the folder that {setting_name('workflows')} names, NAME{_ENDING} is the workflow NAME",
        )

    def names(self) -> list[str]:
        """Return the first MAX_LISTED names in order; versions are no names of their own."""
        return [*islice(self._names(), MAX_LISTED)]

    def listed(self) -> list[Listed]:
        """Return every workflow of `names`."""
        rows = []
        for name in self.names():
            try:
                rows.append(Listed(name, self.plan(name)))
            except WorkflowError as error:
                rows.append(Listed(name, None, error.message))
            except NotFound:  # its file has gone meanwhile
                continue
        return rows

    def _names(self) -> Iterator[str]:
        stems: dict[str, Path] = {}
        for folder in self._folders:
            try:
                entries = [entry.removesuffix(_ENDING) for entry in os.listdir(folder) if entry.endswith(_ENDING)]
            except OSError:
                continue
            stems |= {stem: folder for stem in entries if _VERSION not in stem and stem not in stems}
        return (stem for stem in sorted(stems) if _inside(stems[stem], stem) is not None)

    def _compiled(self, path: Path) -> Plan:
        """Return the plan of a file, read anew if it has changed."""
        try:
            with path.open("rb") as file:
                status = os.fstat(file.fileno())
                signature = (status.st_mtime_ns, status.st_size, status.st_ino, status.st_dev)
                with self._lock:
                    kept = self._kept.pop(path, None)
                if kept is None or kept.signature != signature:
                    kept = _Kept(signature, _made(file.read(MAX_BYTES + 1), path.name))
        except OSError as error:
            raise SyntaxFault(f"{path.name} cannot be read: {error.strerror}") from None
        with self._lock:
            self._kept[path] = kept
            while len(self._kept) > MAX_LISTED:
                del self._kept[next(iter(self._kept))]
        if isinstance(kept.plan, WorkflowError):
            raise copy(kept.plan)  # as requests may add to it
        return kept.plan


def specification_of(document: object) -> object:
    """Return the specification in a document: itself, or what is wrapped in it as the platform exports it.

    {"specification": {…}}, {"config": "{\"specification\": …}"} and {"workflow": {"config": …}} are unwrapped.
    Raises ValueError where a text in it is no JSON.
    """
    for _ in range(2 * len(_WRAPPERS)):
        if isinstance(document, str):
            document = _loaded(document)
        if not isinstance(document, Mapping) or "steps" in document:
            break
        wrapper = next((name for name in _WRAPPERS if name in document), None)
        if wrapper is None:
            break
        document = document[wrapper]
    return document


def _made(data: bytes, name: str) -> Plan | WorkflowError:
    if len(data) > MAX_BYTES:
        return SyntaxFault(f"{name} has over {MAX_BYTES} bytes; it takes a specification")
    try:
        return compile_workflow(specification_of(_loaded(data.decode("utf-8-sig"))))
    except UnicodeDecodeError:
        return SyntaxFault(f"{name} is no UTF-8")
    except ValueError as error:
        return SyntaxFault(f"{name}: {error}")
    except WorkflowError as error:
        error.message = f"{name}: {error.message}"
        error.args = (error.message,)
        return error


def _loaded(text: str) -> Any:
    """Return the value of a JSON text; ValueError in one line."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{_UNREADABLE}: line {error.lineno}, column {error.colno}") from None
    except (RecursionError, ValueError):
        raise ValueError(_UNREADABLE) from None


def _inside(folder: Path, name: str) -> Path | None:
    """Return the file of a name; None if it is none, not there, or a link out of the folder."""
    if not _NAME.fullmatch(name):
        return None
    path = folder / (name + _ENDING)
    try:
        return path if path.is_file() and folder.resolve() in path.resolve().parents else None
    except (OSError, ValueError, RuntimeError):  # too long, not text, a loop of links
        return None
