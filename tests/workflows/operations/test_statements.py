"""Statements: comparators and operators by hand, operands, groups, and detections that are filtered by them."""

from typing import Any

import numpy as np
import pytest

from container.workflows.errors import StepFailed
from container.workflows.operations.comparators import COMPARATORS, OPERATORS
from tests.workflows.operations.samples import (
    FOUND,
    NONE,
    PICTURE,
    after,
    binary,
    dynamic,
    holds,
    keep,
    of,
    static,
    unary,
)

SQUARE = [[0, 0], [10, 0], [10, 10], [0, 10]]
EIGHT = [[0, 0], [10, 10], [10, 0], [0, 10]]  # crosses itself at (5, 5)
COMPARED = [
    (1, "==", 1.0, True),
    ("a", "==", "A", False),
    ([1, 2], "(Number) ==", [1, 2], True),
    (1, "!=", 2, True),
    (2, "(Number) !=", 2, False),
    (2, "(Number) >", 1, True),
    (2, "(Number) >", 2, False),
    (2, "(Number) >=", 2, True),
    (1, "(Number) >=", 2, False),
    (1, "(Number) <", 2, True),
    (2, "(Number) <", 2, False),
    (2, "(Number) <=", 2, True),
    (3, "(Number) <=", 2, False),
    (1, "(Number) in range", [1, 2], True),
    (2, "(Number) in range", [1, 2], True),
    (2.1, "(Number) in range", [1, 2], False),
    ("abc", "(String) startsWith", "ab", True),
    ("abc", "(String) startsWith", "b", False),
    ("abc", "(String) endsWith", "bc", True),
    ("abc", "(String) endsWith", "b", False),
    ("abc", "(String) contains", "b", True),
    ("abc", "(String) contains", "d", False),
    ("a", "in (Sequence)", ["b", "a"], True),
    ("a", "in (Sequence)", [], False),
    ("a", "in (Sequence)", {"a": 1}, True),
    (["a"], "in (Sequence)", {"a": 1}, False),
    ("a", "in (Sequence)", "cat", True),
    (["a", "c"], "any in (Sequence)", ["b", "a"], True),
    (["c"], "any in (Sequence)", ["b", "a"], False),
    ([], "any in (Sequence)", ["a"], False),
    (["a", "b"], "all in (Sequence)", ["b", "a"], True),
    (["a", "c"], "all in (Sequence)", ["b", "a"], False),
    ([], "all in (Sequence)", [], True),
    ([5, 5], "(Detection) in zone", SQUARE, True),
    ([9.5, 0.5], "(Detection) in zone", SQUARE, True),
    ([11, 5], "(Detection) in zone", SQUARE, False),
    ([5, -1], "(Detection) in zone", SQUARE, False),
    ([0, 5], "(Detection) in zone", SQUARE, False),  # on the line
    ([10, 10], "(Detection) in zone", SQUARE, False),
    ([1, 5], "(Detection) in zone", EIGHT, True),
    ([5, 1], "(Detection) in zone", EIGHT, False),
    ([9, 5], "(Detection) in zone", EIGHT, True),
]
TESTED = [
    (0, "Exists", True),
    (None, "Exists", False),
    (None, "DoesNotExist", True),
    ("", "DoesNotExist", False),
    (True, "(Boolean) is True", True),
    (1, "(Boolean) is True", False),
    (False, "(Boolean) is False", True),
    (None, "(Boolean) is False", False),
    ([], "(Sequence) is empty", True),
    ({"a": 1}, "(Sequence) is empty", False),
    ([0], "(Sequence) is not empty", True),
    ("", "(Sequence) is not empty", False),
]


@pytest.mark.parametrize(("left", "comparator", "right", "result"), COMPARED)
def test_two_values_compared(left: Any, comparator: str, right: Any, result: bool) -> None:
    assert holds(binary(static(left), comparator, static(right))) is result
    assert holds(binary(dynamic("left"), comparator, dynamic("right")), left=left, right=right) is result
    assert holds(binary(static(left), comparator, static(right), negate=True)) is not result


