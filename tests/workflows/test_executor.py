"""Runs: batches, crops of crops, empty branches, parameters, limits, errors of steps."""

import base64
import json
from typing import Any

import pytest

from container.errors import DeadlineExceeded, NotOffered, Overloaded, PayloadTooLarge, ServingError
from container.workflows.errors import RefusedStep, StepFailed, WrongInput
from container.workflows.executor import Profile
from tests.conftest import encode
from tests.workflows.conftest import Run
from tests.workflows.small_blocks import Fails, pixels, spec, step


def png(width: int, height: int = 4) -> dict[str, str]:
    return {"type": "base64", "value": base64.b64encode(encode(pixels(width, height))).decode()}


HALVES = step("halves", "cut", image="$inputs.image")
SIDE = step("side", "side", image="$inputs.image")
SIDES = step("side", "side", image="$steps.cut.crops")


@pytest.mark.parametrize(
    ("steps", "output", "images", "expected"),
    [
        ([SIDE], "$steps.side.side", png(8), [8]),
        ([SIDE], "$steps.side.side", png(8)["value"], [8]),
        ([SIDE], "$steps.side.side", [png(8)], [8]),
        ([SIDE], "$steps.side.side", [png(8), png(6), png(4)], [8, 6, 4]),
        ([HALVES, SIDES], "$steps.side.side", [png(8), png(7)], [[4, 4], [3, 4]]),
        ([HALVES, SIDES], "$steps.side.side", [png(1), png(7)], [[], [3, 4]]),
        (
            [
                HALVES,
                step("halves", "again", image="$steps.cut.crops"),
                step("side", "side", image="$steps.again.crops"),
            ],
            "$steps.side.side",
            [png(8), png(2), png(1)],
            [[[2, 2], [2, 2]], [[], []], []],
        ),
        ([HALVES, SIDES, step("sum", "sum", data="$steps.side.side")], "$steps.sum.sum", [png(8), png(1)], [8, 0]),
        ([], "$inputs.times", [png(8), png(8)], [2, 2]),
    ],
)
def test_levels(steps: list[dict[str, Any]], output: str, images: Any, expected: list[Any], run: Run) -> None:
    """A list level more for each crop; values that are of no picture are repeated."""
    assert [row["o"] for row in run(spec(*steps, outputs={"o": output}), image=images, times=2)] == expected


def test_lists_and_objects_may_be_empty(run: Run) -> None:
    assert run(spec(step("first", "f", data=[], named={}), outputs={"o": "$steps.f.output"}), image=png(8)) == [
        {"o": None}
    ]


def test_all_outputs_of_a_step(run: Run) -> None:
    (row,) = run(spec(SIDE, outputs={"o": "$steps.side.*"}), image=png(8))
    assert row["o"]["side"] == 8 and row["o"]["image"].frame.id == "image"


def test_no_outputs(run: Run) -> None:
    assert run(spec(SIDE), image=[png(8), png(8)]) == [{}, {}]


def test_names_and_places_of_pictures(run: Run) -> None:
    again = step("halves", "again", image="$steps.cut.crops")
    rows = run(spec(HALVES, again, outputs={"o": "$steps.again.crops", "i": "$inputs.image"}), image=[png(8), png(6)])
    assert [row["i"].frame.id for row in rows] == ["image.[0]", "image.[1]"]
    first, last = rows[0]["o"][0][0].frame, rows[0]["o"][1][1].frame
    assert (first.root.id, first.root.x, first.root.size) == ("image.[0]", 0, (4, 8))
    assert (last.parent.x, last.parent.size, last.root.x, last.size) == (2, (4, 4), 6, (4, 2))


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"times": 3}, 24),
        ({"times": "3"}, 24),
        ({"times": 3, "other": 1}, 24),
    ],
)
def test_parameters(inputs: dict[str, Any], expected: int, run: Run) -> None:
    document = spec({**SIDE, "times": "$inputs.times"}, outputs={"o": "$steps.side.side"})
    assert run(document, image=png(8), **inputs) == [{"o": expected}]


def test_the_default_of_a_parameter(run: Run) -> None:
    inputs = [
        {"type": "InferenceImage", "name": "image"},
        {"type": "InferenceParameter", "name": "times", "default_value": 5},
    ]
    document = spec({**SIDE, "times": "$inputs.times"}, outputs={"o": "$steps.side.side"}, inputs=inputs)
    assert run(document, image=png(8)) == [{"o": 40}]
    assert run(document, image=png(8), times=1) == [{"o": 8}]


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"image": png(8), "times": 11}, "input times is 11; it takes a whole number from 0 to 10"),
        ({"image": png(8), "times": True}, "input times is True"),
        ({"image": png(8), "times": json.loads("[" * 90 + "]" * 90)}, "input times is [[["),
        ({"image": png(8), "times": json.loads("[" * 400 + "]" * 400)}, "over 100 deep"),
        ({"image": png(8)}, "input times is None"),
        ({"times": 1}, "input image is missing"),
        ({"image": [], "times": 1}, "input image is an empty list"),
        ({"image": 3, "times": 1}, "input image: an image is a string of base64 or"),
        ({"image": [png(8), "no picture"], "times": 1}, "input image.[1]: "),
        ({"image": {"type": "file", "value": "/etc/passwd"}, "times": 1}, "the image type is 'file'"),
        ({"image": {"type": "numpy", "value": "gASVAA=="}, "times": 1}, "the image type is 'numpy'"),
        ({"image": [png(8), "PGh0bWw+"], "times": 1}, "input image.[1]: what was sent is an HTML page"),
    ],
)
def test_wrong_inputs(inputs: dict[str, Any], words: str, run: Run) -> None:
    with pytest.raises(WrongInput) as caught:
        run(spec({**SIDE, "times": "$inputs.times"}), **inputs)
    assert words in caught.value.message


