"""Queries, read: what is wrong with one, and where; and that nothing else can happen to any JSON."""

import json
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from container.workflows import kinds
from container.workflows.errors import StepFailed
from container.workflows.manifest import Takes
from container.workflows.operations import (
    Condition,
    Operations,
    OperationsByName,
    Scope,
    Switch,
    description,
)
from container.workflows.operations.base import operations
from container.workflows.operations.comparators import COMPARATORS, OPERATORS
from tests.workflows.operations.samples import FOUND, PICTURE, after, binary, dynamic, keep, of, static, unary

COUNT = {"type": "SequenceLength"}
GROUP = keep(binary(of("size"), "(Number) >", static(1)))["filter_operation"]
CASE = {"type": "CaseDefinition", "condition": GROUP, "result": {"type": "StaticCaseResult", "value": 1}}


@pytest.mark.parametrize(
    ("takes", "document", "message"),
    [
        (Operations(), {}, ""),  # the words say it
        (Operations(), "SequenceLength", ""),
        (Operations(), [5], "[0] is 5; it takes an object, the type of operation and its members"),
        (Operations(), [COUNT, {}], "[1].type is missing; the types of operation are "),
        (Operations(), [{"type": "Sum"}], '[0].type is "Sum", which is no type of operation; there are '),
        (Operations(), [{"type": ["Sum"]}], '[0].type is ["Sum"], which is no type of operation; there are '),
        (Operations(), [{"type": "Multiply"}], "[0].other is missing; Multiply needs a number from -1e+15 to 1e+15"),
        (Operations(), [{"type": "Multiply", "other": "2"}], '[0].other is "2"; it takes a number from '),
        (Operations(), [{"type": "Multiply", "other": float("inf")}], "[0].other is Infinity; it takes a number from "),
        (
            Operations(),
            [{"type": "NumberRound", "decimal_digits": 1e9}],
            "[0].decimal_digits is 1000000000.0; it takes a whole number from -30 to 30",
        ),
        (
            Operations(),
            [{"type": "DetectionsPropertyExtract", "property_name": "colour"}],
            '[0].property_name is "colour"; it takes one of "confidence", "class_name", ',
        ),
        (
            Operations(),
            [{"type": "DetectionsRename", "class_map": {"a": 1}}],
            '[0].class_map is {"a": 1}; it takes an object such as {"cat": "animal"}, or the name of a parameter',
        ),
        (
            Operations(),
            [{"type": "DetectionsRename", "class_map": {}, "strict": 1}],
            "[0].strict is 1; it takes true, false, or the name of a parameter",
        ),
        (Operations(), [{"type": "SequenceJoin", "separator": 1}], "[0].separator is 1; it takes a text"),
        (Operations(), [{"type": "LookupTable", "lookup_table": []}], "[0].lookup_table is []; it takes an object"),
        (
            Operations(),
            [{"type": "StringMatches", "regex": "("}],
            "[0].regex is no regular expression that can be read",
        ),
        (
            Operations(),
            [{"type": "SequenceApply", "operations": [COUNT, {"type": "x"}]}],
            '[0].operations[1].type is "x", which is no type of operation',
        ),
        (
            Operations(),
            [keep(binary(of("size"), "=", static(1)))],
            '[0].filter_operation.statements[0].comparator.type is "=", which is no type of comparator; there are ==, ',
        ),
        (
            Operations(),
            [keep(binary(of("colour"), "==", static(1)))],
            '[0].filter_operation.statements[0].left_operand.operations[0].property_name is "colour"; it takes one of ',
        ),
        (Condition(), 5, ""),
        (Condition(), binary(static(1), "==", static(1)), 'type is "BinaryStatement", which is no type of condition; '),
        (Condition(), {**GROUP, "operator": "xor"}, 'operator is "xor"; it takes one of "and", "or"'),
        (Condition(), {**GROUP, "statements": []}, "statements is []; it takes a list of one statement or more"),
        (
            Condition(),
            {"type": "StatementGroup"},
            "statements is missing; StatementGroup needs a list of one statement",
        ),
        (
            Condition(),
            {**GROUP, "statements": [unary(static(1), "is")]},
            'statements[0].operator.type is "is", which is no type of operator; there are Exists, ',
        ),
        (
            Condition(),
            {**GROUP, "statements": [{**unary(static(1), "Exists"), "operator": "Exists"}]},
            'statements[0].operator.type is "Exists", which is no type of operator; there are Exists, ',
        ),
        (
            Condition(),
            {**GROUP, "statements": [unary(static(1), "Exists", negate=1)]},
            "statements[0].negate is 1; it takes true or false",
        ),
        (
            Condition(),
            {**GROUP, "statements": [unary({"type": "Operand"}, "Exists")]},
            'statements[0].operand.type is "Operand", which is no type of operand; there are DynamicOperand, Stat',
        ),
        (OperationsByName(), [], ""),
        (OperationsByName(), {"a": [COUNT], "b": COUNT}, "b is {"),
        (OperationsByName(), {"a": [{"type": "x"}]}, 'a[0].type is "x", which is no type of operation'),
        (Switch(), {"type": "CasesDefinition", "cases": []}, "default is missing; CasesDefinition needs an object, "),
        (
            Switch(),
            {"type": "CasesDefinition", "cases": [CASE, {**CASE, "condition": {}}], "default": CASE["result"]},
            "cases[1].condition.type is missing; the types of condition are StatementGroup",
        ),
        (
            Switch(),
            {"type": "CasesDefinition", "cases": 5, "default": CASE["result"]},
            "cases is 5; it takes a list of cases",
        ),
        (
            Switch(),
            {"type": "CasesDefinition", "cases": [], "default": {"type": "StaticCaseResult"}},
            "default.value is missing; StaticCaseResult needs any value",
        ),
    ],
    ids=lambda value: str(value)[:50],
)
def test_what_is_wrong_and_where(takes: Takes, document: object, message: str) -> None:
    with pytest.raises(ValueError) as wrong:
        takes.convert(document)
    assert str(wrong.value).startswith(message)
    assert bool(message) == bool(str(wrong.value))
    assert "\n" not in str(wrong.value)