@pytest.mark.parametrize(("value", "operator", "result"), TESTED)
def test_one_value_tested(value: Any, operator: str, result: bool) -> None:
    assert holds(unary(static(value), operator)) is result
    assert holds(unary(dynamic("value"), operator, negate=True), value=value) is not result


def test_every_comparator_and_operator_is_in_the_tables() -> None:
    assert {name for _, name, _, _ in COMPARED} == set(COMPARATORS)
    assert {name for _, name, _ in TESTED} == set(OPERATORS)


def test_detections_are_counted() -> None:
    assert holds(unary(dynamic(), "(Sequence) is not empty"), _=FOUND)
    assert holds(unary(dynamic(), "(Sequence) is empty"), _=NONE)
    assert not holds(binary(dynamic("a"), "==", dynamic("b")), a=FOUND, b=NONE)


NUMBERS = [name for name in COMPARATORS if name.startswith("(Number) ") and name[9:] not in ("==", "!=", "in range")]
TEXTS = [name for name in COMPARATORS if name.startswith("(String)")]


@pytest.mark.parametrize(
    ("left", "comparator", "right", "message"),
    [
        *((1, name, "2", 'compares numbers, and got "2"') for name in NUMBERS),
        *((None, name, 2, "compares numbers, and got null") for name in NUMBERS),
        *(("a", name, 5, "compares texts, and got 5") for name in TEXTS),
        (1, "(Number) in range", [1], "takes a list of two numbers, [least, greatest], and got a list of 1"),
        (1, "(Number) in range", [1, None], "compares numbers, and got null"),
        ("a", "in (Sequence)", 5, "takes a list, and got 5"),
        (5, "in (Sequence)", "a", 'takes a list, and got "a"'),
        ("ab", "any in (Sequence)", ["a"], 'takes a list, and got "ab"'),
        (["a"], "all in (Sequence)", None, "takes a list, and got null"),
        (
            [1, 1],
            "(Detection) in zone",
            SQUARE[:2],
            "takes a zone, [[x, y], …] of three points or more, and got a list of 2",
        ),
        ([1, 1], "(Detection) in zone", {}, "takes a zone, [[x, y], …] of three points or more, and got an object"),
        ([1], "(Detection) in zone", SQUARE, "takes points, [x, y], and got a list of 1"),
        ([1, 1], "(Detection) in zone", [1, 2, 3], "takes points, [x, y], and got 1"),
        (["a", 1], "(Detection) in zone", SQUARE, 'compares numbers, and got "a"'),
    ],
)
def test_values_that_a_comparator_does_not_take(left: Any, comparator: str, right: Any, message: str) -> None:
    with pytest.raises(StepFailed) as failed:
        holds(binary(dynamic("left"), comparator, dynamic("right")), left=left, right=right)
    assert failed.value.message == f'comparator "{comparator}": {message}'


@pytest.mark.parametrize("operator", ["(Sequence) is empty", "(Sequence) is not empty"])
def test_a_value_that_an_operator_does_not_take(operator: str) -> None:
    with pytest.raises(StepFailed) as failed:
        holds(unary(dynamic("value"), operator), value=PICTURE)
    assert failed.value.message == (
        f'operator "{operator}": takes a list, an object, a text or detections, and got a picture'
    )


@pytest.mark.parametrize(
    ("operator", "values", "result"),
    [
        ("and", [True, True], True),
        ("and", [True, False], False),
        ("or", [False, True], True),
        ("or", [False, False], False),
        ("and", [True], True),
        ("or", [False], False),
    ],
)
def test_statements_in_a_group(operator: str, values: list[bool], result: bool) -> None:
    statements = [unary(static(value), "(Boolean) is True") for value in values]
    assert holds(*statements, operator=operator) is result
    inner = {"type": "StatementGroup", "statements": statements, "operator": operator}
    assert holds(inner) is result


