"""Checkpoints of long work: who hears of them, and where masks are made for answers."""

import threading
from typing import NoReturn

import numpy as np
import pytest

from container import formats
from container.cancellation import cancelled_by, checkpoint
from container.errors import ClientGone
from container.structures import Appearance, Choice, Image, Instances, Result, RoiMasks
from tests.fakes import EndsAt

COUNT = 8
BOXES = np.tile(np.array([1, 1, 30, 20], np.float32), (COUNT, 1))
FOUND = Instances(
    image_size=(24, 32),
    boxes=BOXES,
    scores=np.full(COUNT, 0.75, np.float32),
    classes=np.ones(COUNT, np.int64),
    labels=("horse",) * COUNT,
    masks=RoiMasks(np.ones((COUNT, 28, 28), np.float32), BOXES, (24, 32)),
)
RESULT = Result(Image(np.zeros((24, 32, 3), np.uint8)), FOUND, "model")


class Unwanted(Exception):
    pass


def unwanted() -> NoReturn:
    raise Unwanted


def test_nobody_asks_outside_a_block() -> None:
    checkpoint()
    with pytest.raises(Unwanted), cancelled_by(unwanted):
        checkpoint()
    checkpoint()


def test_the_inner_block_counts_and_the_outer_again_after_it() -> None:
    asked: list[str] = []
    with cancelled_by(lambda: asked.append("outer")):
        with cancelled_by(lambda: asked.append("inner")):
            checkpoint()
        checkpoint()
    assert asked == ["inner", "outer"]


def test_other_threads_are_not_meant() -> None:
    failed: list[Exception] = []

    def work() -> None:
        try:
            checkpoint()
        except Unwanted as error:
            failed.append(error)

    with cancelled_by(unwanted):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert not failed


@pytest.mark.parametrize(
    ("form", "appearance", "least"),
    [
        ("json", Appearance(masks="rle"), COUNT),
        ("json", Appearance(masks="polygon"), COUNT),
        ("jsonlines", Appearance(masks="rle"), COUNT),
        ("png", Appearance(), 2 * COUNT),
        ("jpeg", Appearance(draw_labels=False), COUNT),
        ("png", Appearance(render="mask"), COUNT),
        ("png", Appearance(render="cutout"), COUNT),
    ],
)
def test_an_answer_is_no_longer_made_once_it_is_unwanted(form: str, appearance: Appearance, least: int) -> None:
    """At each mask and each label."""
    choice, asked = Choice(form, appearance=appearance), []
    with cancelled_by(lambda: asked.append(form)):
        whole = formats.formats[form].encode(RESULT, choice)
    assert len(asked) >= least and whole
    gone = EndsAt(3, ClientGone("gone"))
    with pytest.raises(ClientGone), cancelled_by(gone):
        formats.formats[form].encode(RESULT, choice)
    assert gone.asked == 3
