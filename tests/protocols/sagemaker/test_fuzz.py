"""Whatever the headers, the answer is a good one or a 4xx, and the same the second time."""

import json
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from container.app import create_app
from container.errors import BadRequest, NotAcceptable
from container.protocols.sagemaker.negotiation import Attributes, Negotiation
from container.settings import Settings
from tests.fakes import FakeEngine, ready_services

NEGOTIATION = Negotiation()

FEW = settings(max_examples=200, deadline=None)

RANGES = [*NEGOTIATION.offers, "image/*", "application/*", "*/*", "text/html", "image/webp", "video/*"]
QUALITIES = [f"{thousandths / 1000:.3f}".rstrip("0").rstrip(".") for thousandths in (0, 1, 100, 500, 999, 1000)]
BYTES = st.characters(max_codepoint=255, exclude_characters="\r\n\0")  # of a header, as WSGI hands them over
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
GOOD_WORDS = ("json", "png", "jpg", "jsonlines", "clarify", "person", "fast", "rle", "polygon", "mask", "cutout")
OBJECTS = st.dictionaries(
    st.sampled_from([*NEGOTIATION.attributes]) | st.text(max_size=8),
    st.floats(0, 1) | st.integers(1, 100) | st.sampled_from(GOOD_WORDS) | JSON,
    max_size=5,
).map(json.dumps)  # NaN and infinity stay in, as JavaScript writes them
SOUP = st.lists(
    st.sampled_from([*RANGES, "image/", "/png", "*", "q=", ";", ",", "=", '"', "0.5", "-1", "nan", "1e9", " "]),
    max_size=9,
).map("".join)


@pytest.fixture(scope="module")
def web() -> Iterator[FlaskClient]:
    """One client for all examples."""
    app = create_app(Settings(), ready_services(FakeEngine()))
    yield app.test_client()
    app.services.pool.close()


def quality(media_type: str, ranges: dict[str, float]) -> float:
    """What RFC 9110 gives a type: the quality of the most precise range that matches it."""
    for pattern in (media_type, media_type.split("/")[0] + "/*", "*/*"):
        if pattern in ranges:
            return ranges[pattern]
    return 0.0


@FEW
@given(
    st.dictionaries(st.sampled_from(RANGES), st.sampled_from(QUALITIES), min_size=1),
    st.sampled_from(["", "json", "jpeg", "png", "jsonlines"]),
    st.sampled_from(sorted(NEGOTIATION.offers)),
    st.sampled_from([";q=", "; q=", " ;Q=", ";level=1;q="]),
)
def test_qualities_are_obeyed(written: dict[str, str], wished: str, default: str, glue: str) -> None:
    accept = ", ".join(pattern + glue + q for pattern, q in written.items())
    ranges = {pattern: float(q) for pattern, q in written.items()}
    graded = {media_type: quality(media_type, ranges) for media_type in NEGOTIATION.offers}
    attributes = Attributes({"response_type": wished})
    if not any(graded.values()):
        with pytest.raises(NotAcceptable):
            NEGOTIATION.choose(accept, attributes, default)
        return
    chosen = NEGOTIATION.choose(accept, attributes, default)
    best = max(graded.values())
    assert chosen.format in {NEGOTIATION.offers[media_type] for media_type, q in graded.items() if q == best}
    assert NEGOTIATION.choose(accept, attributes, default) == chosen


@FEW
@given(OBJECTS | st.text(BYTES, max_size=80))
def test_attributes_are_read_or_refused_and_the_same_twice(header: str) -> None:
    try:
        given_ = NEGOTIATION.parse(header)
    except BadRequest as error:
        assert "\n" not in error.message
        with pytest.raises(BadRequest) as again:
            NEGOTIATION.parse(header)
        assert again.value.message == error.message
    else:
        given_.options(), given_.appearance()
        assert NEGOTIATION.parse(header) == given_


@FEW
@given(accept=SOUP | st.text(BYTES, max_size=60), attributes=OBJECTS | st.text(BYTES, max_size=60))
@pytest.mark.parametrize("path", ["/invocations", "/endpoints/any/invocations"])
def test_any_headers_are_answered_the_same_twice(
    path: str, accept: str, attributes: str, web: FlaskClient, small_png: bytes
) -> None:
    headers = {"Accept": accept, "X-Amzn-SageMaker-Custom-Attributes": attributes}
    first, second = (web.post(path, data=small_png, headers=headers) for _ in range(2))
    assert first.status_code in (200, 400, 406, 424), first.text
    assert (first.status_code, first.mimetype) == (second.status_code, second.mimetype)
    if first.status_code == 200:
        assert first.mimetype in NEGOTIATION.offers and first.data == second.data
        assert first.headers["X-Amzn-SageMaker-Custom-Attributes"].isprintable()
    else:
        assert first.is_json


@FEW
@given(kind=st.text(BYTES, max_size=60), coding=st.text(BYTES, max_size=20), body=st.binary(max_size=60))
def test_any_content_type_and_encoding(kind: str, coding: str, body: bytes, web: FlaskClient) -> None:
    headers = {"Content-Type": kind, "Content-Encoding": coding}
    answer = web.post("/invocations", data=body, headers=headers)
    assert 400 <= answer.status_code < 500 and answer.json["error"]["message"]
