"""Words, lines and what was read in a picture."""

import numpy as np
import pytest

from container.structures.texts import Reading, TextLines, Word

HELLO, NUMBER = Word("HELLO", 1.0, (10, 4, 50, 12)), Word("42", 0.3, (56, 3, 70, 12))
LOW = Word("small", 0.5, (10, 20, 30, 30))
READING = Reading((40, 80), ((HELLO, NUMBER), (LOW,)))


def test_lines_are_instances_in_reading_order() -> None:
    lines = READING.instances()
    assert isinstance(lines, TextLines) and len(lines) == len(READING) == 2
    assert lines.captions == ["HELLO 42", "small"] == [*lines.labels]
    assert lines.boxes.tolist() == [[10, 3, 70, 12], [10, 20, 30, 30]]
    assert lines.scores.tolist() == pytest.approx([5.6 / 7, 0.5])
    assert lines[np.array([1])].captions == ["small"]
    assert len(Reading((4, 4), ()).instances()) == 0


@pytest.mark.parametrize(
    ("confidence", "most", "texts"),
    [(0.0, None, ["HELLO 42", "small"]), (0.6, None, ["HELLO 42"]), (0.0, 1, ["HELLO 42"]), (0.9, None, [])],
)
def test_some_lines_are_kept(confidence: float, most: int | None, texts: list[str]) -> None:
    assert [line.text for line in READING.kept(confidence, most).joined] == texts


def test_in_a_larger_picture() -> None:
    placed = READING.placed(100, 200, (400, 800))
    assert (placed.image_size, placed.text) == ((400, 800), "HELLO 42 small")
    assert placed.words[1].box == (156, 203, 170, 212)
