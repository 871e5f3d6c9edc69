"""Operations on numbers, texts and lists: each on a value by hand, and on one that it does not take."""

from datetime import UTC, datetime
from typing import Any

import pytest

from container.errors import DeadlineExceeded
from container.workflows.errors import StepFailed
from container.workflows.operations import Operations, Scope
from container.workflows.operations.base import operations
from tests.workflows.operations.samples import FOUND, NONE, PICTURE, after

LOWER, LENGTH = {"type": "StringToLowerCase"}, {"type": "SequenceLength"}


@pytest.mark.parametrize(
    ("operation", "value", "result"),
    [
        ({"type": "StringToLowerCase"}, "Dog 7", "dog 7"),
        ({"type": "StringToUpperCase"}, "Dog 7", "DOG 7"),
        ({"type": "StringSubSequence"}, "abcde", "abcd"),
        ({"type": "StringSubSequence", "start": 1, "end": 3}, "abcde", "bc"),
        ({"type": "StringSubSequence", "start": -2, "end": 10}, "abcde", "de"),
        ({"type": "StringMatches", "regex": r"^\d{2}-[a-z]+$"}, "12-ab", True),
        ({"type": "StringMatches", "regex": r"^\d{2}-[a-z]+$"}, "12-", False),
        ({"type": "StringMatches", "regex": "b"}, "abc", True),
        ({"type": "ToString"}, "as it is", "as it is"),
        ({"type": "ToString"}, 5, "5"),
        ({"type": "ToString"}, 0.5, "0.5"),
        ({"type": "ToString"}, True, "True"),
        ({"type": "ToString"}, None, "None"),
        ({"type": "ToString"}, [1, "a"], "[1, 'a']"),
        ({"type": "ConvertDictionaryToJSON"}, {"a": [1, None]}, '{"a": [1, null]}'),
        ({"type": "TimestampToISOFormat"}, datetime(2026, 12, 1, 9, 30, tzinfo=UTC), "2026-12-01T09:30:00+00:00"),
        ({"type": "ConvertDictionaryToJSON"}, {"a": datetime(2026, 12, 1)}, '{"a": "2026-12-01T00:00:00"}'),
        ({"type": "ToNumber", "cast_to": "int"}, "2.9", 2),
        ({"type": "ToNumber", "cast_to": "int"}, -2.9, -2),
        ({"type": "ToNumber", "cast_to": "float"}, " 2.5 ", 2.5),
        ({"type": "ToNumber", "cast_to": "float"}, True, 1.0),
        ({"type": "NumberRound", "decimal_digits": 2}, 1.2345, 1.23),
        ({"type": "NumberRound", "decimal_digits": 0}, 1.5, 2.0),
        ({"type": "NumberRound", "decimal_digits": -2}, 1250, 1200),
        ({"type": "Multiply", "other": 3}, 4, 12),
        ({"type": "Multiply", "other": 0.5}, 4, 2.0),
        ({"type": "Divide", "other": 4}, 2, 0.5),
        ({"type": "RandomNumber", "min_value": 7, "max_value": 7}, None, 7.0),
        ({"type": "ToBoolean"}, 0, False),
        ({"type": "ToBoolean"}, 0.1, True),
        ({"type": "ToBoolean"}, "", False),
        ({"type": "ToBoolean"}, [0], True),
        ({"type": "ToBoolean"}, None, False),
        ({"type": "ToBoolean"}, FOUND, True),
        ({"type": "ToBoolean"}, NONE, False),
        ({"type": "LookupTable", "lookup_table": {"cat": 1}}, "cat", 1),
        ({"type": "SequenceMap", "lookup_table": {"cat": 1, "dog": None}}, ["dog", "cat", "cat"], [None, 1, 1]),
        ({"type": "SequenceApply", "operations": [LOWER, LENGTH]}, ["AB", "", "ABC"], [2, 0, 3]),
        ({"type": "SequenceApply", "operations": []}, (1, 2), [1, 2]),
        ({"type": "SequenceLength"}, [1, 2], 2),
        ({"type": "SequenceLength"}, {"a": 1}, 1),
        ({"type": "SequenceLength"}, "abc", 3),
        ({"type": "SequenceLength"}, FOUND, 3),
        ({"type": "SequenceLength"}, NONE, 0),
        ({"type": "NumericSequenceAggregate", "function": "min"}, [2, 1.5, 3], 1.5),
        ({"type": "NumericSequenceAggregate", "function": "max"}, [2, 1.5, 3], 3),
        ({"type": "NumericSequenceAggregate", "function": "sum"}, [2, 1.5, 3], 6.5),
        ({"type": "NumericSequenceAggregate", "function": "sum"}, [], None),
        ({"type": "NumericSequenceAggregate", "function": "max", "neutral_value": 0}, [], 0),
        ({"type": "SequenceAggregate", "mode": "first"}, ["a", "b", "b"], "a"),
        ({"type": "SequenceAggregate", "mode": "last"}, ["a", "b", "c"], "c"),
        ({"type": "SequenceAggregate", "mode": "most_common"}, ["a", "b", "b"], "b"),
        ({"type": "SequenceAggregate", "mode": "least_common"}, ["a", "b", "b"], "a"),
        ({"type": "SequenceElementsCount"}, ["a", "b", "a", 1], {"a": 2, "b": 1, "1": 1}),
        ({"type": "SequenceElementsCount"}, ["x" * 130], {"x" * 128 + " [...]": 1}),
        ({"type": "SequenceJoin"}, ["a", 1, None], "a, 1, None"),
        ({"type": "SequenceJoin", "separator": ""}, ["a", "b"], "ab"),
        ({"type": "SequenceJoin"}, [], ""),
    ],
    ids=str,
)
def test_a_value_after_an_operation(operation: dict[str, Any], value: Any, result: Any) -> None:
    given = after(value, operation)
    assert (type(given), given) == (type(result), result)


