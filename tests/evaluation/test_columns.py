"""Rows of Parquet files become samples; parts of them have the figures of the whole, which are pycocotools'."""

from dataclasses import astuple

import numpy as np
import pytest

from container.evaluation.coco import Ranked, evaluated, ranked
from container.evaluation.columns import sample_of
from tests.evaluation.samples import Picture, Seen, There, oracle, pictures_of


def columns(pictures: list[Picture]) -> dict[str, np.ndarray]:
    """The rows of pictures."""
    rows = [
        (f"image {place:03}", one.label, getattr(one, "score", np.nan), *one.box, getattr(one, "crowd", False))
        for place, picture in enumerate(pictures)
        for one in (*picture.truth, *picture.found)
    ]
    names = ("image", "label", "score", "x", "y", "width", "height", "crowd")
    return dict(zip(names, map(np.array, zip(*rows, strict=True)), strict=True))


@pytest.mark.parametrize("seed", range(3))
def test_parts_have_the_figures_of_the_whole(seed: int) -> None:
    pictures = [one for one in pictures_of(seed, 30, unscored=False) if one.truth or one.found]
    rows = columns(pictures)
    of_part = np.array([int(name[-3:]) // 8 for name in rows["image"]])
    parts = [sample_of({name: column[of_part == part] for name, column in rows.items()}) for part in range(4)]
    stats = evaluated(Ranked.joined(map(ranked, parts))).stats
    assert stats == evaluated(ranked(sample_of(rows))).stats
    assert [-1 if one is None else one for one in astuple(stats)] == oracle(pictures).stats.tolist()


def test_rows_may_lie_in_any_order_but_of_equal_scores() -> None:
    box, other = (0, 0, 10, 10), (1, 0, 10, 10)
    pictures = [
        Picture([There("cat", box)], [Seen("cat", other, 0.5), Seen("cat", box, 0.7)]),
        Picture([], [Seen("dog", box, 0.9)]),
        Picture([There("dog", box, crowd=True)], []),
    ]
    rows = columns(pictures)
    back = {name: column[::-1] for name, column in rows.items()}
    one, two = (evaluated(ranked(sample_of(each))).stats for each in (rows, back))
    assert one == two and one.AP == pytest.approx(1)


def test_no_rows_are_an_empty_sample() -> None:
    rows = {name: np.zeros(0) for name in ("image", "label", "score", "x", "y", "width", "height")}
    sample = sample_of(rows)
    assert len(sample.images) == len(sample.truth) == len(sample.found) == len(sample.pairs) == 0
