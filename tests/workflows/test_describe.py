"""What is told of blocks and of workflows; every block there is, and small ones by hand."""

import json
from typing import Any

import jsonschema
import pytest

from container.workflows import kinds
from container.workflows.describe import all_blocks, block_schema, definition_schema, describe
from container.workflows.errors import SyntaxFault
from container.workflows.graph import compile_workflow
from container.workflows.interface import describe_interface, dynamic_outputs
from container.workflows.kind_schemas import HINTS, SCHEMAS
from container.workflows.manifest import REQUIRED, Field, blocks
from tests.workflows.small_blocks import IMAGE, Side, spec, step

MEMBERS = {
    "block_schema",
    "outputs_manifest",
    "block_source",
    "fully_qualified_block_class_name",
    "human_friendly_block_name",
    "manifest_type_identifier",
    "manifest_type_identifier_aliases",
    "execution_engine_compatibility",
    "restrictions",
    "input_dimensionality_offsets",
    "dimensionality_reference_property",
    "output_dimensionality_offset",
}
INTEGER = {"name": "integer", "description": "A whole number", "serialised_data_type": "int"}


def described(name: str) -> dict[str, Any]:
    (found,) = [one for one in describe()["blocks"] if one["manifest_type_identifier"] == name]
    return dict(found)


def test_every_block_is_described() -> None:
    told = describe()
    assert {name for one in told["blocks"] for name in (one["manifest_type_identifier"],
            *one["manifest_type_identifier_aliases"])} == {*blocks}  # fmt: skip
    assert all(one.keys() == MEMBERS for one in told["blocks"])
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_the_query_language() -> None:
    told = describe()["universal_query_language_description"]
    assert {"SequenceLength", "DetectionsFilter"} <= {one["operation_type"] for one in told["operations_description"]}
    assert {"operands_kinds", "operands_number"} <= told["operators_descriptions"][0].keys()
    named = {kind for one in told["operations_description"] for kind in [*one["input_kind"], *one["output_kind"]]}
    assert named <= {*kinds.WORDS}


def test_every_default_fits_its_schema() -> None:
    for block in all_blocks():
        schema = block_schema(block)
        jsonschema.Draft202012Validator.check_schema(schema)
        for one in block.fields:
            told = schema["properties"][one.name]
            if one.default is not REQUIRED and one.default is not None:
                assert jsonschema.Draft202012Validator(told).is_valid(told["default"]), (block.ids[0], one.name)


def test_a_block() -> None:
    side = described("test/side@v1")
    assert side["manifest_type_identifier_aliases"] == ["Side"]
    assert side["human_friendly_block_name"] == "Side"
    assert side["fully_qualified_block_class_name"] == "tests.workflows.small_blocks.Side"
    assert side["outputs_manifest"][0] == {"name": "side", "kind": [INTEGER]}
    assert side["output_dimensionality_offset"] == 0
    assert side["input_dimensionality_offsets"] == {}


@pytest.mark.parametrize(
    ("name", "offset", "inputs", "reference"),
    [
        ("test/halves@v1", 1, {}, None),
        ("test/sum@v1", -1, {}, None),
        ("test/side@v1", 0, {}, None),
        ("test/stitch@v1", 0, {"image": 0, "parts": 1}, "image"),
    ],
)
def test_levels(
    monkeypatch: pytest.MonkeyPatch, name: str, offset: int, inputs: dict[str, int], reference: str | None
) -> None:
    class Stitch(Side):
        ids = ("test/stitch@v1",)
        fields = (IMAGE, Field("parts", "Crops", kinds=(kinds.ANY,), level=1))

    monkeypatch.setitem(blocks, "test/stitch@v1", Stitch())
    told = described(name)
    assert told["output_dimensionality_offset"] == offset
    assert told["input_dimensionality_offsets"] == inputs
    assert told["dimensionality_reference_property"] == reference


@pytest.mark.parametrize(("version", "count"), [("1.0.0", 1), ("1.15", 1), ("2.0", 0), ("x", 1), (None, 1), ([], 1)])
def test_versions(version: object, count: int) -> None:
    told = describe(version)
    assert bool(told["blocks"]) == bool(told["primitives_connections"]) == bool(count)
    assert told["declared_kinds"]


