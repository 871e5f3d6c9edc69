"""What is declared on a field: the check, the text, the words, the JSON schema and the table's row follow."""

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from container.fields import Declared, Flag, Names, Number, Text, Word
from container.structures import Appearance, Options
from container.structures.options import checked, declared

FRACTION, COUNT = Number(0, 1), Number(1, 100, whole=True)
WORDS = Word(("none", "rle", ""))
NUMBER = {"type": "number"}


@pytest.mark.parametrize(
    ("takes", "words", "cell", "schema"),
    [
        (FRACTION, "a number from 0 to 1", "0 to 1", {"type": "number", "minimum": 0, "maximum": 1}),
        (COUNT, "a whole number from 1 to 100", "1 to 100", {"type": "integer", "minimum": 1, "maximum": 100}),
        (Number(1), "a number of 1 or more", "1 or more", {**NUMBER, "minimum": 1}),
        (Number(0, above=True), "a number of more than 0", "more than 0", {**NUMBER, "minimum": 0}),
        (
            Number(1, 100_000),
            "a number from 1 to 100000",
            "1 to 100,000",
            {"type": "number", "minimum": 1, "maximum": 1e5},
        ),
        (Number(), "a number", "", NUMBER),
        (Flag(), "true or false", "true, false", {"type": "boolean"}),
        (WORDS, 'one of "none", "rle", ""', '`none`, `rle`, `""`', {"type": "string", "enum": ["none", "rle", ""]}),
    ],
)
def test_what_follows(takes: Any, words: str, cell: str, schema: dict[str, Any]) -> None:
    assert (takes.words, takes.cell, takes.schema) == (words, cell, schema)


@pytest.mark.parametrize(
    ("takes", "text", "parsed"),
    [
        (FRACTION, "0.25", 0.25),
        (FRACTION, "x", 'it is "x"; it takes a number from 0 to 1'),
        (FRACTION, "nan", "it is NaN; it takes a number from 0 to 1"),
        (COUNT, "7", 7),
        (COUNT, "7.5", 'it is "7.5"; it takes a whole number from 1 to 100'),
        (Flag(), "True", True),
        (Flag(), "0", False),
        (Flag(), "", 'it is ""; it takes true or false'),
        (WORDS, "rle", "rle"),
        (Names(), "cat, dog", ("cat", "dog")),
    ],
)
def test_options_in_texts(takes: Any, text: str, parsed: object) -> None:
    try:
        assert Declared(takes, "", "").parse("it", text) == parsed
    except ValueError as error:
        assert str(error) == parsed


@pytest.mark.parametrize(
    ("takes", "value", "converted"),
    [
        (FRACTION, 1, 1.0),
        (COUNT, 7.0, 7),
        (Flag(), False, False),
        (WORDS, "", ""),
        (Names(), "cat", ("cat",)),
        (Names(), ["cat", "dog"], ("cat", "dog")),
    ],
)
def test_json_values(takes: Any, value: object, converted: object) -> None:
    found = Declared(takes, "", "").check("it", value)
    assert found == converted and type(found) is type(converted)


@pytest.mark.parametrize(
    ("takes", "value"),
    [
        *((FRACTION, value) for value in (-0.1, 1.1, True, "1", None, [], float("nan"), float("inf"))),
        *((COUNT, value) for value in (0, 101, 1.5, True, "7", float("inf"))),
        *((Flag(), value) for value in (0, 1, "true", None)),
        *((WORDS, value) for value in ("polygon", 0, None, [])),
        *((Names(), value) for value in (0, None, [1], {"a": 1}, ["a"] * 1001)),
    ],
)
def test_values_that_are_none(takes: Any, value: object) -> None:
    with pytest.raises(ValueError, match=r"^it is .*; it takes ") as caught:
        Declared(takes, "", "").check("it", value)
    assert len(str(caught.value)) < 250 and takes.words in str(caught.value)


@pytest.mark.parametrize(
    ("takes", "text", "value"),
    [
        (FRACTION, "0.5", 0.5),
        (COUNT, "7", 7),
        (Flag(), "True", True),
        (Flag(), "0", False),
        (Names(), " cat, dog,", ("cat", "dog")),
        (WORDS, "rle", "rle"),
        (Text(), "any", "any"),
    ],
)
def test_texts(takes: Any, text: str, value: object) -> None:
    assert takes.parse(text) == value and takes.fits(takes.parse(text))


def test_null_is_the_models_default_where_there_is_one() -> None:
    assert Declared(FRACTION, "", "", nullable=True).check("it", None) is None
    assert Declared(WORDS, "", "", nullable=True).schema == {
        "type": "string", "enum": ["none", "rle", "", None], "nullable": True,
    }  # fmt: skip


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["rle", "mask"]),
    lambda values: st.lists(values, max_size=3),
    max_leaves=4,
)


@given(st.sampled_from([*declared(Options).values(), *declared(Appearance).values()]), JSON)
def test_the_check_and_the_schema_agree(one: Declared, value: Any) -> None:
    """nullable is OpenAPI's; JSON schema has no NaN, and calls 1.0 an integer as the check does."""
    if value is None or value != value:
        return
    try:
        one.check("it", value)
        passes = True
    except ValueError:
        passes = False
    assert passes == jsonschema.Draft202012Validator(one.schema).is_valid(value)


def test_a_row_of_a_table() -> None:
    assert Declared(FRACTION, "0.5", "How much").row("it") == "| `it` | 0 to 1 | 0.5 | How much |"


def test_values_are_checked_by_name() -> None:
    assert checked(Appearance, {"opacity": 1, "masks": "rle"}) == {"opacity": 1.0, "masks": "rle"}
