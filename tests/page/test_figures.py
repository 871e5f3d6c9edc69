"""The page is fast: bounds that a slow machine keeps, too; `make page` prints what it comes to."""

import pytest
from playwright.sync_api import Browser

from tests.conftest import Server
from tests.page import figures
from tests.page.conftest import Opener

pytestmark = pytest.mark.alone

# Milliseconds; the goals are 1000, 400 and 50.
MAX_FIRST_PAINT, MAX_BEYOND, MAX_FRAME = 3000, 2000, 250


@pytest.fixture(scope="module")
def large_photo() -> bytes:
    return figures.large_photo()


def test_a_phone_shows_the_page_soon(browser: Browser, fake_server: Server) -> None:
    assert min(figures.first_paint(browser, fake_server) for _ in range(3)) <= MAX_FIRST_PAINT


def test_masks_come_soon_after_the_servers_answer(open_page: Opener, fake_server: Server, large_photo: bytes) -> None:
    assert min(figures.beyond_the_server(open_page, fake_server, large_photo) for _ in range(2)) <= MAX_BEYOND


def test_sliders_and_pointers_are_followed(open_page: Opener, fake_server: Server, large_photo: bytes) -> None:
    for kind, times in figures.frames(open_page, fake_server, large_photo).items():
        assert figures.percentile(times, 95) <= MAX_FRAME, kind
