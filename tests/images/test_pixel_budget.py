"""Memory for decoded pictures is given back however a request ends, and is waited for."""

import threading
import time

import pytest

from container.errors import BadImage, Overloaded
from container.images import pixel_budget
from container.images.base import Limits
from container.images.decode import decode
from container.images.pixel_budget import DECODING, PixelBudget, PixelShare
from tests.images.pictures import encode, noise

DATA = encode(noise(40, 60))
PIXELS = 60 * 40


def held(budget: PixelBudget) -> PixelShare:
    """The share of a request that has decoded one picture."""
    share = PixelShare(budget)
    decode(DATA, Limits(), share)
    return share


def test_a_share_holds_its_pictures_until_it_gives_them_back() -> None:
    budget = PixelBudget(10 * PIXELS)
    first, second = held(budget), held(budget)
    decode(DATA, Limits(), second)
    assert budget.held == 3 * PIXELS
    first.give_back()
    assert budget.held == 2 * PIXELS
    second.give_back()
    second.give_back()
    assert budget.held == 0


def test_a_broken_picture_gives_back_what_it_took() -> None:
    budget = PixelBudget(10 * PIXELS)
    with pytest.raises(BadImage):
        decode(DATA[: len(DATA) // 2], Limits(), PixelShare(budget))
    assert budget.held == 0


def test_one_picture_is_let_in_whatever_its_size() -> None:
    budget = PixelBudget(1)
    held(budget)
    assert budget.held == PIXELS


def test_a_picture_waits_for_room() -> None:
    budget = PixelBudget(DECODING * PIXELS)
    threading.Timer(0.2, held(budget).give_back).start()
    begun = time.monotonic()
    held(budget).give_back()
    assert time.monotonic() - begun >= 0.15
    assert budget.held == 0


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixel_budget, "PATIENCE", 0.05)
    budget = PixelBudget(DECODING * PIXELS)
    held(budget)
    with pytest.raises(Overloaded, match="memory"):
        held(budget)
    assert budget.held == PIXELS


def test_one_of_those_that_hold_pictures_and_make_more_goes_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    budget = PixelBudget(100)
    first, second, third = (PixelShare(budget) for _ in range(3))
    first.take(50)
    second.take(50)
    first.take(30)
    first.take(30)
    first.give_back(30)
    threading.Timer(0.2, first.give_back).start()
    begun = time.monotonic()
    second.take(60)
    assert time.monotonic() - begun >= 0.15
    assert budget.held == 110
    monkeypatch.setattr(pixel_budget, "PATIENCE", 0.05)
    with pytest.raises(Overloaded):
        third.take(1)  # it holds none, for which another would wait
    second.give_back()
    assert budget.held == 0


@pytest.mark.alone
def test_not_all_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixel_budget, "WAITING", 2)
    budget = PixelBudget(DECODING * PIXELS)
    first = held(budget)
    waiting = [threading.Thread(target=lambda: held(budget).give_back()) for _ in range(2)]
    for thread in waiting:
        thread.start()
    time.sleep(0.2)
    begun = time.monotonic()
    with pytest.raises(Overloaded, match="2 requests are waiting"):
        held(budget)
    assert time.monotonic() - begun < 0.1
    first.give_back()
    for thread in waiting:
        thread.join(5)
    assert budget.held == 0
