"""Names of items and annotations in paths, with whatever is in them."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from container.protocols.nucleus.names import MAX_NAME, splits
from tests.protocols.nucleus.conftest import Api, box, item

NAMES = [
    "a/b/c.png",
    "//a",
    "a//",
    "a b",
    "é",
    "100%",
    "a%2Fb",
    "50%25 é",
    "a?b",
    "a?b=c d&e",
    "loc/1",
    "a\nb",
    "/",
    ".",
    "ä/é?x",
]


def as_sent(name: str) -> str:
    """A name as clients put it into a path when they do not quote it."""
    return quote(name, safe="/?=&%")


@pytest.mark.parametrize("name", NAMES)
def test_items_and_predictions_are_found(api: Api, dataset: str, run: str, name: str) -> None:
    api.post(f"dataset/{dataset}/append", items=[item(name), item("a")])
    sent = box(name, f"car-1-{name}")
    api.post(f"dataset/{dataset}/annotate", annotations=[sent])
    api.post(f"modelRun/{run}/predict", annotations=[sent])
    assert api.get(f"dataset/{dataset}/refloc/{quote(name, safe='')}")["item"]["reference_id"] == name
    raw = as_sent(name) if name != "100%" else "100%25"
    raw_pair = f"{raw}/car-1-{raw}"
    assert api.get(f"modelRun/{run}/refloc/{raw}")["annotations"]["box"] == [sent]
    assert api.get(f"modelRun/{run}/prediction/loc/{raw_pair}") == sent
    assert api.get(f"dataset/{dataset}/groundTruth/loc/{raw_pair}") == sent
    assert api.delete(f"dataset/{dataset}/refloc/{quote(name, safe='')}")["reference_id"] == name


def test_the_longest_reference_wins(api: Api, dataset: str) -> None:
    api.post(f"dataset/{dataset}/append", items=[item("a"), item("a/b")])
    api.post(f"dataset/{dataset}/annotate", annotations=[box("a", "b/c"), box("a/b", "c"), box("a", "b/d")])
    assert api.get(f"dataset/{dataset}/groundTruth/loc/a/b/c")["reference_id"] == "a/b"
    assert api.get(f"dataset/{dataset}/groundTruth/loc/a/b/d")["reference_id"] == "a"


@given(st.text(st.sampled_from("a/"), max_size=12))
def test_splits_are_all_there_are(tail: str) -> None:
    expected = [(tail[:i], tail[i + 1 :]) for i in range(len(tail)) if tail[i] == "/" and tail[:i] and tail[i + 1 :]]
    assert list(splits(tail)) == expected[::-1]


def test_names_that_are_too_long_are_not_looked_for() -> None:
    assert list(splits("/" * 8000)) == []
    assert len(list(splits("/" * (MAX_NAME + 2)))) == MAX_NAME
