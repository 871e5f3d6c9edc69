"""Which photos make a batch."""

from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from container.datasets.base import Annotation, Photo
from container.training.batches import Batches, repeat_factors


def photo(*labels: str, masked: bool = True, crowd: bool = False, score: float = 1.0) -> Photo:
    segmentation = [[0.0, 0.0, 4.0, 0.0, 4.0, 4.0]] if masked else None
    objects = (Annotation((0, 0, 4, 4), one, segmentation, crowd, score=score) for one in labels)
    return Photo(0, Path("a.png"), 4, 4, tuple(objects))


@pytest.mark.parametrize(
    ("photos", "factors"),
    [
        ([photo("a"), photo("a")], [1, 1]),
        ([photo("a"), photo()], [1, 0.5]),
        ([*[photo("a")] * 29, photo("a", "b")], [*[1] * 29, 3]),  # sqrt(0.3 · 30 / 1)
        ([*[photo("a")] * 29, photo("b", crowd=True)], [*[1] * 29, 0.5]),
        ([*[photo("a")] * 29, photo("b", score=0.9)], [*[1] * 29, 0.9 * 10**0.5]),  # sqrt(0.3 · 30 / 0.9)
        ([*[photo("a")] * 9, *[photo("a", score=0.1)] * 10], [*[1] * 9, *[0.5] * 10]),
        ([], []),
    ],
)
def test_photos_of_rare_classes_are_drawn_more_often(photos: list[Photo], factors: list[float]) -> None:
    assert repeat_factors(photos) == pytest.approx(factors)


MASKED, BOXES = [photo("a")] * 6, [photo("a", masked=False)] * 2


def drawn(folders: dict[str, list[Photo]], shares: dict[str, float], count: int = 2000) -> Counter[int]:
    return Counter(i for batch in islice(Batches(folders, shares, 1, seed=0), count) for i in batch)


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ({}, 6 / 8),
        ({"masked": 1, "boxes": 1}, 1 / 2),
        ({"masked": 1, "boxes": 3}, 1 / 4),
        ({"boxes": 0}, 1),
        ({"masked": 0}, 0),
    ],
)
def test_folders_have_their_shares(shares: dict[str, float], expected: float) -> None:
    counts = drawn({"masked": MASKED, "boxes": BOXES}, shares)
    assert sum(counts[i] for i in range(6)) / 2000 == pytest.approx(expected, abs=0.04)
    assert set(counts) <= set(range(8))


def test_a_folder_of_both_kinds_keeps_its_share() -> None:
    counts = drawn({"mixed": [*MASKED, *BOXES], "more": MASKED}, {"mixed": 1, "more": 1})
    assert sum(counts[i] for i in range(6)) / 2000 == pytest.approx(3 / 8, abs=0.04)
    assert sum(counts[i] for i in (6, 7)) / 2000 == pytest.approx(1 / 8, abs=0.04)


def test_rare_classes_are_drawn_by_their_factors() -> None:
    counts = drawn({"one": [*[photo("a")] * 29, photo("a", "b")]}, {}, 6000)
    assert counts[29] / 6000 == pytest.approx(3 / 32, abs=0.02)


def test_the_photos_of_a_batch_all_have_masks_or_none_is_asked_for_them() -> None:
    photos = [*MASKED, *BOXES, *MASKED, *BOXES]
    batches = list(islice(Batches({"one": photos[:5], "two": photos[5:]}, {}, 4, seed=1), 300))
    kinds = Counter(frozenset(photos[i].masked for i in batch) for batch in batches)
    assert all(len(batch) == 4 for batch in batches)
    assert set(kinds) == {frozenset({True}), frozenset({False})}


def test_the_seed_decides() -> None:
    first, same, other = (list(islice(Batches({"one": MASKED}, {}, 3, seed), 20)) for seed in (5, 5, 6))
    assert first == same != other