@pytest.mark.parametrize(
    ("operation", "value", "message"),
    [
        ({"type": "StringToLowerCase"}, 5, "StringToLowerCase takes a text, and got 5"),
        ({"type": "StringToUpperCase"}, None, "StringToUpperCase takes a text, and got null"),
        ({"type": "StringSubSequence"}, ["a"], "StringSubSequence takes a text, and got a list of 1"),
        ({"type": "StringMatches", "regex": "a"}, PICTURE, "StringMatches takes a text, and got a picture"),
        (
            {"type": "StringMatches", "regex": "(a|aa)+$"},
            "a" * 50_000 + "b",
            "StringMatches found no end within 0.1 s; take a simpler expression",
        ),
        (
            {"type": "StringMatches", "regex": "a"},
            "a" * 100_001,
            "StringMatches takes texts of up to 100,000 characters, and got 100,001",
        ),
        ({"type": "ToString"}, PICTURE, "ToString takes texts, numbers, lists and objects, and got a picture"),
        ({"type": "ConvertDictionaryToJSON"}, [], "ConvertDictionaryToJSON takes an object, and got a list of 0"),
        (
            {"type": "ConvertDictionaryToJSON"},
            {"a": PICTURE},
            "ConvertDictionaryToJSON cannot write the object: it holds what is no JSON, or is nested too deeply",
        ),
        (
            {"type": "TimestampToISOFormat"},
            "now",
            'TimestampToISOFormat takes a time, such as a picture\'s frame_timestamp, and got "now"',
        ),
        ({"type": "ToNumber", "cast_to": "int"}, "five", 'ToNumber got "five", which is no number'),
        (
            {"type": "ToNumber", "cast_to": "int"},
            "1" * 401,
            "ToNumber takes texts of up to 400 characters, and got 401",
        ),
        (
            {"type": "ToNumber", "cast_to": "float"},
            "inf",
            "ToNumber would give a number that is too large, or none at all",
        ),
        (
            {"type": "ToNumber", "cast_to": "int"},
            "1e300",
            "ToNumber would give a number that is too large, or none at all",
        ),
        (
            {"type": "ToNumber", "cast_to": "int"},
            [1],
            "ToNumber takes a text, a number, true or false, and got a list of 1",
        ),
        ({"type": "NumberRound", "decimal_digits": 1}, "1.25", 'NumberRound takes a number, and got "1.25"'),
        ({"type": "Multiply", "other": 2}, "ab", 'Multiply takes a number, and got "ab"'),
        ({"type": "Multiply", "other": 2}, True, "Multiply takes a number, and got true"),
        (
            {"type": "Multiply", "other": 1e15},
            1e300,
            "Multiply would give a number that is too large, or none at all",
        ),
        ({"type": "Divide", "other": 0}, 1, "Divide cannot divide 1 by 0"),
        ({"type": "Divide", "other": 2}, {}, "Divide takes a number, and got an object"),
        (
            {"type": "ToBoolean"},
            PICTURE,
            "ToBoolean takes a number, a text, a list, an object or detections, and got a picture",
        ),
        (
            {"type": "LookupTable", "lookup_table": {"cat": 1}},
            "dog",
            'LookupTable got "dog", which is no key of the table; it has "cat"',
        ),
        (
            {"type": "LookupTable", "lookup_table": {"1": 1}},
            1,
            'LookupTable got 1, which is no key of the table; it has "1"',
        ),
        ({"type": "SequenceMap", "lookup_table": {}}, 5, "SequenceMap takes a list, and got 5"),
        (
            {"type": "SequenceMap", "lookup_table": {"cat": 1}},
            ["dog"],
            'SequenceMap got "dog", which is no key of the table; it has "cat"',
        ),
        ({"type": "SequenceApply", "operations": []}, "ab", 'SequenceApply takes a list, and got "ab"'),
        (
            {"type": "SequenceApply", "operations": [LOWER]},
            ["A", 1],
            "StringToLowerCase takes a text, and got 1",
        ),
        (
            {"type": "SequenceLength"},
            5,
            "SequenceLength takes a list, an object, a text or detections, and got 5",
        ),
        (
            {"type": "NumericSequenceAggregate", "function": "max"},
            [1, "2"],
            'NumericSequenceAggregate takes a number, and got "2"',
        ),
        (
            {"type": "SequenceAggregate", "mode": "first"},
            [],
            "SequenceAggregate takes a list that is not empty",
        ),
        (
            {"type": "SequenceAggregate", "mode": "most_common"},
            [[1], [1]],
            "SequenceAggregate counts texts, numbers, true, false and null only",
        ),
        (
            {"type": "SequenceElementsCount"},
            [PICTURE],
            "SequenceElementsCount takes texts, numbers, lists and objects, and got a picture",
        ),
        ({"type": "SequenceJoin"}, None, "SequenceJoin takes a list, and got null"),
        (
            {"type": "SequenceJoin", "separator": "x" * 1000},
            [1] * 1001,
            "SequenceJoin would give 1,001,001 characters, and gives up to 1,000,000",
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_value_that_an_operation_does_not_take(operation: dict[str, Any], value: Any, message: str) -> None:
    with pytest.raises(StepFailed) as failed:
        after(value, operation)
    assert failed.value.message == message


def test_random_numbers_lie_between_their_bounds() -> None:
    operation = {"type": "RandomNumber", "min_value": 2, "max_value": 3}
    numbers = [after(None, operation) for _ in range(50)]
    assert all(2 <= number < 3 for number in numbers)
    assert len(set(numbers)) > 1


def test_values_that_are_nested_too_deeply_are_refused() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for operation in ({"type": "ToString"}, {"type": "SequenceElementsCount"}):
        with pytest.raises(StepFailed, match="nested too deeply"):
            after(deep, operation)
    with pytest.raises(StepFailed, match="nested too deeply"):
        after({"a": deep}, {"type": "ConvertDictionaryToJSON"})
    while deep:  # piece by piece, as freeing it at once goes as deep
        deep = deep.pop()


def test_the_work_of_a_step_is_bounded() -> None:
    """A table that is looked up in a list of its keys, in each of these lists and so on grows without end."""
    table = {"type": "LookupTable", "lookup_table": {"a": ["a"] * 500}}
    again: dict[str, Any] = {"type": "SequenceApply", "operations": [table]}
    assert len(after("a", table, again)) == 500
    with pytest.raises(StepFailed, match="more than 5,000,000 items and characters"):
        after([["a"] * 1000_000] * 1000_000, {"type": "ToString"})
    with pytest.raises(StepFailed, match="more than 5,000,000 items and characters"):
        after("a", table, again, {"type": "SequenceApply", "operations": [again]})


def test_the_deadline_is_looked_at_meanwhile() -> None:
    def check() -> None:
        raise DeadlineExceeded("late")

    chain = Operations().convert([{"type": "SequenceApply", "operations": [LOWER]}])
    assert chain.run(["A"] * 100, Scope(check)) == ["a"] * 100
    with pytest.raises(DeadlineExceeded):
        chain.run(["A"] * 30_000, Scope(check))


def test_every_operation_says_what_it_does() -> None:
    assert len(operations) == 36
    for operation in operations.values():
        assert (operation.__doc__ or "").rstrip().endswith(".")
