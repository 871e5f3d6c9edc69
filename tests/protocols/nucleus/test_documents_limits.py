"""What reading costs: memory and time are bounded, whatever a body holds."""

import io
import json
import math
import time
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, BinaryIO

import pytest

from container.errors import BadRequest
from container.protocols.nucleus.documents import MAX_OBJECT, read_arrays, read_lines
from container.store.derived import Derived
from container.store.objects import Row, read_object

NAMES = ("annotations", "segmentations")


def of(*pieces: bytes) -> BinaryIO:
    return io.BytesIO(b"".join(pieces))


def consume(body: BinaryIO) -> None:
    for _ in islice(read_arrays(body, NAMES), 100_000):
        pass


BRACES = b"{}," * (25 * 2**20 // 3) + b"{}"
KEYS = json.dumps({f"k{i}": i for i in range(100_000)}).encode()


@pytest.mark.alone
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(lambda: of(b'{"annotations":[', BRACES, b"]}"), id="empty objects"),
        pytest.param(lambda: of(b'{"annotations":[[', BRACES, b"]]}"), id="empty objects in one"),
        pytest.param(lambda: of(b'{"update":[', BRACES, b"]}"), id="empty objects elsewhere"),
        pytest.param(lambda: of(b'{"annotations":', b"[" * 2**25), id="deep"),
        pytest.param(lambda: of(b'{"annotations":', b'[{"a":' * 2**22), id="deep objects"),
        pytest.param(lambda: of(b'{"annotations":["', b"x" * 30_000_000, b'"]}'), id="a long string"),
        pytest.param(lambda: of(b'{"', b"x" * 30_000_000, b'":1}'), id="a long name"),
        pytest.param(lambda: of(b'{"annotations":[', b"1" * 30_000_000, b"]}"), id="a long number"),
        pytest.param(lambda: of(b'{"annotations":[', KEYS[: MAX_OBJECT - 9], b"}]}"), id="many keys, broken"),
        pytest.param(lambda: of(KEYS), id="many members"),
        pytest.param(lambda: of(b'{"annotations":[', KEYS, b"]}"), id="many keys"),
        pytest.param(lambda: of(b" " * 30_000_000, b"{}"), id="white space"),
        pytest.param(lambda: of(b'{"annotations":[', b"0," * 2**20, b"0]}"), id="numbers"),
        pytest.param(lambda: of(b'{"annotations":["', "é".encode() * 15_000_000, b'"]}'), id="a long string in UTF-8"),
        pytest.param(lambda: of(b'{"annotations":["', b"\\u00e9" * 5_000_000, b'"]}'), id="a long string of escapes"),
    ],
)
def test_no_body_takes_much_memory(body: Callable[[], BinaryIO]) -> None:
    file = body()
    tracemalloc.start()
    try:
        consume(file)
    except BadRequest as error:
        assert len(error.message) < 200
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 35e6


@pytest.mark.alone
@pytest.mark.parametrize("line", [b"\n", b" ", b"x", b"[", b'{"a":'])
def test_no_lines_take_much_memory_or_time(line: bytes) -> None:
    file = io.BytesIO(line * (30_000_000 // len(line)))
    tracemalloc.start()
    began = time.process_time()
    assert len(list(read_lines(file))) <= 1
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert time.process_time() - began < 2
    assert peak < 10e6


def uploads(kind: str) -> Iterator[dict[str, Any]]:
    """5,000 objects as the client sends them."""
    for i in range(5000):
        vertices = [{"x": round(1000 * math.sin(i + j), 6), "y": round(j + i / 7, 6)} for j in range(60)]
        yield {
            "type": kind,
            "label": "car",
            "geometry": {"vertices": vertices}
            if kind == "polygon"
            else {"x": i / 7, "y": 3, "width": 9, "height": 1.5},
            "reference_id": f"i{i // 50}",
            "annotation_id": None if kind == "polygon" else f"car-{i}",
            "metadata": {},
            "confidence": 0.5,
        }


@pytest.mark.alone
@pytest.mark.parametrize(("kind", "seconds"), [("polygon", 1.2), ("box", 0.3)])
def test_a_request_of_5000_is_read_and_checked_quickly(
    kind: str, seconds: float, record_property: Callable[[str, object], None]
) -> None:
    body = json.dumps({"update": False, "annotations": [*uploads(kind)]}).encode()

    def rows() -> int:
        derived = Derived()
        found = (read_object(value, text, truth=False, derived=derived) for _, value, text in read_arrays(file, NAMES))
        return sum(isinstance(row, Row) for row in found)

    times = []
    for _ in range(3):
        file = io.BytesIO(body)
        began = time.process_time()
        assert rows() == 5000
        times.append(time.process_time() - began)
    file = io.BytesIO(body)
    tracemalloc.start()
    rows()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    figure = f"5,000 of {kind}: {len(body) / 1e6:.1f} MB in {min(times):.2f} s, peak {peak / 1e6:.1f} MB"
    record_property("figure", figure)
    assert min(times) < seconds and peak < 20e6, figure
