"""A name → thing table that plug-ins fill, and the import of all plug-ins of a folder."""

import importlib
import pkgutil
from collections.abc import Callable
from typing import NoReturn, TypeVar

T = TypeVar("T")


class Registry(dict[str, T]):
    """Things of one kind by name; a second thing of the same name is an error, an unknown name lists the known ones."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def add(self, name: str, thing: T) -> T:
        """Put `thing` under `name`; ValueError where the name is taken."""
        if name in self:
            raise ValueError(f"{self.kind} {name!r} is registered already")
        self[name] = thing
        return thing

    def register(self, name: str) -> Callable[[T], T]:
        """`add` as a decorator."""
        return lambda thing: self.add(name, thing)

    def __missing__(self, name: str) -> NoReturn:
        raise KeyError(f"unknown {self.kind} {name!r}; known: {', '.join(sorted(self))}")


def load_plugins(package: str) -> None:
    """Import every public module of `package`, so that each registers what it holds; `_files` are plumbing."""
    paths = importlib.import_module(package).__path__
    for module in pkgutil.iter_modules(paths):
        if not module.name.startswith("_"):
            importlib.import_module(f"{package}.{module.name}")
