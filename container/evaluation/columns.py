"""Boxes in columns, as Parquet files and data frames have them, as a sample: for engines that group rows by image.

part = sample_of({"image": …, "label": …, "score": …, "x": …, "y": …, "width": …, "height": …})
"""

from collections.abc import Mapping

import numpy as np

from container.evaluation.geometry import Overlap, box_overlaps
from container.evaluation.sample import LOWEST_IOU, Pairs, Sample, Side, starts

_BOX = ("x", "y", "width", "height")


def sample_of(rows: Mapping[str, np.ndarray]) -> Sample:
    """Return the sample of some images, all of whose rows are there, in any order.

    Args:
        rows: `image` and `label`, numbers or texts; `score`, NaN of truth; x, y, width and height in pixels; if it is
            there, bool `crowd`. Of equal scores the first row counts first.
    """
    score = np.asarray(rows["score"], np.float64)
    names, image = np.unique(np.asarray(rows["image"]), return_inverse=True)
    labels, label = np.unique(np.asarray(rows["label"]), return_inverse=True)
    boxes = np.stack([np.asarray(rows[name], np.float64) for name in _BOX], axis=1)
    crowd = np.asarray(rows.get("crowd", np.zeros(len(score), bool)), bool)
    places = [_places(image, mask, len(names)) for mask in (np.isnan(score), ~np.isnan(score))]
    truth, found = (np.concatenate([np.zeros(0, np.int64), *one]) for one in places)

    def side(kept: np.ndarray) -> Side:
        return Side(
            image=image[kept].astype(np.int64),
            raw=label[kept].astype(np.int64),
            label=label[kept].astype(np.int64),
            area=boxes[kept, 2] * boxes[kept, 3],
            key=np.zeros(len(kept), np.int64),
            score=score[kept],
            crowd=crowd[kept],
        )

    overlaps = [box_overlaps(boxes[seen], boxes[there], crowd[there]) for there, seen in zip(*places, strict=True)]
    pairs = _pairs(overlaps, [len(one) for one in places[0]], [len(one) for one in places[1]])
    return Sample(tuple(map(str, labels)), np.arange(len(names)), side(truth), side(found), pairs)


def _places(image: np.ndarray, kept: np.ndarray, images: int) -> list[np.ndarray]:
    """The rows of one side of each image, in their order."""
    rows = np.flatnonzero(kept)
    rows = rows[np.argsort(image[rows], kind="stable")]
    return np.split(rows, np.searchsorted(image[rows], np.arange(1, images)))[:images]


def _pairs(overlaps: list[Overlap], truth: list[int], found: list[int]) -> Pairs:
    """The pairs of all images, whose places count on from one image to the next."""
    parts = [Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    for one, there, seen in zip(overlaps, starts(truth), starts(found), strict=True):
        near = one.iou >= LOWEST_IOU
        parts.append(Pairs(one.found[near] + seen, one.truth[near] + there, one.iou[near]))
    return Pairs(*(np.concatenate([getattr(one, name) for one in parts]) for name in ("found", "truth", "iou")))
