"""What this engine knows, made of the blocks' manifests: their schemas, and which value fits which field."""

from collections.abc import Iterator
from typing import Any

from packaging.version import InvalidVersion, Version

from container.workflows import kinds, operations
from container.workflows.interface import manifest_of
from container.workflows.kind_schemas import described
from container.workflows.manifest import REQUIRED, Block, Field, blocks

_SOURCE = "maskserve"
_MAX_VERSION = 100  # characters that are read
_COMPATIBLE = ">=1.0.0,<2.0.0"
_OUTPUT = r"^\$(inputs\..+|steps\.[^.]+\..+)$"
_STEP = r"^\$steps\.[^.]+$"
_TEXT = {"type": "string"}
# No object is one: this server runs no code of requests.
_NO_CUSTOM_BLOCKS = {"title": "Blocks made of Python code, which this server does not run", "not": {}}


def all_blocks() -> list[Block]:
    """Return every block once, by the order of the names that are shown."""
    return sorted({block.ids[0]: block for block in blocks.values()}.values(), key=lambda block: block.ids[0])


def describe(version: object = None) -> dict[str, Any]:
    """Return all blocks that an engine of this version has, the kinds, and which field takes which of them.

    There are none for versions other than 1; what is no version asks for none.
    """
    there = all_blocks() if _is_compatible(version) else []
    return {
        "blocks": [_describe(block) for block in there],
        "declared_kinds": [described(kind) for kind in kinds.WORDS],
        "kinds_connections": {kind: [*_connections(kind, there)] for kind in kinds.WORDS},
        "primitives_connections": [
            {**_property(block, one), "type_annotation": _annotation(one)}
            for block in there
            for one in block.fields
            if one.takes is not None
        ],
        "universal_query_language_description": operations.description(),
        "dynamic_block_definition_schema": _NO_CUSTOM_BLOCKS,
    }


def definition_schema() -> dict[str, Any]:
    """Return the JSON schema of a specification."""
    named = {block.ids[0]: block_schema(block) for block in all_blocks()}
    images = _entry(["InferenceImage", "WorkflowImage"])
    parameters = _entry(["InferenceParameter", "WorkflowParameter"], kind={}, default_value={})
    dimensionality = {"type": "integer", "minimum": 1, "maximum": 3}
    batches = _entry(["WorkflowBatchInput"], kind={}, dimensionality=dimensionality)
    system = {"type": "string", "enum": ["parent", "own"], "default": "parent"}
    output = _entry(["JsonField"], coordinates_system=system)
    output["required"].append("selector")
    output["properties"]["selector"] = {"type": "string", "pattern": _OUTPUT}
    return {
        "title": "The specification of a workflow",
        "type": "object",
        "required": ["version", "inputs", "steps", "outputs"],
        "properties": {
            "version": {"type": "string", "description": "Of the engine, such as 1.0"},
            "inputs": _list({"anyOf": [images, parameters, batches, _entry(["WorkflowVideoMetadata"])]}),
            "steps": _list({"anyOf": [{"$ref": f"#/$defs/{_defined(name)}"} for name in named]}),
            "outputs": _list(output),
        },
        "$defs": {_defined(name): schema for name, schema in named.items()},
    }


def block_schema(block: Block) -> dict[str, Any]:
    """Return the JSON schema of a step of a block; members that it does not know are passed over."""
    properties: dict[str, Any] = {}
    required, one_of = ["type", "name"], []
    for one in block.fields:
        properties |= {name: _schema(one) for name in (one.name, *one.aliases)}
        if one.default is REQUIRED and one.aliases:
            one_of.append({"anyOf": [{"required": [name]} for name in (one.name, *one.aliases)]})
        elif one.default is REQUIRED:
            required.append(one.name)
    return {
        "title": block.title,
        "description": block.doc,
        "type": "object",
        "required": required,
        "properties": {"type": {"type": "string", "enum": [*block.ids]}, "name": _TEXT, **properties},
        **({"allOf": one_of} if one_of else {}),
    }


