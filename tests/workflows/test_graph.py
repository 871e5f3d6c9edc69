"""References, order and levels, before anything runs."""

from typing import Any

import pytest

from container.workflows.errors import BrokenGraph, UnknownReference, WorkflowError, WrongKind, WrongLevel
from container.workflows.graph import compile_workflow
from tests.workflows.small_blocks import spec, step

HALVES = step("halves", "cut", image="$inputs.image")


def test_a_long_reference_is_told_in_short() -> None:
    with pytest.raises(UnknownReference) as caught:
        compile_workflow(spec(outputs={"o": "$steps." + "x" * 1_000_000}))
    assert len(caught.value.message) < 1000
    assert len(caught.value.faults[0].details) < 1000


def test_steps_run_after_those_that_they_read() -> None:
    plan = compile_workflow(
        spec(step("sum", "sum", data="$steps.side.side"), step("side", "side", image="$steps.cut.crops"), HALVES)
    )
    assert [one.spec.name for one in plan.steps] == ["cut", "side", "sum"]
    assert [one.lineage for one in plan.steps] == [("$inputs",), ("$inputs", "cut"), ("$inputs",)]


@pytest.mark.parametrize(
    ("steps", "outputs", "error", "words", "block"),
    [
        ([step("side", "a", image="$inputs.photo")], {}, UnknownReference, "inputs are: image, times", "a"),
        ([step("side", "a", image="$steps.b.crops")], {}, UnknownReference, "steps are: a", "a"),
        ([HALVES, step("side", "a", image="$steps.cut.photos")], {}, UnknownReference, "that step are: crops", "a"),
        ([], {"o": "$steps.a.side"}, UnknownReference, "output 'o'", "$outputs"),
        ([HALVES], {"o": "$steps.cut"}, UnknownReference, "outputs of that step are: crops", "$outputs"),
        (
            [step("side", "a", image="$inputs.image"), step("halves", "b", image="$steps.a.side")],
            {},
            WrongKind,
            "of the kind integer; it takes image",
            "b",
        ),
        (
            [step("side", "a", image="$steps.b.image"), step("side", "b", image="$steps.a.image")],
            {},
            BrokenGraph,
            "wait for each other: a, b",
            "a",
        ),
        (
            [step("side", "a", image="$inputs.image"), step("sum", "b", data="$steps.a.side")],
            {},
            WrongLevel,
            "no list for a picture",
            "b",
        ),
        (
            [
                HALVES,
                step("side", "a", image="$inputs.image"),
                step("side", "b", image="$steps.cut.crops", times="$steps.a.side"),
            ],
            {},
            WrongLevel,
            "different levels: each picture, each of cut and each picture",
            "b",
        ),
        (
            [
                HALVES,
                step("side", "a", image="$steps.cut.crops"),
                step("gate", "g", value="$steps.a.side", next_steps=["$steps.b"]),
                step("side", "b", image="$inputs.image"),
            ],
            {},
            WrongLevel,
            "'g' decides on each picture, each of cut",
            "b",
        ),
        (
            [step("gate", "g", value=1, next_steps=["$steps.b"])],
            {},
            UnknownReference,
            "it takes selectors of steps",
            "g",
        ),
        (
            [step("gate", "g", value=1, next_steps=[]), step("first", "b", data=["$steps.g.next"])],
            {},
            UnknownReference,
            "outputs of that step are: none",
            "b",
        ),
    ],
)
def test_what_cannot_be_joined(
    steps: list[dict[str, Any]], outputs: dict[str, str], error: type[WorkflowError], words: str, block: str
) -> None:
    with pytest.raises(error) as caught:
        compile_workflow(spec(*steps, outputs=outputs))
    assert words in str(caught.value)
    assert caught.value.faults[0].block == block
