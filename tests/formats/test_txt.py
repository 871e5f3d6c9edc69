"""What readers of text are answered by, in every format, and “txt”."""

import numpy as np
import pytest

from container import formats
from container.structures import Appearance, Choice
from container.structures.texts import Reading, Word
from tests.conftest import pixels_of
from tests.formats.test_json import DOG, MAP, NAN, NONE, encoded, found, result

LINES = (
    (Word("HELLO", 0.98765, (1.0, 2.0, 11.0, 5.006)), Word("42", 0.98765, (13.0, 2.0, 15.0, 5.0))),
    (Word("größer", 0.75, (1.0, 12.5, 9.0, 15.0)),),
)
READING = Reading((20, 40), LINES)
FIRST = '{"text":"HELLO 42","score":0.98765,"box":[1.0,2.0,15.0,5.006]}'
SECOND = '{"text":"gr\\u00f6\\u00dfer","score":0.75,"box":[1.0,12.5,9.0,15.0]}'


def test_json() -> None:
    assert encoded(READING) == f'{{"text":"HELLO 42 gr\\u00f6\\u00dfer","lines":[{FIRST},{SECOND}]}}'
    assert encoded(Reading((4, 4), ())) == '{"text":"","lines":[]}'
    batch = formats.formats["json"].encode_batch([result(READING)] * 2, Choice("json"))
    assert batch.decode() == f"[{encoded(READING)},{encoded(READING)}]"


def test_a_line_each() -> None:
    assert encoded(READING, "jsonlines") == f"{FIRST}\n{SECOND}\n"
    assert encoded(Reading((4, 4), ()), "jsonlines") == ""


@pytest.mark.parametrize(
    ("prediction", "expected"),
    [
        (READING, "HELLO 42\ngrößer\n"),
        (Reading((4, 4), ()), ""),
        (found(DOG), "dog 51%\n"),
        (found(DOG, ("dog", 18, NAN, (0, 0, 1, 1))), "dog 51%\n"),
        (MAP, "road 75%\n"),
        (NONE, ""),
    ],
    ids=["read", "nothing-read", "found", "not-finite", "map", "nothing-found"],
)
def test_text(prediction: Reading, expected: str) -> None:
    text = formats.formats["txt"]
    assert text.encode(result(prediction), Choice("txt")).decode() == expected
    assert (text.content_type, text.suffix, text.needs_masks(Choice("txt"))) == (
        "text/plain; charset=utf-8", ".txt", False,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["png", "jpeg"])
def test_a_picture_has_boxes_and_text(name: str) -> None:
    large = Reading((200, 400), ((Word("HELLO", 0.9, (100.0, 80.0, 300.0, 140.0)),),))

    def drawn(**appearance: bool) -> np.ndarray:
        choice = Choice(name, appearance=Appearance(**appearance))
        return pixels_of(formats.formats[name].encode(result(large), choice)).max(axis=2) > 60

    both, boxes = drawn(), drawn(draw_labels=False)
    assert boxes[80:140, 100].mean() > 0.8 and not boxes[90:130, 110:290].any()  # a frame
    labels = both & ~boxes
    assert labels[:80].sum() > 300 and not labels[140:].any()  # on the frame's top
    assert not drawn(draw_labels=False, draw_boxes=False).any()