def test_inputs_of_one_and_of_many(run: Run) -> None:
    inputs = [
        {"type": "WorkflowImage", "name": "image"},
        {"type": "WorkflowImage", "name": "other"},
        {"type": "WorkflowBatchInput", "name": "factor", "kind": ["integer"]},
    ]
    steps = [{**SIDE, "times": "$inputs.factor"}, step("side", "b", image="$inputs.other")]
    document = spec(*steps, outputs={"a": "$steps.side.side", "b": "$steps.b.side"}, inputs=inputs)
    assert run(document, image=[png(8), png(6)], other=png(3), factor=[1, 2]) == [{"a": 8, "b": 3}, {"a": 12, "b": 3}]
    with pytest.raises(WrongInput, match="image has 2, factor has 3"):
        run(document, image=[png(8), png(6)], other=png(3), factor=[1, 2, 3])


def test_a_gate_lets_some_pictures_through(run: Run) -> None:
    """What did not run is null, for the steps behind it, too; and one that takes missing values runs."""
    document = spec(
        SIDE,
        step("gate", "gate", value="$steps.side.side", above=5, next_steps=["$steps.cut"]),
        HALVES,
        step("side", "sides", image="$steps.cut.crops"),
        step("sum", "sum", data="$steps.sides.side"),
        step("gate", "second", value="$steps.side.side", above=7, next_steps=["$steps.wide"]),
        step("side", "wide", image="$inputs.image"),
        step("first", "first", data=["$steps.wide.side", "$steps.side.side"], named={"x": True}),
        outputs={
            "crops": "$steps.sides.side",
            "sum": "$steps.sum.sum",
            "wide": "$steps.wide.side",
            "f": "$steps.first.output",
        },
    )
    assert run(document, image=[png(8), png(6), png(4)]) == [
        {"crops": [4, 4], "sum": 8, "wide": 8, "f": 8},
        {"crops": [3, 3], "sum": 6, "wide": None, "f": 6},
        {"crops": [], "sum": 0, "wide": None, "f": 4},
    ]


@pytest.mark.parametrize(
    ("error", "expected", "status", "words"),
    [
        (ValueError("secret"), StepFailed, 500, "step 'bad': it failed unexpectedly"),
        (StepFailed("the list is empty"), StepFailed, 500, "step 'bad': the list is empty"),
        (NotOffered("there is no such model"), RefusedStep, 501, "step 'bad': there is no such model"),
        (Overloaded("full"), Overloaded, 503, "step 'bad': full"),
        (DeadlineExceeded("late"), DeadlineExceeded, 504, "step 'bad': late"),
        (PayloadTooLarge("large"), PayloadTooLarge, 413, "step 'bad': large"),
    ],
)
def test_a_step_that_fails(
    error: Exception, expected: type[ServingError], status: int, words: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Fails, "error", error)
    with pytest.raises(expected) as caught:
        run(spec(step("fails", "bad", image="$inputs.image")), image=png(8))
    assert (caught.value.status, caught.value.message) == (status, words)
    if isinstance(caught.value, StepFailed | RefusedStep):
        assert caught.value.faults[0][:2] == ("bad", "test/fails@v1")
        assert "secret" not in str(caught.value.faults)


def test_limits(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = [
        HALVES,
        *(step("halves", f"h{i}", image=f"$steps.{'cut' if i == 0 else f'h{i - 1}'}.crops") for i in range(9)),
    ]
    with pytest.raises(RefusedStep, match=r"step 'h7': there are over 1000 crops of one picture") as caught:
        run(spec(*chain), image=png(4000, 1))
    assert caught.value.status == 400
    with pytest.raises(PayloadTooLarge, match="hold over 100 pixels together"):
        run(spec(HALVES, outputs={"o": "$steps.cut.crops"}), image=png(20), pixels=100)
    with pytest.raises(PayloadTooLarge, match="65 values; at most 64"):
        run(spec(SIDE), image=[png(4)] * 65)
    monkeypatch.setattr("container.workflows.executor.MAX_STEP_RUNS", 5)
    with pytest.raises(RefusedStep, match="steps run over"):
        run(spec(HALVES, SIDES), image=[png(4)] * 2)


def test_pictures_that_nobody_reads_give_room(run: Run) -> None:
    chain = [
        step("halves", "h0", image="$inputs.image"),
        *(step("halves", f"h{i}", image="$inputs.image") for i in range(1, 9)),
    ]
    run(spec(*chain), image=png(20), pixels=200)


def test_the_profile(run: Run) -> None:
    profile = Profile()
    run(spec(SIDE), profile, image=png(8))
    assert [(event["name"], event["ph"]) for event in profile.events] == [("side", "B"), ("side", "E")]
    assert all(event.keys() >= {"ts", "pid", "tid", "cat"} for event in profile.events)