def test_connections() -> None:
    told = describe()
    fields = {
        (one["manifest_type_identifier"], one["property_name"]): one for one in told["kinds_connections"]["integer"]
    }
    assert fields["test/side@v1", "times"] == {
        "manifest_type_identifier": "test/side@v1",
        "property_name": "times",
        "property_description": "A factor",
        "compatible_element": "any_data",
        "is_list_element": False,
        "is_dict_element": False,
    }
    assert ("test/side@v1", "image") not in fields
    named = {(one["manifest_type_identifier"], one["property_name"]) for one in told["kinds_connections"]["*"]}
    assert {("test/side@v1", "image"), ("test/side@v1", "times")} <= named
    assert ("test/gate@v1", "next_steps") not in named
    types = {
        (one["manifest_type_identifier"], one["property_name"]): one["type_annotation"]
        for one in told["primitives_connections"]
    }
    assert types["test/side@v1", "times"] == "int"
    assert types["test/side@v1", "mode"] == "str"
    assert types["test/gate@v1", "value"] == "float"
    assert types["test/first@v1", "named"] == "Optional[Dict[str, bool]]"


@pytest.mark.parametrize(
    ("kind", "fields", "good"),
    [
        ("side", {"image": "$inputs.image"}, True),
        ("side", {"images": "$inputs.image", "times": "$steps.a.b", "more": 1}, True),
        ("side", {"image": "$inputs.image", "times": 3}, True),
        ("side", {}, False),
        ("side", {"image": "picture.jpg"}, False),
        ("side", {"image": "$steps.a"}, False),
        ("side", {"image": "$inputs.image", "times": 11}, False),
        ("side", {"image": "$inputs.image", "mode": "odd"}, False),
        ("gate", {"value": 3, "next_steps": ["$steps.a"]}, True),
        ("gate", {"value": 3, "next_steps": ["$steps.a.b"]}, False),
        ("first", {"data": ["$steps.a.b"], "named": {"x": True, "y": "$inputs.z"}}, True),
        ("first", {"data": ["$steps.a.b"], "named": None}, True),
        ("first", {"data": "x"}, False),
    ],
)
def test_schemas_take_what_the_engine_takes(kind: str, fields: dict[str, Any], good: bool) -> None:
    checker = jsonschema.Draft202012Validator(block_schema(blocks[f"test/{kind}@v1"]))
    assert checker.is_valid(step(kind, "x", **fields)) == good


def test_the_schema_of_specifications() -> None:
    schema = definition_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    checker = jsonschema.Draft202012Validator(schema)
    good = spec(step("side", "s", image="$inputs.image"), outputs={"o": "$steps.s.*"})
    assert checker.is_valid(good)
    for change in ({"steps": [{"type": "none", "name": "s"}]}, {"outputs": [{"name": "o"}]}, {"version": 1}):
        assert not checker.is_valid(good | change)
    assert len(schema["$defs"]) == len(all_blocks())


def test_the_kinds() -> None:
    assert {*HINTS} == {*kinds.WORDS}
    assert {*SCHEMAS} <= {*kinds.WORDS}
    for schema in SCHEMAS.values():
        for one in schema if isinstance(schema, list) else [schema]:
            jsonschema.Draft202012Validator.check_schema(one)


def test_an_interface() -> None:
    inputs = [
        {"type": "WorkflowImage", "name": "image"},
        {"type": "WorkflowParameter", "name": "times"},
        {"type": "WorkflowParameter", "name": "bound", "kind": ["float"]},
        {"type": "WorkflowParameter", "name": "unused"},
    ]
    document = spec(
        step("side", "side", image="$inputs.image", times="$inputs.times"),
        step("gate", "gate", value="$inputs.bound", next_steps=["$steps.side"]),
        outputs={"one": "$steps.side.side", "all": "$steps.side.*", "given": "$inputs.times"},
        inputs=inputs,
    )
    assert describe_interface(compile_workflow(document)) == {
        "inputs": {"image": ["image"], "times": ["integer"], "bound": ["float"], "unused": ["*"]},
        "outputs": {"one": ["integer"], "all": {"side": ["integer"], "image": ["image"]}, "given": ["integer"]},
        "typing_hints": {"image": "dict", "integer": "int", "float": "float", "*": "Any"},
        "kinds_schemas": {"image": SCHEMAS["image"]},
    }


def test_the_outputs_of_a_step() -> None:
    assert [one["name"] for one in dynamic_outputs({"type": "Side", "name": "x"})] == ["side", "image"]
    for wrong in ({"type": "none"}, {}, [], None, {"type": 7}):
        with pytest.raises(SyntaxFault, match="it takes one of .*test/side@v1"):
            dynamic_outputs(wrong)