def _describe(block: Block) -> dict[str, Any]:
    cls = type(block)
    deeper = {one.name: one.level for one in block.fields if one.level}
    beside = [one.name for one in block.fields if one.takes is None and not one.level and not one.steps]
    reference = beside[0] if deeper and beside else None
    return {
        "block_schema": block_schema(block),
        "outputs_manifest": [manifest_of(output) for output in block.outputs],
        "block_source": _SOURCE,
        "fully_qualified_block_class_name": f"{cls.__module__}.{cls.__qualname__}",
        "human_friendly_block_name": block.title,
        "manifest_type_identifier": block.ids[0],
        "manifest_type_identifier_aliases": [*block.ids[1:]],
        "execution_engine_compatibility": _COMPATIBLE,
        "restrictions": [],
        "input_dimensionality_offsets": {reference: 0, **deeper} if reference else {},
        "dimensionality_reference_property": reference,
        # Where all inputs are lists of what lies deeper, the output is one for each list.
        "output_dimensionality_offset": 1 if block.deeper else -1 if deeper and not reference else 0,
    }


def _connections(kind: str, there: list[Block]) -> Iterator[dict[str, Any]]:
    """Yield the fields that take values of a kind; for any kind, all that take selectors of values."""
    for block in there:
        for one in block.fields:
            if kind in one.kinds or kind == kinds.ANY and one.kinds:
                yield {
                    **_property(block, one),
                    "compatible_element": "any_data",  # inputs and outputs of steps alike
                    "is_list_element": one.holds == "list",
                    "is_dict_element": one.holds == "dict",
                }


def _property(block: Block, one: Field) -> dict[str, Any]:
    return {
        "manifest_type_identifier": block.ids[0],
        "property_name": one.name,
        "property_description": one.doc,
    }


def _schema(one: Field) -> dict[str, Any]:
    reference = {"type": "string", "reference": True, "pattern": _STEP if one.steps else _OUTPUT}
    reference |= {"selected_element": "step" if one.steps else "any_data", "kind": [described(k) for k in one.kinds]}
    forms = [one.takes.schema] if one.takes is not None else []
    if one.kinds or one.steps:
        forms.append(reference)
    if one.holds != "one":
        entries = {"anyOf": forms}
        whole = _list(entries) if one.holds == "list" else {"type": "object", "additionalProperties": entries}
        forms = [whole, reference] if one.kinds else [whole]
    if one.default is None:
        forms.append({"type": "null"})
    schema: dict[str, Any] = {"description": one.doc, **(forms[0] if len(forms) == 1 else {"anyOf": forms})}
    if isinstance(one.default, bool | int | float | str | list | dict | tuple):
        schema["default"] = [*one.default] if isinstance(one.default, tuple) else one.default
    return schema


def _entry(types: list[str], **more: Any) -> dict[str, Any]:
    properties = {"type": {"type": "string", "enum": types}, "name": _TEXT, **more}
    return {"type": "object", "required": ["type", "name"], "properties": properties}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _defined(name: str) -> str:
    """Return a name as one part of a JSON pointer."""
    return name.replace("/", ".")


_PYTHON = {
    "integer": "int",
    "number": "float",
    "string": "str",
    "boolean": "bool",
    "array": "List[Any]",
    "object": "Dict[str, Any]",
}


def _annotation(one: Field) -> str:
    """Return the type of a field's literals in the words of Python."""
    assert one.takes is not None
    forms = [form.get("type", "") for form in one.takes.schema.get("anyOf", [one.takes.schema])]
    types = [*dict.fromkeys(_PYTHON.get(form, "Any") for form in forms if form != "null")]
    found = types[0] if len(types) == 1 else f"Union[{', '.join(types)}]"
    found = {"one": found, "list": f"List[{found}]", "dict": f"Dict[str, {found}]"}[one.holds]
    return f"Optional[{found}]" if one.default is None or "null" in forms else found


def _is_compatible(version: object) -> bool:
    text = version if isinstance(version, str) else ""
    try:
        return Version(text[:_MAX_VERSION]).major == 1
    except InvalidVersion:
        return True
