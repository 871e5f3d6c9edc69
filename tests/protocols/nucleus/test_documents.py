"""JSON read object by object: the same as if it were read at once, in little memory, whatever it holds."""

import io
import json
import math
from typing import Any, BinaryIO

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from container.errors import BadRequest
from container.protocols.nucleus.documents import (
    MAX_DEPTH,
    MAX_MEMBERS,
    MAX_OBJECT,
    MAX_PARTS,
    Line,
    read_array,
    read_arrays,
    read_lines,
)
from container.store.derived import Derived
from container.store.objects import read_object

NAMES = ("annotations", "segmentations")


class Dripping(io.BytesIO):
    """A file that gives a few bytes at a time, so that every value is cut somewhere."""

    def __init__(self, data: bytes, most: int) -> None:
        super().__init__(data)
        self._most = most

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(self._most)


def everything(file: BinaryIO) -> tuple[list[tuple[str, object, str]], dict[str, object]]:
    arrays = read_arrays(file, NAMES)
    return list(arrays), arrays.rest


def read(body: str | bytes) -> tuple[list[tuple[str, object, str]], dict[str, object]]:
    return everything(io.BytesIO(body if isinstance(body, bytes) else body.encode()))


@pytest.mark.parametrize(
    ("body", "parts", "rest"),
    [
        ("{}", [], {}),
        (' { "annotations" : [ ] } \n', [], {}),
        ('{"update":true,"annotations":[]}', [], {"update": True}),
        ('{"annotations":[{"a":1.50}, {} ],"update":false}', ['{"a":1.50}', "{}"], {"update": False}),
        ('{"annotations":[1,"a",null,[2]]}', ["1", '"a"', "null", "[2]"], {}),
        ('{"annotations":[{"é":"\\u00e9"}],"trained_slice_id":null}', ['{"é":"\\u00e9"}'], {"trained_slice_id": None}),
        ('{"annotations":[1],"a":{"annotations":[3]},"annotations":[2],"a":4}', ["1", "2"], {"a": 4}),
        ('{"a":{"annotations":[3]}}', [], {"a": {"annotations": [3]}}),
        ('{"\\u0061nnotations":[1]}', ["1"], {}),
        ('{"annotations":[{"a":1,"a":2}]}', ['{"a":1,"a":2}'], {}),
    ],
)  # fmt: skip
def test_arrays_and_the_rest(body: str, parts: list[str], rest: dict[str, object]) -> None:
    assert read(body) == ([("annotations", json.loads(part), part) for part in parts], rest)


def test_two_arrays_in_any_order() -> None:
    body = '{"segmentations":[{"s":1}],"update":true,"annotations":[{"a":1},{"a":2}]}'
    found, rest = read(body)
    assert [(name, value) for name, value, _ in found] == [
        ("segmentations", {"s": 1}),
        ("annotations", {"a": 1}),
        ("annotations", {"a": 2}),
    ]
    assert rest == {"update": True}


