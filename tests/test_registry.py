"""A name stands for one thing."""

import pytest

from container.registry import Registry


def test_add_and_find() -> None:
    registry: Registry[int] = Registry("number")
    registry.add("one", 1)
    registry.add("two", 2)
    assert (registry["two"], "one" in registry, list(registry)) == (2, True, ["one", "two"])


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
