"""Workflows as invocations run them: what may be one, and what a text means for a parameter."""

import json
from typing import Any

import pytest

from container.errors import ModelError
from container.structures import ModelSpec
from container.workflows import invoked
from container.workflows.graph import compile_workflow
from tests.workflows.small_blocks import spec, step

IMAGE = {"type": "WorkflowImage", "name": "photo"}
SPEC = ModelSpec("cats", "fake_net", "NONE")


def parameter(name: str, **fields: Any) -> dict[str, Any]:
    return {"type": "WorkflowParameter", "name": name, **fields}


def test_the_artifact_says() -> None:
    invoked.accept(SPEC)
    document = spec(inputs=[IMAGE, parameter("a"), parameter("b")])
    for text in (json.dumps(document), json.dumps({"specification": document})):
        found = invoked.read(text)
        assert (found.image, found.parameters, found.draws) == ("photo", ("a", "b"), False)
    assert invoked.read(text) is invoked.read(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "it is no JSON: line 1, column 2"),
        ("[" * 10**5, "it is no JSON"),
        ("[]", "the specification is []; it takes an object with"),
        ('{"version": "1.0"}', "the specification lacks inputs, steps, outputs"),
        (json.dumps(spec(step("cut", "a"))), "a: type is 'test/cut@v1'; it takes one of"),
        (json.dumps(spec(outputs={"a": "$steps.b.c"})), "output 'a': its selector names '$steps.b.c'; steps are: none"),
        (json.dumps(spec(inputs=[parameter("a")])), "0 of its inputs are pictures, and an invocation has one"),
        (json.dumps(spec(inputs=[IMAGE, {**IMAGE, "name": "b"}])), "2 of its inputs are pictures (photo, b), and"),
    ],
)
def test_what_is_none_is_refused_in_one_line(text: str, reason: str) -> None:
    with pytest.raises(ModelError) as caught:
        invoked.accept(ModelSpec("cats", "fake_net", "NONE", workflow=text))
    assert str(caught.value).startswith("workflow.json of 'cats': ") and reason in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("selector", "draws"),
    [
        ("$inputs.photo", True),
        ("$steps.side.image", True),
        ("$steps.side.side", False),
        ("$steps.halves.crops", False),
        ("$steps.first.output", True),
        ("$steps.side.*", False),
    ],
)
def test_which_outputs_may_be_a_picture(selector: str, draws: bool) -> None:
    steps = (
        step("side", "side", image="$inputs.photo"),
        step("halves", "halves", image="$inputs.photo"),
        step("first", "first", data=["$steps.side.image"]),
    )
    plan = compile_workflow(spec(*steps, outputs={"a": selector}, inputs=[IMAGE]))
    assert invoked.invoked(plan).draws is draws


@pytest.mark.parametrize(
    ("declared", "field", "text", "value"),
    [
        ({}, "times", "3", 3),
        ({}, "times", "many", "many"),
        ({}, "mode", "fail", "fail"),
        ({}, "data", "3", 3),
        ({}, "data", "true", True),
        ({}, "data", '{"a": 1}', {"a": 1}),
        ({}, "data", "null", "null"),
        ({}, "data", "NaN", "NaN"),
        ({}, "data", "a, b", "a, b"),
        ({"kind": ["string"]}, "data", "3", "3"),
        ({"kind": ["list_of_values"]}, "data", "a, b", ["a", "b"]),
        ({"kind": ["list_of_values"]}, "data", '["a, b"]', ["a, b"]),
        ({}, "", "3", 3),
    ],
)
def test_what_a_text_means(declared: dict[str, Any], field: str, text: str, value: object) -> None:
    steps = {
        "data": [step("first", "first", data=["$inputs.p"])],
        "": [],
    }.get(field, [step("side", "side", image="$inputs.photo", **{field: "$inputs.p"})])
    plan = compile_workflow(spec(*steps, inputs=[IMAGE, parameter("p", **declared)]))
    assert invoked.invoked(plan).from_text("p", text) == value
