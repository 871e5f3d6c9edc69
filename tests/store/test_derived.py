"""Ids of objects that came without one: the same for the same object, and nothing else in its text changes."""

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from container.store.derived import Derived, with_id
from container.store.objects import Row, read_object
from tests.store.test_objects import GEOMETRY, shape


def key(value: dict[str, Any], derived: Derived | None = None) -> str:
    row = read_object(value, json.dumps(value), truth=True, derived=derived or Derived())
    assert isinstance(row, Row)
    assert json.loads(row.payload) == {**value, "annotation_id": row.key.removeprefix("a:")}
    return row.key


@pytest.mark.parametrize("kind", GEOMETRY)
def test_the_same_object_has_the_same_id_in_every_request(kind: str) -> None:
    value = shape(kind, annotation_id=None)
    first = key(value)
    assert first.startswith(f"a:{kind}-") and len(first) == len(f"a:{kind}-") + 24
    without = {field: value[field] for field in value if field != "annotation_id"}
    for same in (without, {**value, "annotation_id": ""}, {**value, "metadata": {"a": 1}, "confidence": 1}):
        assert key(same) == first


def test_ids_do_not_change_from_one_version_to_the_next() -> None:
    assert key(shape("line", annotation_id=None)) == "a:line-f0b150bebfd6de9f1590d743"
    assert key(shape("cuboid", annotation_id=None)) == "a:cuboid-72d383a614f300f9d6553d2a"


def test_repeats_within_a_request_are_counted() -> None:
    derived = Derived()
    value = shape("line", annotation_id=None)
    first = key(value)
    assert [key(value, derived) for _ in range(3)] == [first, f"{first}-2", f"{first}-3"]
    others = [{"label": "bus"}, {"reference_id": "j"}, {"dataset_id": "ds_1"}, {"item_id": "di_1"}]
    assert len({key({**value, **other}, derived) for other in others} | {first}) == 5


@pytest.mark.parametrize("kind", GEOMETRY)
def test_another_place_is_another_object(kind: str) -> None:
    moved = json.loads(json.dumps(GEOMETRY[kind]).replace("2.5", "2.25", 1))
    assert key(shape(kind, annotation_id=None, geometry=moved)) != key(shape(kind, annotation_id=None))


def test_memory_is_bounded_and_repeats_are_seen_far_apart() -> None:
    derived = Derived()
    tracemalloc.start()
    names = [derived.name("box", "", {"x": i % 49_999}, ("i",)) for i in range(60_000)]
    assert [name.count("-") for name in names] == [1] * 49_999 + [2] * 10_001
    del names
    for i in range(110_000):
        derived.name("box", "", {"y": i}, ("i",))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 20e6


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"type":"box", "x":1e2}', '{"annotation_id":"N","type":"box", "x":1e2}'),
        ('{ "annotation_id" : null , "x":1.50}', '{ "annotation_id" : "N" , "x":1.50}'),
        ('{"x":1.0,"annotation_id":""}', '{"x":1.0,"annotation_id":"N"}'),
        ('{"m":{"annotation_id":null},"annotation_id":null}', '{"m":{"annotation_id":null},"annotation_id":"N"}'),
        ('{"annotation_id":null,"m":{"annotation_id":null}}', '{"annotation_id":"N","m":{"annotation_id":null}}'),
        ('{"m":{"annotation_id":null},"x":1}', '{"annotation_id":"N","m":{"annotation_id":null},"x":1}'),
        ('{"annotation\\u005fid":null,"m":{"annotation_id":3}}', '{"annotation\\u005fid":"N","m":{"annotation_id":3}}'),
        ('{"m":"\\"annotation_id\\":null","annotation_id":""}', '{"m":"\\"annotation_id\\":null","annotation_id":"N"}'),
        ('{"m":["annotation_id"],"annotation_id":null}', '{"m":["annotation_id"],"annotation_id":"N"}'),
        ('{"annotation_id":"a","annotation_id":null}', '{"annotation_id":"a","annotation_id":"N"}'),
    ],
)  # fmt: skip
def test_only_the_id_is_written(text: str, expected: str) -> None:
    assert with_id(text, json.loads(text), "N") == expected


WORDS = st.sampled_from(["annotation_id", '"annotation_id":null', "m", "é", "\\"])
VALUES = st.recursive(
    st.none() | WORDS | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(WORDS, VALUES, min_size=1, max_size=4),
    st.sampled_from([None, (",", ":"), (" ,\n", "\t: ")]),
    st.booleans(),
    st.sampled_from([None, ""]),
    st.integers(0, 4),
)
def test_every_other_value_stays(
    value: dict[str, Any], separators: tuple[str, str] | None, escaped: bool, empty: str | None, place: int
) -> None:
    members = [*value.items()]
    if "annotation_id" in value:
        members = [member for member in members if member[0] != "annotation_id"]
        members.insert(place, ("annotation_id", empty))
    text = json.dumps(dict(members), separators=separators, ensure_ascii=escaped)
    written = with_id(text, dict(members), "N-é")
    assert json.loads(written) == {**value, "annotation_id": "N-é"}
    assert written.count("N-") == 1
