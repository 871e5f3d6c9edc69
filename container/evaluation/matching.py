"""Which prediction goes to which object: COCOeval's greedy rule on sparse pairs, over all images at once.

places = best_matches(sample.pairs, ranks, ignored, crowd, np.array([0.5, 0.75]))
"""

from itertools import pairwise

import numpy as np

from container.evaluation.sample import Pairs, Side

_FULL = 1 - 1e-10  # an IoU of 1 that rounding has made less still counts as 1, as in pycocotools


def in_order(side: Side, by_label: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of predictions from the best of an image down, and the rank of each of these places.

    With `by_label` the ranks are those among an image's predictions of one label. Equal scores keep the order of the
    upload; predictions without a score come last.
    """
    score = np.where(np.isnan(side.score), np.inf, -side.score)
    keys = (side.label, side.image) if by_label else (side.image,)
    places = np.lexsort((score, *keys))
    changes = np.zeros(max(len(places) - 1, 0), bool)
    for key in keys:
        changes |= np.diff(key[places]) != 0
    starts = np.append(np.zeros(min(len(places), 1), np.int64), np.flatnonzero(changes) + 1)
    sizes = np.diff(np.append(starts, len(places)))
    return places, np.arange(len(places)) - np.repeat(starts, sizes)


def best_matches(
    pairs: Pairs, order: np.ndarray, ignored: np.ndarray, crowd: np.ndarray, thresholds: np.ndarray
) -> np.ndarray:
    """Return for each of D predictions and K thresholds the place of its pair, or -1, as int64 D×K.

    `order` says when a prediction chooses: those that share an object must differ. Each takes, of the objects that are
    free, one that is not ignored before one that is, then the highest IoU, then the last object. Crowds stay free.

    All predictions with the same order choose at once, at all thresholds: 100 rounds where there are 100 of a label.
    """
    least = np.minimum(thresholds, _FULL)
    matched = np.full((len(order), len(least)), -1)
    usable = np.flatnonzero(pairs.iou >= least.min())[::-1]  # from the end: a stable sort then has the last truth first
    turn = np.empty(len(order), np.int64)
    turn[np.argsort(order, kind="stable")] = np.arange(len(order))
    wish = 2 * turn[pairs.found[usable]] + ignored[pairs.truth[usable]]
    usable = usable[np.lexsort((-pairs.iou[usable], wish))]
    found, truth = pairs.found[usable], pairs.truth[usable]
    reaches = pairs.iou[usable, None] >= least
    taken = np.zeros((len(ignored), len(least)), bool)
    columns = np.arange(len(least))
    choosers = _changes(found)
    for first, last in pairwise(choosers[_changes(order[found[choosers[:-1]]])]):
        objects = truth[first:last]
        free = reaches[first:last] & ~taken[objects]
        own = choosers[np.searchsorted(choosers, first) : np.searchsorted(choosers, last)]
        wishes = np.where(free, np.arange(first, last)[:, None], len(usable))
        best = np.minimum.reduceat(wishes, own - first, axis=0)
        rows, at = np.nonzero(best < len(usable))
        pair = best[rows, at]
        matched[found[own][rows], at] = usable[pair]
        taken[truth[pair], columns[at]] = ~crowd[truth[pair]]
    return matched


def _changes(values: np.ndarray) -> np.ndarray:
    """Return where runs of equal values start, and the end."""
    if not len(values):
        return np.zeros(1, np.int64)
    return np.concatenate(([0], np.flatnonzero(np.diff(values)) + 1, [len(values)]))
