"""Memory for decoded pictures is given back however a request ends, and is waited for."""

import threading
import time

import numpy as np
import pytest

from container.errors import BadImage, Overloaded
from container.images import Limits, decode, room
from container.images.room import DECODING, Room
from container.structures import Image
from tests.images.pictures import encode, noise

DATA = encode(noise(40, 60))
PIXELS = 60 * 40


def test_a_picture_is_held_for_as_long_as_it_is_used() -> None:
    limits = Limits(room=Room(10 * PIXELS))
    first, second = decode(DATA, limits), decode(DATA, limits)
    assert limits.room.held == 2 * PIXELS
    del first
    assert limits.room.held == PIXELS
    del second
    assert limits.room.held == 0


def test_a_broken_picture_gives_back_what_it_took() -> None:
    limits = Limits(room=Room(10 * PIXELS))
    with pytest.raises(BadImage):
        decode(DATA[: len(DATA) // 2], limits)
    assert limits.room.held == 0


def test_one_picture_is_let_in_whatever_its_size() -> None:
    limits = Limits(room=Room(1))
    image = decode(DATA, limits)
    assert (image.size, limits.room.held) == ((40, 60), PIXELS)


def test_a_picture_waits_for_room() -> None:
    limits = Limits(room=Room(DECODING * PIXELS))
    held = [decode(DATA, limits)]
    threading.Timer(0.2, held.clear).start()
    begun = time.monotonic()
    decode(DATA, limits)
    assert time.monotonic() - begun >= 0.15
    assert limits.room.held == 0


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "PATIENCE", 0.05)
    limits = Limits(room=Room(DECODING * PIXELS))
    held = decode(DATA, limits)
    with pytest.raises(Overloaded, match="memory"):
        decode(DATA, limits)
    assert limits.room.held == held.size[0] * held.size[1]


def test_pictures_kept_by_a_cycle_are_found() -> None:
    crowd = Room(DECODING * 4)
    cycle: list[object] = [crowd.keep(Image(np.zeros((2, 2, 3), np.uint8)))]
    cycle.append(cycle)
    del cycle
    with crowd.decoding(4):
        assert crowd.held == DECODING * 4


@pytest.mark.alone
def test_not_all_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "WAITING", 2)
    collections: list[None] = []
    monkeypatch.setattr(room.gc, "collect", lambda: collections.append(None))
    limits = Limits(room=Room(DECODING * PIXELS))
    held = [decode(DATA, limits)]
    waiting = [threading.Thread(target=decode, args=(DATA, limits)) for _ in range(2)]
    for thread in waiting:
        thread.start()
    time.sleep(0.2)
    begun = time.monotonic()
    with pytest.raises(Overloaded, match="2 requests are waiting"):
        decode(DATA, limits)
    assert time.monotonic() - begun < 0.1
    held.clear()
    for thread in waiting:
        thread.join(5)
    assert limits.room.held == 0
    assert len(collections) == 1  # each waited for one of its own before: 300 of them held /ping up for 5.7 s
