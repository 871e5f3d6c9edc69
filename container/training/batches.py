"""Which photos make a batch: shares of the data folders, and classes by their rarity."""

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from torch.utils.data import Sampler

from container.datasets.base import Photo

FREQUENT = 0.3  # share of photos from which on a class is not drawn more often
EMPTY = 0.5


def repeat_factors(photos: Sequence[Photo]) -> list[float]:
    """How often to draw each photo: by its rarest class, sqrt(FREQUENT / share of photos with that class), at least 1.

    Repeat factor sampling of LVIS (Gupta et al. 2019, arXiv:1908.03195, appendix B.2). A label counts by its score, and
    EMPTY is the least, for photos of nothing.
    """
    present = [_best_scores(photo) for photo in photos]
    counts: dict[str, float] = defaultdict(float)
    for scores in present:
        for label, score in scores.items():
            counts[label] += score
    of_class = {label: max(1.0, (FREQUENT * len(photos) / count) ** 0.5) for label, count in counts.items()}
    return [max([EMPTY, *(of_class[label] * score for label, score in scores.items())]) for scores in present]


def _best_scores(photo: Photo) -> dict[str, float]:
    """How sure it is that each class is on a photo."""
    best: dict[str, float] = {}
    for one in photo.objects:
        best[one.label] = max(best.get(one.label, 0.0), one.score)
    return best


class Batches(Sampler[list[int]]):
    """Endless batches of indices; within a batch either every photo has masks or none is asked for its masks."""

    def __init__(
        self, folders: Mapping[str, Sequence[Photo]], shares: Mapping[str, float], batch_size: int, seed: int
    ) -> None:
        """`folders` in the order of the indices; `shares` of the batches by folder, by their photos where not given."""
        self._batch_size = batch_size
        self._random = random.Random(seed)
        self._groups: list[tuple[float, list[int], list[float]]] = []
        start = 0
        total = sum(map(len, folders.values()))
        for name, photos in folders.items():
            factors = repeat_factors(photos)
            for masked in (True, False):
                chosen = [i for i, photo in enumerate(photos) if photo.masked == masked]
                if chosen:
                    share = shares.get(name, len(photos) / total) * len(chosen) / len(photos)
                    self._groups.append((share, [start + i for i in chosen], [factors[i] for i in chosen]))
            start += len(photos)
        self._masked = [photo.masked for photos in folders.values() for photo in photos]

    def __iter__(self) -> Iterator[list[int]]:
        while True:
            kinds = {masked: [g for g in self._groups if self._masked[g[1][0]] == masked] for masked in (True, False)}
            weights = [sum(share for share, _, _ in kinds[masked]) for masked in (True, False)]
            groups = kinds[self._random.choices((True, False), weights)[0]]
            yield [self._draw(groups) for _ in range(self._batch_size)]

    def _draw(self, groups: list[tuple[float, list[int], list[float]]]) -> int:
        _, indices, factors = self._random.choices(groups, [share for share, _, _ in groups])[0]
        return self._random.choices(indices, factors)[0]
