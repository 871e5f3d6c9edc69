"""A name → thing table filled by decorators, and the import of all plug-ins of a folder."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Registry(Generic[T]):
    """Things of one kind by name; a second thing of the same name is an error, an unknown name lists the known ones."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._things: dict[str, T] = {}

    def add(self, name: str, thing: T) -> T:
        """Put `thing` under `name`; ValueError where the name is taken."""
        if name in self._things:
            raise ValueError(f"{self.kind} {name!r} is registered already")
        self._things[name] = thing
        return thing

    def register(self, name: str) -> Callable[[T], T]:
        """`add` as a decorator."""
        return lambda thing: self.add(name, thing)

    def __getitem__(self, name: str) -> T:
        try:
            return self._things[name]
        except KeyError:
            raise KeyError(f"unknown {self.kind} {name!r}; known: {', '.join(sorted(self._things))}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._things

    def __iter__(self) -> Iterator[str]:
        return iter(self._things)


def load_plugins(package: str) -> None:
    """Import every public module of `package`, so that each registers what it holds; `_files` are plumbing."""
    paths = importlib.import_module(package).__path__
    for module in pkgutil.iter_modules(paths):
        if not module.name.startswith("_"):
            importlib.import_module(f"{package}.{module.name}")
