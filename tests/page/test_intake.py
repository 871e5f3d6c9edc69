"""Which photos come in: any that the server reads, as a person sees them; nothing of them is kept."""

import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.conftest import Server, encode
from tests.page.conftest import Opener
from tests.page.driving import File, answered, drop, pixels, wait_for

ORIENTATION, TURNED = 0x0112, 6  # of EXIF: the first row is seen at the right
RED, GREEN, BLUE, GREY = (230, 20, 20), (20, 200, 20), (20, 20, 230), (128, 128, 128)
NEAR = 16  # of a colour, after JPEG


@pytest.fixture(scope="module")
def quarters() -> np.ndarray:
    """A picture of four colours, 400 wide and 300 high."""
    picture = np.empty((300, 400, 3), np.uint8)
    picture[:150, :200], picture[:150, 200:], picture[150:, :200], picture[150:, 200:] = RED, GREEN, BLUE, GREY
    return picture


@pytest.fixture
def page(fake_server: Server, open_page: Opener) -> Page:
    return open_page(fake_server, (900, 700))


def check(page: Page, *colours: tuple[int, int, int]) -> None:
    """The photo's canvas has these colours at the left above, the right above and the left below."""
    canvas = pixels(page, "photo")
    for (x, y), colour in zip(((0.25, 0.25), (0.75, 0.25), (0.25, 0.75)), colours, strict=True):
        column, row = page.evaluate(
            "([x, y]) => maskserve.viewer.toStage(x * maskserve.viewer.width, y * maskserve.viewer.height)", [x, y]
        )
        assert np.abs(canvas[int(row), int(column), :3].astype(int) - colour).max() < NEAR, (x, y)


def test_a_photo_lies_as_it_is(page: Page, quarters: np.ndarray) -> None:
    expect(page.locator("#start h1")).to_be_visible()
    drop(page, File(encode(quarters), "quarters.png", "image/png"))
    answered(page)
    check(page, RED, GREEN, BLUE)
    expect(page.locator("#start")).to_be_hidden()
    expect(page.locator("#drop")).to_be_hidden()


def test_a_photo_that_was_turned(page: Page, quarters: np.ndarray) -> None:
    """Browser and server turn it alike."""
    exif, buffer = Image.Exif(), io.BytesIO()
    exif[ORIENTATION] = TURNED
    Image.fromarray(quarters).save(buffer, "JPEG", quality=95, exif=exif)
    drop(page, File(buffer.getvalue()))
    raw = answered(page)
    assert page.evaluate("[maskserve.app.photo.width, maskserve.app.photo.height]") == [300, 400]
    assert raw["masks"][0]["size"] == [400, 300]
    check(page, BLUE, RED, GREY)


def test_a_tiff_lies_as_it_is(page: Page, quarters: np.ndarray) -> None:
    """The browser cannot decode it: the server is asked for it as a picture, on which nothing is drawn."""
    drop(page, File(encode(quarters, "TIFF"), "quarters.tif", "image/tiff"))
    answered(page)
    check(page, RED, GREEN, BLUE)
    wait_for(page, "document.querySelector('#strip .thumb canvas')")


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 2)])
def test_odd_sizes(page: Page, size: tuple[int, int]) -> None:
    drop(page, File(encode(np.full((*size, 3), 200, np.uint8)), "odd.png", "image/png"))
    answered(page)
    assert page.evaluate("[maskserve.app.photo.height, maskserve.app.photo.width]") == list(size)


def test_several_are_shown_in_turn(page: Page, quarters: np.ndarray) -> None:
    upside_down = quarters[::-1]
    drop(page, *(File(encode(one), "photo.png", "image/png") for one in (quarters, upside_down, quarters)))
    answered(page)
    thumbs = page.locator("#strip .thumb")
    expect(thumbs).to_have_count(3)
    thumbs.nth(1).click()
    answered(page)
    check(page, BLUE, GREY, RED)
    page.get_by_role("button", name="Take out").click()
    expect(thumbs).to_have_count(2)
    answered(page)
    check(page, RED, GREEN, BLUE)


def test_nothing_is_kept(page: Page, quarters: np.ndarray) -> None:
    """A page that is loaded anew knows no photo, and the browser has stored nothing."""
    drop(page, File(encode(quarters), "quarters.png", "image/png"))
    answered(page)
    page.reload()
    expect(page.locator("#start h1")).to_be_visible()
    stored = "Promise.all([caches.keys(), indexedDB.databases(), localStorage.length, sessionStorage.length])"
    assert page.evaluate(stored) == [[], [], 0, 0]
    assert page.context.cookies() == []
