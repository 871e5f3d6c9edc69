"""What tests of the page share beside `driving`: a page with masks, sliders, and what is told about objects."""

from typing import Any

import numpy as np
from playwright.sync_api import Page, Request

from tests.conftest import Server, encode
from tests.page.conftest import Opener
from tests.page.driving import File, answered, drop

# The fake model finds a horse of 99.75 % in the left half of any photo and a person of 53 % in the right half.
PHOTO = encode(np.full((300, 400, 3), 200, np.uint8), "JPEG")

_SLIDE = """([id, value]) => {
  const slider = document.getElementById(id);
  slider.value = value;
  slider.dispatchEvent(new Event("input", { bubbles: true }));
}"""


def open_with_masks(open_page: Opener, server: Server, photo: bytes = PHOTO, **options: Any) -> Page:
    """Return a page with a photo whose masks are drawn."""
    page = open_page(server, **options)
    drop(page, File(photo))
    answered(page)
    return page


def slide(page: Page, name: str, value: float) -> None:
    """Set a slider as a finger does."""
    page.evaluate(_SLIDE, [name, str(value)])


def drawn(page: Page) -> None:
    """Wait for the next frame."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))")


def invocations(page: Page) -> list[Request]:
    """Return a list that grows with each photo that the page sends."""
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request) if "invocations" in request.url else None)
    return sent


def place(page: Page, x: float, y: float) -> tuple[float, float]:
    """Return where a place of the photo, in its pixels, is on the screen."""
    left, top = page.evaluate("([x, y]) => maskserve.viewer.toStage(x, y)", [x, y])
    box = page.locator("#stage").bounding_box()
    assert box
    return box["x"] + left, box["y"] + top


def summary(page: Page) -> str:
    """Return the heading over what was found."""
    return page.locator("#summary h2").inner_text()


def rows(page: Page) -> list[str]:
    """Return the names in the list of objects, as far as they are shown."""
    return page.locator("#list .found:visible .name").all_inner_texts()
