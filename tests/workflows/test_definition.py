"""What a specification may be, and what is said of one that may not."""

from typing import Any

import pytest

from container.workflows.definition import Literal, Selector, parse
from container.workflows.errors import DuplicatedName, SyntaxFault, UnknownVersion, VersionFault
from tests.workflows.small_blocks import spec, step

SIDE = step("side", "a", image="$inputs.image")


def test_a_step_is_read() -> None:
    found = parse(spec({**SIDE, "images": "ignored", "unknown": 1, "times": "3"})).steps["a"]
    assert found.sources == {
        "image": Selector("inputs", "image"),
        "times": Literal(3),
        "mode": Literal("plain"),
    }


@pytest.mark.parametrize("name", ["image", "images"])
def test_a_field_has_other_names(name: str) -> None:
    found = parse(spec({"type": "Side", "name": "a", name: "$steps.b.image"})).steps["a"]
    assert found.sources["image"] == Selector("steps", "b", "image")


@pytest.mark.parametrize("version", ["1.0", "1.4.0", "1.17.0", 1, 1.0])
def test_versions(version: Any) -> None:
    parse({**spec(), "version": version})


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"version": "2.0"}, UnknownVersion, "1.0 to 1.17.0"),
        ({"version": "1.99"}, UnknownVersion, "1.0 to 1.17.0"),
        ({"version": "abc"}, VersionFault, "version is 'abc'"),
        ({"version": "1." * 1000}, VersionFault, "version is '1.1."),
        ({"version": None}, VersionFault, "version is None"),
        ({"steps": {}}, SyntaxFault, "steps of the specification is an object"),
        ({"steps": [3]}, SyntaxFault, "list of objects"),
        ({"steps": [SIDE] * 201}, SyntaxFault, "201 steps; at most 200"),
        ({"steps": [SIDE, SIDE]}, DuplicatedName, "two steps are called 'a'"),
        ({"inputs": [{"type": "WorkflowImage", "name": "i"}] * 2}, DuplicatedName, "two inputs are called 'i'"),
        (
            {"inputs": [{"type": "Photo", "name": "i"}]},
            SyntaxFault,
            "i: type is 'Photo'; it takes one of InferenceImage",
        ),
        ({"inputs": [{"type": "WorkflowImage"}]}, SyntaxFault, "name is None"),
        ({"inputs": [{"type": "WorkflowBatchInput", "name": "i", "kind": ["x"]}]}, SyntaxFault, "kind is ['x']"),
        ({"inputs": [{"type": "WorkflowBatchInput", "name": "i", "dimensionality": 9}]}, SyntaxFault, "is 9; it takes"),
        ({"outputs": [{"type": "File", "name": "o", "selector": "$inputs.image"}]}, SyntaxFault, "type is 'File'"),
        ({"outputs": [{"name": "o", "selector": "image"}]}, SyntaxFault, "output 'o': selector is 'image'"),
        ({"notes": [[[0] * 1000] * 10] * 10}, SyntaxFault, "over 100000 values"),
        ({"dynamic_blocks_definitions": [{}]}, SyntaxFault, "Python code"),
    ],
)
def test_a_wrong_specification(change: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error) as caught:
        parse(spec() | change)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"image": "$inputs.image", "times": 11}, "times", "times is 11; it takes a whole number from 0 to 10 or"),
        ({"image": "$inputs.image", "times": "x"}, "times", "times is 'x'; it takes a whole number"),
        ({"image": "$inputs.image", "mode": "odd"}, "mode", 'one of "plain"'),
        ({"image": "photo.jpg"}, "image", "image is 'photo.jpg'; it takes a selector of image"),
        ({}, "image", "image is missing; it takes a selector of image"),
        ({"image": None}, "image", "image is None"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(SyntaxFault) as caught:
        parse(spec(step("side", "a", **fields)))
    (fault,) = caught.value.faults
    assert (fault.block, fault.type, fault.field) == ("a", "test/side@v1", field)
    assert words in fault.details


def test_every_fault_is_told() -> None:
    with pytest.raises(SyntaxFault, match="and 2 more") as caught:
        parse(spec({"type": "Nothing", "name": "x"}, step("side", "a", mode=3)))
    assert [(fault.block, fault.field) for fault in caught.value.faults] == [
        ("x", "type"),
        ("a", "image"),
        ("a", "mode"),
    ]


@pytest.mark.parametrize(("value", "read"), [(True, True), ("true", True), ("False", False)])
def test_a_flag_may_be_a_text(value: Any, read: bool) -> None:
    found = parse(spec(step("first", "a", data=[], named={"flag": value}))).steps["a"]
    assert found.sources["named"] == {"flag": Literal(read)}


@pytest.mark.parametrize("value", ["maybe", "", 2, []])
def test_other_values_are_no_flag(value: Any) -> None:
    with pytest.raises(SyntaxFault, match="it takes true or false"):
        parse(spec(step("first", "a", data=[], named={"flag": value})))


def test_many_faults_are_counted_and_some_are_told() -> None:
    with pytest.raises(SyntaxFault, match="and 99 more") as caught:
        parse(spec(*({"type": "Nothing", "name": f"x{i}"} for i in range(100))))
    assert len(caught.value.faults) == 20


@pytest.mark.parametrize(
    ("fields", "details"),
    [
        ({"data": "$inputs.image"}, "data is '$inputs.image'; it takes a list"),
        ({"data": None}, "data is None; it takes a list"),
        ({"data": [], "named": "$inputs.image"}, "named is '$inputs.image'; it takes an object"),
        ({"data": [], "named": ["$inputs.image"]}, "named is ['$inputs.image']; it takes an object"),
        ({"data": [], "named": {"k" * 10_000: 3}}, "named." + "k" * 200 + " is 3; it takes true or false or a"),
    ],
)
def test_a_list_and_an_object_of_selectors_stand_in_the_specification(fields: dict[str, Any], details: str) -> None:
    with pytest.raises(SyntaxFault) as caught:
        parse(spec(step("first", "a", **fields)))
    (fault,) = caught.value.faults
    assert details in fault.details


@pytest.mark.parametrize("document", [None, [], "text", {}, {"version": "1.0"}])
def test_what_is_no_specification(document: object) -> None:
    with pytest.raises(SyntaxFault):
        parse(document)