def test_one_statement_is_enough_by_default() -> None:
    group = {"type": "StatementGroup", "statements": [unary(static(v), "(Boolean) is True") for v in (True, False)]}
    assert holds(group)


def test_operands_are_changed_before_they_are_compared() -> None:
    lower = {"type": "StringToLowerCase"}
    assert holds(binary(static("AB", lower), "==", dynamic("text", lower)), text="aB")


def test_an_operand_that_nothing_is_named_as() -> None:
    with pytest.raises(StepFailed) as failed:
        holds(binary(dynamic("left"), "==", dynamic("right")), left=1, other=2)
    assert failed.value.message == "no value is named 'right'; named are 'left', 'other'"


@pytest.mark.parametrize(
    ("statements", "operator", "ids"),
    [
        ([binary(of("class_name"), "in (Sequence)", dynamic("classes"))], "and", "ac"),
        ([binary(of("class_name"), "in (Sequence)", dynamic("classes"), negate=True)], "and", "b"),
        ([binary(of("confidence"), "(Number) >=", static(0.5))], "and", "ab"),
        ([binary(static(0.5), "(Number) >", of("confidence"))], "and", "c"),
        (
            [binary(of("class_name"), "==", static("person")), binary(of("size"), "(Number) >", static(100))],
            "and",
            "a",
        ),
        ([binary(of("class_id"), "==", static(1)), binary(of("size"), "(Number) <", static(100))], "or", "bc"),
        ([binary(of("center"), "(Detection) in zone", static([[0, 0], [50, 0], [50, 39], [0, 39]]))], "and", "a"),
        ([binary(dynamic(), "(Detection) in zone", static([[0, 0], [50, 0], [50, 41], [0, 41]]))], "and", "ab"),
        ([binary(of("x_min"), "(Number) >=", of("y_min"))], "and", "ac"),
        ([unary(of("area_px"), "Exists")], "and", ""),
        ([binary(static(1), "==", static(1))], "and", "abc"),
    ],
)
def test_detections_of_which_it_is_true_stay(statements: list[Any], operator: str, ids: str) -> None:
    kept = after(FOUND, keep(*statements, operator=operator), classes=["person", "dog"])
    assert kept.ids == tuple(ids)
    assert kept.frame == FOUND.frame


def test_where_nothing_is_found_nothing_is_compared() -> None:
    assert after(NONE, keep(binary(of("size"), "(Number) >", dynamic("nothing")))) is NONE


def test_a_filter_in_a_filter() -> None:
    """Detections of a class that is there more than once."""
    persons = keep(binary(of("class_name"), "==", static("person")))
    count = dynamic("all", persons, {"type": "SequenceLength"})
    assert after(FOUND, keep(binary(count, "(Number) >", static(1))), all=FOUND).ids == ("a", "b", "c")


def test_detections_are_all_that_is_filtered() -> None:
    with pytest.raises(StepFailed, match="DetectionsFilter takes detections, and got a picture"):
        after(PICTURE, keep(unary(dynamic(), "Exists")))


def test_a_point_lies_in_a_polygon_as_another_implementation_says() -> None:
    shapely = pytest.importorskip("shapely")
    random = np.random.default_rng(3)
    for _ in range(50):
        zone = random.integers(0, 8, (int(random.integers(3, 7)), 2)).tolist()
        polygon = shapely.Polygon(zone)
        if not polygon.is_valid:
            continue
        for point in random.integers(0, 8, (20, 2)).tolist():
            inside = holds(binary(static(point), "(Detection) in zone", static(zone)))
            assert inside == shapely.Point(point).within(polygon), (point, zone)


def test_lists_that_are_compared_with_lists_are_bounded() -> None:
    with pytest.raises(StepFailed, match="more than 5,000,000 items"):
        holds(binary(dynamic("a"), "all in (Sequence)", dynamic("b")), a=[0] * 20_000, b=[1] * 1_000 + [0])
