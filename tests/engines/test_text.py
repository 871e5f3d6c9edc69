"""The engine that reads text, with networks that are none."""

from itertools import cycle

import numpy as np
import pytest

from container.cancellation import cancelled_by
from container.engines.text import STEP, Networks, TextEngine
from container.errors import DeadlineExceeded
from container.structures import ModelSpec
from container.structures.texts import Reading, TextQuery
from tests.fakes import EndsAt

SPEC = ModelSpec("reader", "pp_ocr", "PP-OCRv6")
CHARACTERS = "ab "


class Asked(list):
    """What networks were given."""


def reader(
    find: list[tuple[int, int, int, int]], text: str = "ab a", upside_down: float = 0.0, *scores: float
) -> tuple[TextEngine, Asked]:
    """A reader that finds boxes, given in the picture as it is seen, and reads the same in each, a column apart.

    The scores of its characters are `scores` in turn.
    """
    asked, score = Asked(), cycle(scores or (0.9,))

    def found(pixels: np.ndarray) -> np.ndarray:
        asked.append(pixels)
        made = np.zeros((1, 1, *pixels.shape[1:3]), np.float32)
        for left, top, right, bottom in find:
            made[0, 0, top:bottom, left:right] = 0.9
        return made

    def read(pixels: np.ndarray) -> np.ndarray:
        asked.append(pixels)
        made = np.full((1, pixels.shape[2] // 8, len(CHARACTERS) + 1), 0.01, np.float32)
        made[0, :, 0], sure = 0.5, next(score)
        for i, character in enumerate(text):
            made[0, 2 * i + 1, CHARACTERS.index(character) + 1] = sure
        return made

    level = np.array([[1 - upside_down, upside_down]], np.float32)
    return TextEngine(SPEC, Networks(found, lambda pixels: level, read, CHARACTERS)), asked


def words(engine: TextEngine, height: int = 736, width: int = 960) -> Reading:
    (reading,) = engine.predict([TextQuery(np.full((height, width, 3), 255, np.uint8))])
    return reading


def test_words_are_joined_line_by_line() -> None:
    engine, asked = reader([(100, 300, 300, 330), (400, 100, 600, 130), (100, 105, 300, 135)])
    reading = words(engine)
    assert [[word.text for word in line] for line in reading.lines] == [["ab", "a", "ab", "a"], ["ab", "a"]]
    assert reading.text == "ab a ab a ab a" and len(reading) == 2  # lines
    assert [word.score for word in reading.words] == pytest.approx([0.9] * 6)
    assert asked[0].dtype == np.uint8 and all(side % STEP == 0 for side in asked[0].shape[1:3])


def test_boxes_lie_in_the_picture() -> None:
    engine, _ = reader([(0, 0, 700, 60)])
    reading = words(engine, 92, 120)  # framed by 23 pixels and enlarged
    for word in reading.words:
        left, top, right, bottom = word.box
        assert 0 <= left <= right <= 120 and 0 <= top <= bottom <= 92


def test_text_upside_down_is_turned() -> None:
    engine, _ = reader([(100, 100, 300, 130), (500, 100, 700, 130), (500, 300, 700, 330)], "ab a", 0.95, 0.6, 0.9)
    first, second = words(engine).lines
    assert len(first) == 2 and len(second) == 4
    assert second[0].box[0] > second[-1].box[0]  # the line that is read last lies on top, from right to left


@pytest.mark.parametrize(("find", "text"), [([], "ab"), ([(9, 9, 300, 40)], ""),
                                                     ([(9, 9, 300, 40)], "   ")])  # fmt: skip
def test_nothing_to_read_is_no_error(find: list[tuple[int, int, int, int]], text: str) -> None:
    reading = words(reader(find, text)[0])
    assert (reading.text, reading.lines, len(reading)) == ("", (), 0)


def test_text_is_not_turned_if_it_is_read_worse_then() -> None:
    engine, _ = reader([(100, 100, 300, 130)], "ab a", 0.95, 0.9, 0.6)
    first, second = words(engine).words
    assert first.box[0] < second.box[0] and first.score == pytest.approx(0.9)


def test_a_doubtful_line_is_left_out() -> None:
    engine, _ = reader([(9, 9, 300, 40)], "ab a", 0.0, 0.5001)
    assert words(engine).text == "ab a"
    unsure = Networks(*engine._networks[:2], lambda pixels: np.full((1, 9, 4), [0.1, 0.49, 0.2, 0.21]), CHARACTERS)
    assert words(TextEngine(SPEC, unsure)).text == ""


def test_reading_ends_when_nobody_waits() -> None:
    engine, asked = reader([(9, top, 300, top + 30) for top in range(0, 600, 100)])
    with cancelled_by(EndsAt(8, DeadlineExceeded("too late"))), pytest.raises(DeadlineExceeded):
        words(engine)
    assert len(asked) < 7


def test_what_it_is_asked() -> None:
    engine, _ = reader([])
    assert (engine.task, engine.query) == ("ocr", TextQuery)
    assert engine.predict([engine.trial()])[0].image_size == engine.trial().pixels.shape[:2]