HALF = "x" * (MAX_OBJECT // 2)
LONG = json.dumps({"text": "x" * (MAX_OBJECT + 1)})
DEEP = "[" * MAX_DEPTH + "]" * MAX_DEPTH
WIDE = "[" + "[]," * (MAX_PARTS // 2 - 1) + "[]]"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("", "the body is not a JSON object"),
        ("[]", "the body is not a JSON object"),
        ("\ufeff{}", "the body is not a JSON object"),
        ("{", "not JSON at character 1"),
        ("{a:1}", "not JSON at character 1"),
        ('{"a"}', "not JSON at character 4"),
        ('{"a":}', "not JSON at character 5"),
        ('{"a":1,}', "not JSON at character 7"),
        ('{"a":1 "b":2}', "not JSON at character 7"),
        ("{} {}", "not JSON at character 3"),
        ('{"annotations":{}}', "annotations is not a JSON array"),
        ('{"annotations":null}', "annotations is not a JSON array"),
        ('{"annotations":[1,]}', "not JSON at character 18"),
        ('{"annotations":[1 2]}', "not JSON at character 18"),
        ('{"annotations":[{"a":1}', "not JSON at character 23"),
        ('{"annotations":["a\n"]}', "not JSON at character 18"),
        (b'{"annotations":["\xff"]}', "not UTF-8"),
        (b'{"annotations":["\xed\xa0\x80"]}', "not UTF-8"),
        (b'{"annotations":["\xc3', "not UTF-8"),
        ('{"annotations":[1,{"a":NaN}]}', r"^annotations\[1\] holds NaN, which is not JSON"),
        ('{"annotations":[-Infinity]}', r"annotations\[0\] holds -Infinity, which is not JSON"),
        ('{"annotations":[-1e999]}', r"annotations\[0\] holds the number '-1e999', which is larger than a double"),
        (f'{{"annotations":[{"1" * 301}]}}', r"annotations\[0\] holds a whole number of over 300 digits"),
        (f'{{"annotations":[1,{LONG}]}}', r"annotations\[1\] is over 1 MB"),
        (f'{{"annotations":[{json.dumps("é" * (MAX_OBJECT // 2), ensure_ascii=False)}]}}', "is over 1 MB"),
        ('{"annotations":["' + "x" * 3 * MAX_OBJECT, r"annotations\[0\] is over 1 MB"),
        (f'{{"annotations":[[{DEEP}]]}}', r"annotations\[0\] is nested over 64 deep"),
        (f'{{"annotations":[{"[" * 100_000}', r"annotations\[0\] is nested over 64 deep"),
        (f'{{"annotations":[[{WIDE}]]}}', r"annotations\[0\] has over 200,000 commas and opening brackets"),
        (f'{{"a":{LONG}}}', "the member 'a' is over 1 MB"),
        (f'{{"a":"{HALF}","b":"{HALF}"}}', "holds over 1 MB beside annotations, "),
        (f'{{"{"x" * MAX_OBJECT}":1}}', "the name of a member is over 1 MB"),
        ("{" + '"annotations":[],' * MAX_MEMBERS + '"a":1}', "over 1,000 members"),
    ],
)  # fmt: skip
def test_what_is_refused(body: str | bytes, error: str) -> None:
    with pytest.raises(BadRequest, match=error) as caught:
        read(body)
    assert caught.value.message.isprintable() and len(caught.value.message) < 200


@pytest.mark.parametrize("text", [DEEP, WIDE, json.dumps("x" * (MAX_OBJECT - 2)), "1" * 300, "1e308", "1e-999", "-0"])
def test_what_is_just_within_the_limits(text: str) -> None:
    assert read(f'{{"annotations":[{text}]}}') == ([("annotations", json.loads(text), text)], {})


def test_an_array_alone() -> None:
    assert list(read_array(io.BytesIO(b'[{"a":1}, 2]'), "items")) == [({"a": 1}, '{"a":1}'), (2, "2")]
    for body, error in ((b"{}", "items is not a JSON array"), (b"[] 1", "at character 3"), (b"[NaN]", r"items\[0\]")):
        with pytest.raises(BadRequest, match=error):
            list(read_array(io.BytesIO(body), "items"))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=10,
)
LAYOUTS = st.sampled_from([None, (",", ":"), (" ,\n", "\t: ")])


@settings(suppress_health_check=[HealthCheck.too_slow])  # of busy cores
@given(
    st.dictionaries(st.sampled_from([*NAMES, "update", "é"]), st.lists(JSON, max_size=4)),
    LAYOUTS,
    st.booleans(),
    st.integers(1, 40),
)
def test_wherever_it_is_cut_the_same_is_read(
    value: dict[str, list[Any]], layout: tuple[str, str] | None, escaped: bool, most: int
) -> None:
    body = json.dumps(value, separators=layout, ensure_ascii=escaped).encode()
    found, rest = everything(Dripping(body, most))
    assert [(name, part) for name, part, _ in found] == [(n, p) for n in value if n in NAMES for p in value[n]]
    assert rest == {name: value[name] for name in value if name not in NAMES}
    texts = [json.dumps(part, separators=layout, ensure_ascii=escaped) for _, part, _ in found]
    assert [text for _, _, text in found] == texts


VALID = (
    '{"annotations": [{"type": "box", "x": -1.5e-3, "label": "é", "m": {"t": true}}, '
    '{"a": [1, null, "\\\\ \\ud83d\\ude00 😀"]}], "update": false}'
).encode()
MUTATIONS = st.lists(
    st.tuples(
        st.integers(0, len(VALID)),
        st.integers(0, 3),
        st.binary(max_size=3) | st.sampled_from([b"NaN", b"1e999", b'"', b"[[", b"{}", b",", b"\\ud800", b"\xc3"]),
    ),
    max_size=4,
)


def strict(text: str) -> object:
    def refuse(token: str) -> float:
        raise ValueError(token)

    def number(token: str) -> float:
        return float(token) if math.isfinite(float(token)) else refuse(token)

    return json.loads(text, parse_constant=refuse, parse_float=number)


