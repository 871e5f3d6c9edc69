"""Text in pictures: what a reader is asked, and the words that it has read."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class TextQuery:
    """A picture that may hold text."""

    pixels: np.ndarray  # uint8 H×W×3 RGB


@dataclass(frozen=True)
class Word:
    """Characters without a space between them."""

    text: str
    score: float  # 0 to 1, the mean of its characters'
    box: tuple[float, float, float, float]  # left, top, right, bottom in pixels of the picture


@dataclass(frozen=True)
class Reading:
    """What was read in one picture."""

    image_size: tuple[int, int]  # (height, width)
    lines: tuple[tuple[Word, ...], ...]  # in reading order, none of them empty

    def __len__(self) -> int:
        return len(self.words)

    @property
    def words(self) -> tuple[Word, ...]:
        """All words in reading order."""
        return tuple(word for line in self.lines for word in line)

    @property
    def text(self) -> str:
        """All words in reading order with a space between them; "" if there are none."""
        return " ".join(word.text for word in self.words)
