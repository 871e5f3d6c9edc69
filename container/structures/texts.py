"""Text in pictures: what a reader is asked, and the words that it has read."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from container.structures.instances import Instances


@dataclass(frozen=True, eq=False)
class TextQuery:
    """A picture that may hold text."""

    pixels: np.ndarray  # uint8 H×W×3 RGB


@dataclass(frozen=True)
class Word:
    """Characters without a space between them; or a line of them, with spaces."""

    text: str
    score: float  # 0 to 1, the mean of its characters'
    box: tuple[float, float, float, float]  # left, top, right, bottom in pixels of the picture

    @classmethod
    def joined(cls, words: Sequence["Word"]) -> "Word":
        """Return the line of some words: a space between them, and the box around all.

        >>> Word.joined([Word("a", 1.0, (0, 2, 8, 9)), Word("cat", 0.5, (10, 1, 30, 9))])
        Word(text='a cat', score=0.625, box=(0, 1, 30, 9))
        """
        lefts, tops, rights, bottoms = zip(*(word.box for word in words), strict=True)
        characters = sum(len(word.text) for word in words)
        score = sum(word.score * len(word.text) for word in words) / characters
        return cls(" ".join(word.text for word in words), score, (min(lefts), min(tops), max(rights), max(bottoms)))

    def placed(self, x: int, y: int) -> "Word":
        """Return the same word in an image of which its own is the part at (x, y)."""
        left, top, right, bottom = self.box
        return replace(self, box=(left + x, top + y, right + x, bottom + y))


class TextLines(Instances):
    """Lines of text as instances, which are shown with what is read in them."""

    @property
    def captions(self) -> list[str]:
        """The text of each line."""
        return [*self.labels]


@dataclass(frozen=True)
class Reading:
    """What was read in one picture."""

    image_size: tuple[int, int]  # (height, width)
    lines: tuple[tuple[Word, ...], ...]  # in reading order, none of them empty

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def words(self) -> tuple[Word, ...]:
        """All words in reading order."""
        return tuple(word for line in self.lines for word in line)

    @property
    def text(self) -> str:
        """All words in reading order with a space between them; "" if there are none."""
        return " ".join(word.text for word in self.words)

    @property
    def joined(self) -> list[Word]:
        """The lines, each as one."""
        return [Word.joined(line) for line in self.lines]

    def instances(self) -> TextLines:
        """Return the lines in reading order as instances of class 0, whose labels are their text."""
        lines = self.joined
        return TextLines(
            image_size=self.image_size,
            boxes=np.array([line.box for line in lines], np.float32).reshape(-1, 4),
            scores=np.array([line.score for line in lines], np.float32),
            classes=np.zeros(len(lines), np.int64),
            labels=tuple(line.text for line in lines),
        )

    def placed(self, x: int, y: int, image_size: tuple[int, int]) -> "Reading":
        """Return what was read, in an image of which this one is the part at (x, y)."""
        return Reading(image_size, tuple(tuple(word.placed(x, y) for word in line) for line in self.lines))

    def kept(self, confidence: float, most: int | None) -> "Reading":
        """Return the lines with a score from `confidence` on, the first `most` of them; None: all."""
        sure = [line for line in self.lines if Word.joined(line).score >= confidence]
        return replace(self, lines=tuple(sure[:most]))
