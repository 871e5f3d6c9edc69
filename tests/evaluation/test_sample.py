"""Samples: parts that become a whole, a whole that becomes less, labels that count as others, and bytes."""

from dataclasses import fields

import numpy as np
import pytest

from container.evaluation.sample import Pairs, Sample, Side, joined
from tests.evaluation.samples import Picture, Seen, There, pictures_of, sample_of

A, TALL = (0, 0, 100, 100), (0, 0, 100, 72)
CROWDED = [
    Picture([There("cat", A), There("dog", A, crowd=True)], [Seen("dog", TALL, 0.5), Seen("cat", A)]),
    Picture(),
    Picture([There("ape", A)], [Seen("cat", TALL, 0.25)]),
]


def same(one: Sample | Side | Pairs, other: Sample | Side | Pairs) -> bool:
    columns = [(getattr(one, field.name), getattr(other, field.name)) for field in fields(one)]
    return all(
        (a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))
        if isinstance(a, np.ndarray)
        else (a == b if isinstance(a, tuple) else same(a, b))
        for a, b in columns
    )


@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_parts_become_the_whole(cut: int) -> None:
    parts = [sample_of(CROWDED[:cut], first=5), sample_of(CROWDED[cut:], first=5 + cut)]
    whole, expected = joined(parts), sample_of(CROWDED, first=5)
    assert whole.images.tolist() == [5, 6, 7]
    assert whole.labels == expected.labels
    for column in ("image", "raw", "label", "area", "score", "crowd"):
        for side in ("truth", "found"):
            one, other = getattr(getattr(whole, side), column), getattr(getattr(expected, side), column)
            assert np.array_equal(one, other, equal_nan=one.dtype.kind == "f"), (side, column)
    assert same(whole.pairs, expected.pairs)


def test_labels_of_parts_are_put_in_one_list() -> None:
    whole = joined([sample_of(CROWDED[2:]), sample_of(CROWDED[:1])])
    assert whole.labels == ("ape", "cat", "dog")
    assert [whole.labels[i] for i in whole.truth.label] == ["ape", "cat", "dog"]
    assert [whole.labels[i] for i in whole.found.raw] == ["cat", "dog", "cat"]


def test_nothing_is_a_sample() -> None:
    nothing = joined([])
    assert (nothing.labels, len(nothing.images), len(nothing.truth), len(nothing.found), len(nothing.pairs)) == (
        (),
        *[0] * 4,
    )
    assert same(joined([nothing, sample_of(CROWDED)]), sample_of(CROWDED))
    assert same(Sample.from_bytes(nothing.to_bytes()), nothing)


@pytest.mark.parametrize("seed", range(3))
def test_bytes_bring_everything_back(seed: int) -> None:
    names = {"cat": "katze 🐈", "dog": ""}
    sample = sample_of(pictures_of(seed, 5)).relabelled(names, names)
    assert same(Sample.from_bytes(sample.to_bytes()), sample)


def test_labels_that_count_as_others() -> None:
    sample = sample_of(CROWDED)
    changed = sample.relabelled({"ape": "cat"}, {"cat": "feline", "dog": "cat"})
    assert changed.labels == ("cat", "dog", "ape", "feline")
    assert [changed.labels[i] for i in changed.truth.label] == ["cat", "dog", "cat"]
    assert [changed.labels[i] for i in changed.found.label] == ["cat", "feline", "feline"]
    assert np.array_equal(changed.found.raw, sample.found.raw)
    back = changed.relabelled({}, {})  # by the labels of the upload, not by those that they count as now
    assert np.array_equal(back.found.label, sample.found.label)


KEPT: dict[str, tuple[list[bool], list[bool], list[bool], list[Picture]]] = {
    "everything": ([True] * 3, [True] * 3, [True] * 3, CROWDED),
    "nothing": ([False] * 3, [True] * 3, [True] * 3, []),
    "the last picture": ([False, False, True], [True] * 3, [True] * 3, CROWDED[2:]),
    "some objects": (
        [True] * 3,
        [False, True, True],
        [False, True, False],
        [Picture(CROWDED[0].truth[1:], CROWDED[0].found[1:]), Picture(), Picture(CROWDED[2].truth)],
    ),
}


@pytest.mark.parametrize("case", KEPT)
def test_a_whole_becomes_less(case: str) -> None:
    images, truth, found, left = KEPT[case]
    less = sample_of(CROWDED).kept(*(np.array(one, bool) for one in (images, truth, found)))
    expected = sample_of(left)
    assert [less.labels[i] for i in less.truth.label] == [expected.labels[i] for i in expected.truth.label]
    assert [less.labels[i] for i in less.found.label] == [expected.labels[i] for i in expected.found.label]
    assert less.truth.image.tolist() == expected.truth.image.tolist()
    assert less.found.image.tolist() == expected.found.image.tolist()
    assert less.images.tolist() == [i for i, kept in enumerate(images) if kept]
    assert same(less.pairs, expected.pairs)