def test_an_unknown_operation_is_told_which_there_are() -> None:
    with pytest.raises(ValueError) as wrong:
        Operations().convert([{"type": "Sum"}])
    assert all(name in str(wrong.value) for name in operations)


def test_members_that_no_operation_has_are_ignored() -> None:
    assert after([1], {**COUNT, "note": "how many"}) == 1


def test_queries_that_are_nested_too_deeply_are_refused() -> None:
    document: Any = [COUNT]
    for _ in range(29):
        document = [{"type": "SequenceApply", "operations": document}]
    assert Operations().convert(document)
    document = [{"type": "SequenceApply", "operations": document}]
    with pytest.raises(ValueError, match="more than 60 levels of lists and objects in each other"):
        Operations().convert(document)
    for _ in range(10_000):
        document = [document]
    with pytest.raises(ValueError, match="more than 60 levels"):
        Condition().convert(document)


@pytest.mark.parametrize(("operation", "most"), [(COUNT, 1000), ({"type": "StringMatches", "regex": "a"}, 10)])
def test_large_queries_are_refused(operation: dict[str, Any], most: int) -> None:
    assert len(Operations().convert([operation] * most).operations) == most
    with pytest.raises(ValueError, match=f"more than {most:,} "):
        Operations().convert([operation] * (most + 1))


def test_a_query_changes_nothing_that_it_is_made_of() -> None:
    document = [keep(binary(of("size"), "(Number) >", static(1)))]
    text = json.dumps(document)
    Operations().convert(document).run(FOUND, Scope(lambda: None))
    assert json.dumps(document) == text


@pytest.mark.parametrize("takes", [Operations(), OperationsByName(), Condition(), Switch()])
def test_what_is_taken_is_told(takes: Takes) -> None:
    assert takes.words
    assert takes.schema["type"] in ("array", "object")
    json.dumps(takes.schema)


def test_everything_there_is_is_described() -> None:
    told = description()
    assert [one["operation_type"] for one in told["operations_description"]] == [*operations]
    assert [one["operator_type"] for one in told["operators_descriptions"]] == [*COMPARATORS, *OPERATORS]
    for one in told["operations_description"]:
        assert one["compound"] == (one["nested_operation_input_kind"] is not None)
        assert {*one["input_kind"], *one["output_kind"]} <= {*kinds.WORDS}
    for one in told["operators_descriptions"]:
        assert len(one["operands_kinds"]) == one["operands_number"]
    json.dumps(told)