@given(MUTATIONS, st.integers(1, 80))
@example([], 7)
def test_any_bytes_are_read_as_json_reads_them_or_refused(mutations: list[tuple[int, int, bytes]], most: int) -> None:
    body = VALID
    for at, removed, added in mutations:
        body = body[:at] + added + body[at + removed :]
    try:
        expected = strict(body.decode())
        assert isinstance(expected, dict) and isinstance(expected.get("annotations", []), list)
        known = True
    except (ValueError, AssertionError):
        known = False
    try:
        found, rest = everything(Dripping(body, most))
    except BadRequest:
        assert not known
        return
    assert known
    if body.count(b'"annotations"') <= 1:  # two are joined here
        assert isinstance(expected, dict)
        assert [value for _, value, _ in found] == expected.pop("annotations", [])
        assert rest == expected
    for _, value, text in found:
        assert json.loads(text) == value
        read_object(value, text, truth=True, derived=Derived())


# -- lines


def lines(body: bytes, offset: int = 0, number: int = 0) -> list[Line]:
    return list(read_lines(io.BytesIO(body), offset, number))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", []),
        (b"\n \r\n\n", []),
        (b'{"a":1}', [Line(7, {"a": 1}, '{"a":1}', "", 1)]),
        (b'\n {"a":1.0} \r\n\n2', [Line(14, {"a": 1.0}, '{"a":1.0}', "", 2), Line(16, 2, "2", "", 4)]),
        (b"1\n{}{}\n", [Line(2, 1, "1", "", 1), Line(7, None, "", "line 2 is not JSON at character 2", 2)]),
        (b"{\n}\n", [
            Line(2, None, "", "line 1 is not JSON at character 1", 1),
            Line(4, None, "", "line 2 is not JSON at character 0", 2),
        ]),
        (b"\xff\n1", [Line(2, None, "", "line 1 is not UTF-8", 1), Line(3, 1, "1", "", 2)]),
        (b"NaN\n", [Line(4, None, "", "line 1 holds NaN, which is not JSON", 1)]),
        (b"[" * 70 + b"]" * 70, [Line(140, None, "", "line 1 is nested over 64 deep", 1)]),
        (b"[" * 2000, [Line(2000, None, "", "line 1 is nested over 64 deep", 1)]),
    ],
)  # fmt: skip
def test_lines(body: bytes, expected: list[Line]) -> None:
    assert lines(body) == expected


@pytest.mark.parametrize("end", [b"", b"\n"])
@pytest.mark.parametrize("length", [MAX_OBJECT + 1, MAX_OBJECT + 100, 3 * MAX_OBJECT])
def test_a_line_that_is_too_long_is_passed_over(length: int, end: bytes) -> None:
    long = b'"' + b"x" * (length - 2) + b'"'
    first, second, *others = lines(b"1\n" + long + (end + b"2" if end else b""))
    assert first == Line(2, 1, "1", "", 1)
    assert second == Line(2 + length + len(end), None, "", "line 2 is over 1 MB", 2)
    assert others == ([Line(length + 4, 2, "2", "", 3)] if end else [])


def test_a_line_of_just_the_limit_is_read() -> None:
    for end in (b"", b"\n", b"\r\n"):
        assert lines(b'"' + b"x" * (MAX_OBJECT - 2) + b'"' + end)[0].error == ""


@given(st.lists(JSON | st.just("") | st.just(b"\xff")), LAYOUTS, st.integers(1, 40), st.data())
def test_reading_goes_on_behind_any_line(
    values: list[Any], layout: tuple[str, str] | None, most: int, data: st.DataObject
) -> None:
    layout = layout if layout != (" ,\n", "\t: ") else None
    rows = [value if isinstance(value, bytes) else json.dumps(value, separators=layout).encode() for value in values]
    rows = [row if row != b'""' else b"  " for row in rows]
    body = b"\n".join(rows)
    found = list(read_lines(Dripping(body, most)))
    assert [line.number for line in found] == [i for i, row in enumerate(rows, 1) if row.strip()]
    assert [line.text.encode() for line in found] == [b"" if row == b"\xff" else row for row in rows if row.strip()]
    assert [bool(line.error) for line in found] == [row == b"\xff" for row in rows if row.strip()]
    if found:
        at = data.draw(st.integers(0, len(found) - 1))
        assert lines(body, found[at].offset_after, found[at].number) == found[at + 1 :]
