"""No barriers that axe-core calls serious or critical, in both themes, and text that can be read."""

from collections.abc import Callable
from typing import Literal

import pytest
from playwright.sync_api import Page

from tests.conftest import Server
from tests.page.conftest import Opener
from tests.page.driving import File, answered, drop, wait_for

SCHEMES = ("light", "dark")
WIDTHS = (1280, 375)
TABS = ("objects", "display", "take", "workflows")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_barriers(
    fake_server: Server,
    open_page: Opener,
    axe: Callable[[Page], list[str]],
    astronaut: bytes,
    scheme: Literal["light", "dark"],
    width: int,
) -> None:
    """On the empty page, with a result in every tab, with one object singled out, with nothing shown, with an error."""
    open_page.expect("status of 415")
    page = open_page(fake_server, (width, 800), scheme)
    wait_for(page, "maskserve.app.facts?.model")
    assert axe(page) == [], "empty"
    drop(page, File(astronaut))
    answered(page)
    for tab in TABS:
        page.locator(f"#tab-{tab}").click()
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        assert axe(page) == [], tab
    page.locator("#tab-objects").click()
    page.evaluate("maskserve.app.select(0)")
    assert axe(page) == [], "singled out"
    page.evaluate("maskserve.app.set({ confidence: 1 })")
    assert axe(page) == [], "nothing shown"
    drop(page, File(b"no picture"))
    wait_for(page, "maskserve.app.error")
    assert axe(page) == [], "error"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_dialogs_have_no_barriers(
    fake_server: Server, open_page: Opener, axe: Callable[[Page], list[str]], scheme: Literal["light", "dark"]
) -> None:
    page = open_page(fake_server, scheme=scheme)
    page.evaluate("async () => { (await import(new URL('page/key.js', location.href).href)).askForKey(true); }")
    page.locator("#key").wait_for()
    assert axe(page) == [], "key"
    page.evaluate("document.getElementById('key').close()")
    page.evaluate("document.getElementById('camera-dialog').showModal()")
    assert axe(page) == [], "camera-dialog"
