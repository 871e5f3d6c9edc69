"""A registry that plug-ins fill by name, and the import of all plug-ins of a package."""

import importlib
import pkgutil
from typing import NoReturn, TypeVar

T = TypeVar("T")


class Registry(dict[str, T]):
    """Objects of one kind by name; a duplicate name raises ValueError, an unknown one KeyError with the known names."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def add(self, name: str, thing: T) -> T:
        """Register `thing` under `name`; ValueError if the name is taken."""
        if name in self:
            raise ValueError(f"{self.kind} {name!r} is registered already")
        self[name] = thing
        return thing

    def __missing__(self, name: str) -> NoReturn:
        raise KeyError(f"unknown {self.kind} {name!r}; known: {', '.join(sorted(self))}")


def load_plugins(package: str) -> None:
    """Import every public module of `package`, so that each registers its plug-ins; `_modules` are skipped."""
    paths = importlib.import_module(package).__path__
    for module in pkgutil.iter_modules(paths):
        if not module.name.startswith("_"):
            importlib.import_module(f"{package}.{module.name}")
