"""Accept, then attributes, then the configured default, then JSON: section 0 of the contract as tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from container.errors import NotAcceptable
from container.protocols.sagemaker.negotiation import Attributes, Negotiation

NEGOTIATION = Negotiation()

J, P, G, L = "json", "png", "jpeg", "jsonlines"


@pytest.mark.parametrize(
    ("accept", "attributes", "default", "expected"),
    [
        # nobody says anything: JSON, or what the operator set
        ("", "", "application/json", J),
        ("", "", "image/png", P),
        ("*/*", "", "image/jpeg", G),
        # a wildcard is no preference
        ("", '{"response_type": "jpeg"}', "application/json", G),
        ("*/*", '{"response_type": "png"}', "application/json", P),
        ("*/*", '{"response_type": ""}', "application/json", J),
        ("*/*", '{"response_type": "jpg"}', "application/json", G),
        # a concrete type beats the attributes
        ("image/jpeg", '{"response_type": "png"}', "application/json", G),
        ("image/png", '{"response_type": "json"}', "image/jpeg", P),
        ("application/json", '{"response_type": "png"}', "image/jpeg", J),
        ("image/jpg", "", "application/json", G),
        ("IMAGE/PNG", "", "application/json", P),
        ("application/json; charset=utf-8", "", "image/png", J),
        # a family leaves the choice within it
        ("image/*", "", "application/json", G),
        ("image/*", "", "image/png", P),
        ("image/*", '{"response_type": "png"}', "application/json", P),
        ("image/*", '{"response_type": "json"}', "application/json", G),
        ("application/*", '{"response_type": "png"}', "image/png", J),
        # q-values
        ("application/json;q=0.1, image/png;q=0.9", "", "application/json", P),
        ("image/png;q=0.5, image/jpeg", "", "application/json", G),
        ("image/png, image/jpeg", "", "application/json", P),
        ("image/jpeg, image/png", "", "application/json", G),
        ("text/html, image/png;q=0.3", "", "application/json", P),
        ("text/html, */*;q=0.8", '{"response_type": "png"}', "application/json", P),
        ("image/png;q=0.2, */*;q=0.9", "", "application/json", J),
        ("*/*, application/json;q=0", "", "application/json", G),
        ("*/*, application/json;q=0", '{"response_type": "json"}', "image/png", P),
        # what says nothing of a body is no preference either
        ("application/octet-stream", '{"response_type": "png"}', "application/json", P),
        ("application/x-image", "", "image/png", P),
        ("binary/octet-stream, image/jpeg", "", "application/json", G),
        ("application/octet-stream;q=0.1, file-path/raw-bytes", "", "image/jpeg", G),
        # what is malformed says nothing
        ("image", "", "application/json", J),
        (",,,", "", "application/json", J),
        # lines are for who asks for them
        ("application/jsonlines", '{"response_type": "json"}', "image/png", L),
        ("*/*", '{"response_type": "jsonlines"}', "image/png", L),
        ("", "", "application/jsonlines", L),
        ("application/x-jsonlines", "", "application/json", L),
        ("application/x-ndjson", "", "application/json", L),
        ("application/ndjson;q=0.5, text/csv", "", "application/json", L),
        ("application/*", "", "application/jsonlines", L),
        ("application/*", "", "image/png", J),
        ("application/jsonlines", '{"format": "clarify"}', "application/json", L),
        # opaque attributes say nothing
        ("*/*", "trace-id=7", "application/json", J),
        ("", '{"format": "clarify"}', "application/json", "clarify"),
        ("image/png", '{"format": "clarify"}', "application/json", P),
    ],
)
def test_choice(accept: str, attributes: str, default: str, expected: str) -> None:
    assert NEGOTIATION.choose(accept, NEGOTIATION.parse(attributes), default).format == expected


IDS = '{"render": "ids"}'


@pytest.mark.parametrize(
    ("accept", "attributes", "default", "expected"),
    [
        ("image/*", IDS, "application/json", P),
        ("image/*", IDS, "image/jpeg", P),
        ("*/*", IDS, "image/jpeg", P),
        ("", IDS, "application/json", J),
        ("image/jpeg, image/png;q=0.5", IDS, "application/json", P),
        ("image/jpeg", IDS, "application/json", G),
        ("*/*", '{"render": "ids", "response_type": "jpeg"}', "application/json", G),
        ("image/jpeg", '{"render": "blur"}', "application/json", G),
    ],
)
def test_numbers_of_instances_are_png_where_there_is_a_choice(
    accept: str, attributes: str, default: str, expected: str
) -> None:
    asked = NEGOTIATION.parse(attributes)
    if expected == G and "ids" in attributes:
        with pytest.raises(NotAcceptable, match="image/jpeg holds colours of 8"):
            NEGOTIATION.choose(accept, asked, default)
    else:
        assert NEGOTIATION.choose(accept, asked, default).format == expected


@pytest.mark.parametrize("accept", ["text/csv", "text/html, image/webp", "application/json;q=0", "video/*"])
@pytest.mark.parametrize("attributes", ["", '{"response_type": "png"}'])
def test_unsatisfiable(accept: str, attributes: str) -> None:
    with pytest.raises(NotAcceptable, match="application/json, image/jpeg, image/png"):
        NEGOTIATION.choose(accept, NEGOTIATION.parse(attributes), "application/json")


@given(st.text(max_size=60), st.sampled_from(sorted(NEGOTIATION.offers)))
def test_any_text_is_answered_or_refused(accept: str, default: str) -> None:
    try:
        assert NEGOTIATION.choose(accept, Attributes({}), default).format in NEGOTIATION.offers.values()
    except NotAcceptable as error:
        assert "there is application/json" in error.message


@given(
    st.permutations(sorted(NEGOTIATION.offers)),
    st.lists(st.integers(1, 1000), min_size=len(NEGOTIATION.offers), max_size=len(NEGOTIATION.offers), unique=True),
)
def test_the_best_quality_wins_in_any_order(types: list[str], qualities: list[int]) -> None:
    accept = ", ".join(f"{t};q={q / 1000:.3f}" for t, q in zip(types, qualities, strict=True))
    best = max(zip(qualities, types, strict=True))[1]
    assert NEGOTIATION.choose(accept, Attributes({}), "application/json").format == NEGOTIATION.offers[best]
