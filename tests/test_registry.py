"""A name stands for one thing, and plug-ins are found at the first look."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from container.registry import Registry

PACKAGE = "from container.registry import Registry\n\nnumbers = Registry('number', __name__)\n"
PLUGIN = "from plugged import numbers\n\nnumbers.add('{0}', {1})\n"


def test_add_and_find() -> None:
    registry: Registry[int] = Registry("number")
    registry.add("one", 1)
    registry.add("two", 2)
    assert (registry["two"], "one" in registry, list(registry)) == (2, True, ["one", "two"])
    assert (list(registry.items()), list(registry.values())) == ([("one", 1), ("two", 2)], [1, 2])


def test_a_second_thing_of_one_name_is_an_error() -> None:
    registry: Registry[int] = Registry("number")
    registry.add("one", 1)
    with pytest.raises(ValueError, match="number 'one' is registered already"):
        registry.add("one", 1)


def test_an_unknown_name_lists_the_known() -> None:
    registry: Registry[int] = Registry("number")
    registry.add("b", 2)
    registry.add("a", 1)
    with pytest.raises(KeyError, match="unknown number 'c'; known: a, b"):
        registry["c"]


@pytest.fixture
def numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry[int]]:
    """The registry of a package with two plug-ins, one of which looks into it, and a file that is none."""
    package = tmp_path / "plugged"
    package.mkdir()
    (package / "__init__.py").write_text(PACKAGE)
    (package / "a.py").write_text(PLUGIN.format("one", 1) + "assert 'one' in numbers\n")
    (package / "b.py").write_text(PLUGIN.format("two", 2))
    (package / "_c.py").write_text("raise AssertionError")
    monkeypatch.syspath_prepend(str(tmp_path))
    from plugged import numbers

    yield numbers
    for name in [name for name in sys.modules if name.split(".")[0] == "plugged"]:
        del sys.modules[name]


LOOKS: dict[str, Callable[[Registry[int]], object]] = {
    "item": lambda numbers: numbers["two"] == 2,
    "in": lambda numbers: "two" in numbers,
    "get": lambda numbers: numbers.get("two") == 2 and numbers.get("ten") is None,
    "iter": lambda numbers: sorted(numbers) == ["one", "two"],
    "len": lambda numbers: len(numbers) == 2,
    "keys": lambda numbers: set(numbers.keys()) == {"one", "two"},
    "values": lambda numbers: sorted(numbers.values()) == [1, 2],
    "items": lambda numbers: dict(numbers.items()) == {"one": 1, "two": 2},
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_any_first_look_finds_the_plug_ins(look: Callable[[Registry[int]], object], numbers: Registry[int]) -> None:
    assert not [name for name in sys.modules if name.startswith("plugged.")]
    assert look(numbers)


def test_a_plug_in_that_cannot_be_imported_is_not_passed_over(numbers: Registry[int], tmp_path: Path) -> None:
    (tmp_path / "plugged" / "c.py").write_text("raise ZeroDivisionError")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            list(numbers)


def test_a_folder_that_is_added_is_looked_into(numbers: Registry[int], tmp_path: Path) -> None:
    assert sorted(numbers) == ["one", "two"]
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "d.py").write_text(PLUGIN.format("three", 3))
    sys.modules["plugged"].__path__.append(str(tmp_path / "more"))
    assert numbers["three"] == 3
    assert sorted(numbers) == ["one", "three", "two"]
