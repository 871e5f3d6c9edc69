"""A model is refused before it is loaded where memory will not do."""

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
    with Budget(backend, lambda: need).promise(spec):
        pass
    with pytest.raises(InsufficientMemory, match=f"takes about {need / 1e6:.0f} MB, and"):
        with Budget(backend, lambda: need - 1).promise(spec):
            raise AssertionError("it was loaded")


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
    with Budget("torch", lambda: free + int(1.2 * megabytes * MB)).promise(replace(spec, parameters=parameters)):
        pass
    if megabytes:
        with (
            pytest.raises(InsufficientMemory),
            Budget("torch", lambda: free + int(0.8 * megabytes * MB)).promise(replace(spec, parameters=parameters)),
        ):
            raise AssertionError("it was loaded")


def test_what_is_promised_to_one_is_not_given_to_another(spec: ModelSpec) -> None:
    budget = Budget("torch", lambda: 600 * MB)  # one takes 360
    with budget.promise(spec):
        with pytest.raises(InsufficientMemory, match="and 252 are free"), budget.promise(spec):
            raise AssertionError("it was loaded")
    with pytest.raises(ZeroDivisionError), budget.promise(spec):
        raise ZeroDivisionError  # as a load may
    with budget.promise(spec):
        pass
