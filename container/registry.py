"""A registry of plug-ins by name, which imports the modules of its package at the first look."""

import importlib
import pkgutil
import threading
from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from typing import Any, TypeVar

T = TypeVar("T")


class Registry(dict[str, T]):
    """Objects of one kind by name; a duplicate name raises ValueError, an unknown one KeyError with the known names.

    The public modules of `package` add theirs when they are imported: at the first look into the registry, and again
    once a folder was added to the package's path. `_modules` are skipped. Without a package, things are added by hand.
    """

    def __init__(self, kind: str, package: str = "") -> None:
        super().__init__()
        self.kind = kind
        self._package = package
        self._paths: list[str] | None = None if package else []  # folders whose modules are imported
        self._loading = threading.RLock()

    def add(self, name: str, thing: T) -> T:
        """Register `thing` under `name`; ValueError if the name is taken."""
        if dict.__contains__(self, name):
            raise ValueError(f"{self.kind} {name!r} is registered already")
        self[name] = thing
        return thing

    def load(self) -> None:
        """Import the modules of the package that are not imported yet."""
        if not self._package:
            return
        with self._loading:
            paths = list(importlib.import_module(self._package).__path__)
            if paths == self._paths:
                return
            before, self._paths = self._paths, paths  # at once, as a plug-in may look into the registry, too
            try:
                for module in pkgutil.iter_modules(paths):
                    if not module.name.startswith("_"):
                        importlib.import_module(f"{self._package}.{module.name}")
            except BaseException:
                self._paths = before  # the next look fails in the same way
                raise

    def __missing__(self, name: str) -> T:
        if name in self:
            return dict.__getitem__(self, name)
        raise KeyError(f"unknown {self.kind} {name!r}; known: {', '.join(sorted(self))}")

    def __contains__(self, name: object) -> bool:
        self.load()
        return super().__contains__(name)

    def __iter__(self) -> Iterator[str]:
        self.load()
        return super().__iter__()

    def __len__(self) -> int:
        self.load()
        return super().__len__()

    def get(self, name: str, default: Any = None) -> Any:
        self.load()
        return super().get(name, default)

    def keys(self) -> KeysView[str]:  # type: ignore[override]  # dict has a type of its own
        return KeysView(self)

    def values(self) -> ValuesView[T]:  # type: ignore[override]  # as above
        return ValuesView(self)

    def items(self) -> ItemsView[str, T]:  # type: ignore[override]  # as above
        return ItemsView(self)
