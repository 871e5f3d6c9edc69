"""The engine that reads text: one network finds it, one tells whether it is upside down, one reads each piece."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from container.cancellation import checkpoint
from container.engines.base import Engine
from container.ops import text
from container.structures import ModelSpec
from container.structures.texts import Reading, TextQuery, Word

# Sides in pixels of what the first network sees: with 1984, a page took 0.3 s more and 300 MB more.
SHORTEST, LONGEST, STEP = 736, 1600, 32
MARGIN = 24  # pixels at most around a picture, a quarter of its shorter side: letters at an edge are not found
HEIGHT, MIN_WIDTH, WIDEST, WIDTH_STEP = (
    48,
    320,
    3200,
    32,
)  # of a piece that is read; a line of 3,200 has over 200 characters
LEVEL_SIZE = (48, 192)  # height and width of a piece that may be upside down
SURE = 0.9  # probability from which on it is
LEAST_SCORE = 0.5  # of a line
GREY = 127  # beside a piece

Network = Callable[[np.ndarray], np.ndarray]  # uint8 1×H×W×3 RGB → float32


class Networks(NamedTuple):
    """The parts of a reader."""

    find: Network  # → 1×1×H×W probabilities of text; H and W are multiples of STEP
    upside_down: Network  # → 1×2 probabilities that a piece is upright, and that it is upside down
    read: Network  # → 1×T×C probabilities of characters; those of no character come first
    characters: Sequence[str]  # C − 1


class Piece(NamedTuple):
    """What is read in one place of a picture."""

    quadrilateral: np.ndarray  # as its text runs
    score: float  # 0 to 1, the mean of its characters'
    words: list[Word]  # none if the score is low; boxes are of the picture as it is seen


class TextEngine(Engine[TextQuery, Reading]):
    """A loaded reader."""

    query = TextQuery
    task = "ocr"

    def __init__(self, spec: ModelSpec, networks: Networks) -> None:
        super().__init__(spec)
        self._networks = networks

    def trial(self) -> TextQuery:
        """Return a picture of bars, which are read as letters or not."""
        pixels = np.full((96, 480, 3), 255, np.uint8)
        pixels[24:72, 40:440] = np.where(np.arange(400)[None, :, None] % 25 < 8, 0, 255)
        return TextQuery(pixels)

    def predict(self, queries: Sequence[TextQuery]) -> Sequence[Reading]:
        """Return what is read in each query's picture."""
        return [self._read(query.pixels) for query in queries]

    def _read(self, pixels: np.ndarray) -> Reading:
        margin = min(MARGIN, round(min(pixels.shape[:2]) / 4))
        seen, scale = text.fitted(text.framed(pixels, margin), SHORTEST, LONGEST, STEP)
        found = text.quadrilaterals(self._networks.find(seen[None])[0, 0])
        pieces = [piece for one in found if (piece := self._piece(seen, one)).words]
        lines = []
        for line in text.in_lines([piece.quadrilateral for piece in pieces]):
            words = [word for i in line for word in pieces[i].words]
            lines.append(tuple(_placed(word, scale, margin, pixels.shape) for word in words))
        return Reading(pixels.shape[:2], tuple(lines))

    def _piece(self, seen: np.ndarray, quadrilateral: np.ndarray) -> Piece:
        """Return what is read in a quadrilateral, which is turned if its text is upside down."""
        checkpoint()
        piece = self._as_it_is(seen, quadrilateral)
        height, width = LEVEL_SIZE
        start = text.cut(seen, text.beginning(quadrilateral, width / height), height, width)
        if self._networks.upside_down(_padded(start, width))[0, 1] <= SURE:
            return piece
        return max(piece, self._as_it_is(seen, text.turned(quadrilateral)), key=lambda one: one.score)

    def _as_it_is(self, seen: np.ndarray, quadrilateral: np.ndarray) -> Piece:
        cut = text.cut(seen, quadrilateral, HEIGHT, WIDEST)
        width = max(MIN_WIDTH, cut.shape[1] + -cut.shape[1] % WIDTH_STEP)
        probabilities = self._networks.read(_padded(cut, width))[0]
        places, scores = _characters(probabilities)
        score = float(np.mean(scores)) if scores else 0.0
        if score < LEAST_SCORE:
            return Piece(quadrilateral, score, [])
        characters = "".join(self._networks.characters[i - 1] for i in probabilities[places].argmax(axis=1))
        count = len(probabilities) * cut.shape[1] / width
        words = [
            Word(characters[first:last], float(np.mean(scores[first:last])), text.box(quadrilateral, start, end))
            for first, last, start, end in text.spans(characters, places, count)
        ]
        return Piece(quadrilateral, score, words)


def _characters(probabilities: np.ndarray) -> tuple[list[int], list[float]]:
    """Return the first place of each character in T×C probabilities, and its score; repeated places are one."""
    best = probabilities.argmax(axis=1)
    places = np.flatnonzero((best > 0) & (best != np.append(0, best[:-1])))
    return places.tolist(), probabilities[places].max(axis=1).tolist()


def _padded(piece: np.ndarray, width: int) -> np.ndarray:
    """Return a piece of a picture as 1×H×`width`×3, grey at its right."""
    padded = np.full((1, piece.shape[0], width, 3), GREY, np.uint8)
    padded[0, :, : piece.shape[1]] = piece
    return padded


def _placed(word: Word, scale: float, margin: int, shape: tuple[int, ...]) -> Word:
    """Return a word of a picture that was framed and scaled in pixels of the picture of this shape."""
    height, width = shape[:2]
    left, top, right, bottom = np.clip(np.array(word.box) / scale - margin, 0, [width, height] * 2).tolist()
    return Word(word.text, word.score, (left, top, right, bottom))