# Values such as a specification or a step may give, and queries that are nearly right.
SCALARS = st.sampled_from([None, True, 0, -1.5, 2**70, float("nan"), float("inf"), "", "a", "_", "5", "person"])
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "type"]), inner, max_size=2),
    max_leaves=4,
)
MEMBERS = {
    "property_name": ["size", "center", "class_name", "area_px", "width", "top_class", "frame_timestamp"],
    "mode": ["first", "least_common", "size", "left_most", "center_x"],
    "function": ["min", "sum"],
    "cast_to": ["int", "float"],
    "lookup_table": [{"a": [1], "person": None}],
    "class_map": [{"person": "a", "horse": "b"}, "names"],
    "strict": [True, False, "names"],
    "regex": ["a", "^.{2}"],
    "parent_class": ["horse"],
    "decimal_digits": [-30, 30],
    "other": [0, 1e15, -2],
    **dict.fromkeys(("offset_x", "offset_y", "shift_x", "shift_y"), [-9, 9]),
    "start": [-2, 2],
}
VALUES = JSON | st.sampled_from([FOUND, FOUND[[0]], FOUND[[]], PICTURE, b"file", [FOUND], [PICTURE, None]])


def chains(level: int) -> st.SearchStrategy[Any]:
    """Lists of operations, some of which are not right."""

    def one(name: str) -> st.SearchStrategy[Any]:
        declared = {member.name for member in fields(operations[name])}
        members = {each: st.sampled_from(values) for each, values in MEMBERS.items() if each in declared}
        if "operations" in declared:
            members["operations"] = chains(level - 1) if level else st.just([])
        if "filter_operation" in declared:
            members["filter_operation"] = groups(level)
        return st.fixed_dictionaries({"type": st.just(name), **members})

    return st.lists(st.sampled_from(sorted(operations)).flatmap(one), max_size=3)


def groups(level: int) -> st.SearchStrategy[Any]:
    """Groups of one statement or two."""
    inner = chains(level - 1) if level else st.just([])
    named = st.builds(dynamic, st.sampled_from(["_", "names", "found", "nothing"]))
    operand = st.builds(lambda one, chain: {**one, "operations": chain}, st.builds(static, JSON) | named, inner)
    pairs = st.builds(binary, operand, st.sampled_from(sorted(COMPARATORS)), operand)
    statements = st.lists(pairs | st.builds(unary, operand, st.sampled_from(sorted(OPERATORS))), min_size=1, max_size=2)
    return st.builds(lambda listed: {"type": "StatementGroup", "statements": listed}, statements)


def runs(takes: Any, document: Any, run: Callable[[Any, Scope], Any]) -> None:
    """Reads and runs a query; anything but what the language raises gets out."""
    try:
        query = takes.convert(document)
    except ValueError as error:
        assert type(error) is ValueError
        return
    try:
        run(query, Scope(lambda: None, {"_": 5, "names": ["person", 5], "found": FOUND}))
    except StepFailed as error:
        assert "\n" not in error.message


@settings(max_examples=100, deadline=None)
@given(JSON)
def test_any_json_is_a_query_or_a_value_error(document: Any) -> None:
    for takes in (Operations(), OperationsByName(), Condition(), Switch()):
        runs(takes, document, lambda query, scope: None)


@settings(max_examples=200, deadline=None)
@given(chains(1), VALUES)
def test_any_chain_gives_a_value_or_a_failed_step(document: Any, value: Any) -> None:
    runs(Operations(), document, lambda chain, scope: chain.run(value, scope))


@settings(max_examples=100, deadline=None)
@given(groups(1))
def test_any_condition_holds_or_not_or_the_step_fails(document: Any) -> None:
    runs(Condition(), document, lambda condition, scope: condition.holds(scope))
    runs(
        Operations(),
        [{"type": "DetectionsFilter", "filter_operation": document}],
        lambda one, scope: one.run(FOUND, scope),
    )
