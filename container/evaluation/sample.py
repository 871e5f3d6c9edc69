"""Truth and predictions of many images as arrays, with every pair of them that overlaps: what figures are made of.

whole = joined([first, second])  # of two parts of a dataset
"""

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

LOWEST_IOU = 0.1  # of pairs; what overlaps less is background to every figure


@dataclass(frozen=True)
class Side:
    """N objects of one side, in the order of their images, and of an image's objects in that of their upload."""

    image: np.ndarray  # int64 N, place of the image
    raw: np.ndarray  # int64 N, place of the label that it was uploaded with
    label: np.ndarray  # int64 N, place of the label that it counts as
    area: np.ndarray  # float64 N, pixels; decides what is small, medium and large
    key: np.ndarray  # int64 N, number of its row in the store; 0 without one
    score: np.ndarray  # float64 N, 0–1; NaN for one without, and for truth
    crowd: np.ndarray  # bool N; no prediction is one

    def __len__(self) -> int:
        return len(self.image)

    def __getitem__(self, kept: np.ndarray) -> Self:
        return replace(self, **{name: getattr(self, name)[kept] for name in _COLUMNS})


@dataclass(frozen=True)
class Pairs:
    """P pairs of a prediction and an object of the same image whose IoU is LOWEST_IOU or more, whatever their labels.

    They are in the order of predictions, and of a prediction's pairs in that of truth. The IoU with a crowd is the
    share of the prediction that lies in it.
    """

    found: np.ndarray  # int64 P, place among the predictions
    truth: np.ndarray  # int64 P, place among the truth
    iou: np.ndarray  # float64 P

    def __len__(self) -> int:
        return len(self.iou)


@dataclass(frozen=True)
class Sample:
    """Truth and predictions of one kind, boxes or masks, over images."""

    labels: tuple[str, ...]
    images: np.ndarray  # int64 I, number of each image's row in the store
    truth: Side
    found: Side
    pairs: Pairs

    def relabelled(self, truth: Mapping[str, str], found: Mapping[str, str]) -> Self:
        """Return it with other labels to count as, by the labels of the upload; those that are missing stay."""
        labels = tuple(dict.fromkeys((*self.labels, *truth.values(), *found.values())))
        places = {label: i for i, label in enumerate(labels)}

        def side(one: Side, names: Mapping[str, str]) -> Side:
            table = np.array([places[names.get(label, label)] for label in self.labels], np.int64)
            return replace(one, label=table[one.raw])

        return replace(self, labels=labels, truth=side(self.truth, truth), found=side(self.found, found))

    def kept(self, images: np.ndarray, truth: np.ndarray, found: np.ndarray) -> Self:
        """Return it without the images, and the objects and predictions, whose place in these bool arrays is False."""
        truth, found = truth & images[self.truth.image], found & images[self.found.image]
        pairs = self.pairs
        both = truth[pairs.truth] & found[pairs.found]
        places = _places(images)
        return replace(
            self,
            images=self.images[images],
            truth=_moved(self.truth[truth], places),
            found=_moved(self.found[found], places),
            pairs=Pairs(
                _places(found)[pairs.found[both]],
                _places(truth)[pairs.truth[both]],
                pairs.iou[both],
            ),
        )

    def to_bytes(self) -> bytes:
        """Return it as a file of NumPy's, for `from_bytes`."""
        arrays = {"labels": np.frombuffer(json.dumps(self.labels).encode(), np.uint8), "images": self.images}
        for name, side in (("truth", self.truth), ("found", self.found)):
            arrays |= {f"{name}_{column}": getattr(side, column) for column in _COLUMNS}
        arrays |= {f"pairs_{column}": getattr(self.pairs, column) for column in _OF_PAIRS}
        file = io.BytesIO()
        np.savez(file, allow_pickle=False, **arrays)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Return what `to_bytes` has written."""
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return cls(
                tuple(json.loads(arrays["labels"].tobytes())),
                arrays["images"],
                Side(*(arrays[f"truth_{column}"] for column in _COLUMNS)),
                Side(*(arrays[f"found_{column}"] for column in _COLUMNS)),
                Pairs(*(arrays[f"pairs_{column}"] for column in _OF_PAIRS)),
            )


_COLUMNS = ("image", "raw", "label", "area", "key", "score", "crowd")
_OF_PAIRS = ("found", "truth", "iou")


def joined(parts: Iterable[Sample]) -> Sample:
    """Return the sample of all images of some parts, in their order."""
    samples = list(parts)
    labels, tables = merged([one.labels for one in samples])
    images = starts([len(one.images) for one in samples])

    def side(several: Sequence[Side]) -> Side:
        moved = [
            replace(one, image=one.image + start, raw=table[one.raw], label=table[one.label])
            for one, start, table in zip(several, images, tables, strict=True)
        ]
        return Side(*(_concatenated(column, [getattr(one, column) for one in moved]) for column in _COLUMNS))

    truth, found = [one.truth for one in samples], [one.found for one in samples]
    first = {"truth": starts([len(one) for one in truth]), "found": starts([len(one) for one in found])}
    pairs = {
        column: _concatenated(
            column,
            [getattr(one.pairs, column) + start for one, start in zip(samples, first[column], strict=True)],
        )
        for column in first
    }
    return Sample(
        labels,
        _concatenated("images", [one.images for one in samples]),
        side(truth),
        side(found),
        Pairs(pairs["found"], pairs["truth"], _concatenated("iou", [one.pairs.iou for one in samples])),
    )


def _concatenated(column: str, arrays: Sequence[np.ndarray]) -> np.ndarray:
    kind = {"area": np.float64, "score": np.float64, "iou": np.float64, "crowd": np.bool_}.get(column, np.int64)
    return np.concatenate([np.zeros(0, kind), *arrays]).astype(kind, copy=False)


def merged(labels: Sequence[tuple[str, ...]]) -> tuple[tuple[str, ...], list[np.ndarray]]:
    """Return the labels of all parts, each once, and for each part where among them its own are."""
    every = tuple(dict.fromkeys(label for one in labels for label in one))
    places = {label: i for i, label in enumerate(every)}
    return every, [np.array([places[label] for label in one], np.int64) for one in labels]


def starts(sizes: Sequence[int]) -> list[int]:
    """Return where each of several parts starts when they lie one behind the other."""
    return [0, *np.cumsum(sizes).tolist()][: len(sizes)]


def _places(kept: np.ndarray) -> np.ndarray:
    """Return where each of the kept places goes."""
    return np.cumsum(kept) - 1


def _moved(side: Side, places: np.ndarray) -> Side:
    return replace(side, image=places[side.image])
