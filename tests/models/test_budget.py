"""A model is refused before it is loaded where memory will not do."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from container.errors import InsufficientMemory
from container.models.budget import FACTORS, RESERVE, Budget
from container.structures import ModelSpec

MB = 1 << 20


@pytest.fixture
def spec(tmp_path: Path) -> ModelSpec:
    """A model whose weights have 10 MB."""
    (tmp_path / "model.safetensors").write_bytes(bytes(10 * MB))
    return ModelSpec("m", "any", tmp_path / "model.safetensors")


@pytest.mark.parametrize("backend", FACTORS)
def test_what_is_free_decides(backend: str, spec: ModelSpec) -> None:
    need = int(FACTORS[backend] * 10 * MB) + RESERVE
    Budget(backend, lambda: need).reserve("m", spec)
    with pytest.raises(InsufficientMemory, match=f"takes about {need / 1e6:.0f} MB, and"):
        Budget(backend, lambda: need - 1).reserve("m", spec)


@pytest.mark.parametrize(
    ("parameters", "megabytes"),
    [
        ({"min_size": 640, "max_size": 720}, 0),
        ({"min_size": 800, "max_size": float("inf")}, 0),
        ({"min_size": 30_000}, 69),  # no side passes 1333
        ({"min_size": 4000, "max_size": 6000}, 2_930),
        ({"min_size": 30_000, "max_size": 40_000}, 171_600),
        ({"min_size": float("inf"), "max_size": float("inf")}, 1.07e14),
        ({"min_size": "x", "max_size": [1]}, 0),
        ({"min_size": float("nan"), "max_size": -1}, 0),
    ],
)
def test_sides_that_ask_for_memory_are_counted(
    parameters: dict[str, object], megabytes: float, spec: ModelSpec
) -> None:
    free = int(FACTORS["torch"] * 10 * MB) + RESERVE
    large = replace(spec, parameters=parameters)
    Budget("torch", lambda: free + int(1.2 * megabytes * MB)).reserve("m", large)
    if megabytes:
        with pytest.raises(InsufficientMemory):
            Budget("torch", lambda: free + int(0.8 * megabytes * MB)).reserve("m", large)


@pytest.mark.parametrize(("architecture", "megabytes"), [("sam", 915), ("sam2", 915), ("resnet18", 390)])
def test_an_architecture_may_say_what_it_takes(architecture: str, megabytes: int, spec: ModelSpec) -> None:
    own = replace(spec, architecture=architecture)
    Budget("openvino", lambda: megabytes * MB).reserve("m", own)
    with pytest.raises(InsufficientMemory):
        Budget("openvino", lambda: megabytes * MB - 1).reserve("m", own)


def test_what_is_reserved_for_one_is_not_given_to_another(spec: ModelSpec) -> None:
    budget = Budget("torch", lambda: 600 * MB)  # one takes 360
    budget.reserve("a", spec)
    with pytest.raises(InsufficientMemory, match="and 252 are free"):
        budget.reserve("b", spec)
    budget.release("a")
    budget.reserve("b", spec)


def test_what_a_model_takes_is_known_until_it_is_gone(spec: ModelSpec) -> None:
    free = 600 * MB
    budget = Budget("torch", lambda: free)
    assert budget.cost("a") == 0
    budget.reserve("a", spec)
    budget.loaded("a")
    free = 400 * MB  # what is loaded shows in what is free
    budget.reserve("b", spec)
    assert budget.cost("a") == budget.cost("b") == 4 * 10 * MB + RESERVE
    budget.release("a")
    assert budget.cost("a") == 0 < budget.cost("b")


def test_memory_that_is_free_in_the_meantime_is_taken(spec: ModelSpec) -> None:
    """It is looked at once more, though nothing gave way."""
    free = iter([200, 400])
    Budget("torch", lambda: next(free) * MB).reserve("m", spec)


@pytest.mark.parametrize(
    ("released", "missing", "fits"),
    [([200], [160], True), ([100, 100], [160, 60], True), ([100, 0], [160, 60], False), ([0], [160], False)],
)
def test_room_is_made_as_long_as_something_gives_way(
    released: list[int], missing: list[int], fits: bool, spec: ModelSpec
) -> None:
    free, asked = 200, []  # MB; one takes 360

    def make_room(key: str, lacking: int) -> bool:
        nonlocal free
        asked.append(lacking // MB)
        free += released[len(asked) - 1]
        return released[len(asked) - 1] > 0

    with nullcontext() if fits else pytest.raises(InsufficientMemory):
        Budget("torch", lambda: free * MB, make_room).reserve("m", spec)
    assert asked == missing
