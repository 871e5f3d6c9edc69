"""The page for everyone: keyboard, screen reader, touch, every width, little motion; and behind a key."""

from collections.abc import Callable
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import Server
from tests.page.acting import PHOTO, open_with_masks, slide
from tests.page.conftest import Opener
from tests.page.driving import File, answered, drop, wait_for

KEY = "only-for/this=tab"
LEAST_TOUCH = 44  # CSS pixels

# Controls that are seen and lower than LEAST_TOUCH; links in a text may be.
_LOW = """() => [...document.querySelectorAll("button, select, label:has(input), summary, .found, input[type=range]")]
  .filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.matches(".link, .skip"))
  .map((one) => [one.outerHTML.slice(0, 100), one.getBoundingClientRect().height])
  .filter(([, height]) => height > 0 && height < %d)"""


def test_every_object_is_told_to_screen_readers(open_page: Opener, fake_server: Server) -> None:
    page = open_with_masks(open_page, fake_server)
    listbox = page.get_by_role("listbox", name="Objects")
    told = [" ".join(one.split()) for one in listbox.get_by_role("option").all_inner_texts()]
    assert told == ["horse 100% 200 × 300 px at x 0, y 0", "person 53% 200 × 300 px at x 200, y 0"]
    expect(page.locator("#live")).to_have_text("2 objects: 1 horse, 1 person.")
    slide(page, "confidence", 0.9)
    expect(page.locator("#live")).to_have_text("1 object: 1 horse.")
    slide(page, "confidence", 1)
    expect(page.locator("#live")).to_have_text("Nothing found.")
    assert page.get_by_role("status").count() == 2 and page.get_by_role("alert").count() == 1


def test_all_is_reached_by_the_keyboard(open_page: Opener, fake_server: Server) -> None:
    page = open_page(fake_server)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "panel"
    drop(page, File(PHOTO))
    answered(page)
    page.evaluate("document.activeElement.blur()")
    reached: set[str] = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.className"))
    assert reached >= {"stage", "zoom-in", "zoom-fit", "thumb", "more", "confidence", "tab-objects", "list"}
    page.focus("#tab-objects")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "tab-display" and page.locator("#display").is_visible()


@pytest.mark.parametrize("width", [375, 768, 1440, 2560])
def test_nothing_lies_beside_the_screen(open_page: Opener, fake_server: Server, width: int) -> None:
    page = open_page(fake_server, viewport=(width, 800))
    for step in ("empty", "objects", "display", "take"):
        if step == "objects":
            drop(page, File(PHOTO))
            answered(page)
        if step != "empty":
            page.click(f"#tab-{step}")
        assert page.evaluate("document.documentElement.scrollWidth") == width, step
        cut = page.locator("[role=tab]:visible").evaluate_all(
            "(tabs) => tabs.filter((tab) => tab.getBoundingClientRect().right > innerWidth).map((tab) => tab.id)"
        )
        assert cut == []


def test_controls_are_large_enough_for_fingers(open_page: Opener, fake_server: Server) -> None:
    page = open_page(fake_server, viewport=(375, 812), touch=True, is_mobile=True)
    assert page.evaluate(_LOW % LEAST_TOUCH) == []
    drop(page, File(PHOTO))
    answered(page)
    for tab in ("objects", "display", "take"):
        page.tap(f"#tab-{tab}")
        for closed in page.locator(f"#{tab} details:not([open]) > summary").all():
            closed.tap()
        assert page.evaluate(_LOW % LEAST_TOUCH) == [], tab


def test_two_fingers_zoom(open_page: Opener, fake_server: Server) -> None:
    page = open_with_masks(open_page, fake_server, viewport=(375, 812), touch=True)
    before = page.evaluate("maskserve.viewer.view.scale")
    fingers = page.context.new_cdp_session(page)
    box = page.locator("#stage").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for kind, apart in [("touchStart", 30), ("touchMove", 50), ("touchMove", 70), ("touchMove", 90), ("touchEnd", 0)]:
        points = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}] if apart else []
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    wait_for(page, f"maskserve.viewer.view.scale > {before} * 2.5")
    assert page.evaluate("maskserve.app.selected") is None


def test_who_wants_little_motion_gets_none(open_page: Opener, fake_server: Server) -> None:
    moves = "[...document.querySelectorAll('*')].some((one) => getComputedStyle(one).animationName !== 'none')"
    assert open_page(fake_server).evaluate(moves)
    assert not open_page(fake_server, reduced_motion="reduce").evaluate(moves)


@pytest.fixture(scope="module")
def locked(start_slow_server: Callable[..., Server]) -> Server:
    server = start_slow_server(0, MASKSERVE_API_KEY=KEY)
    server.wait()
    return server


def test_a_key_is_asked_for_and_kept_for_the_tab_only(open_page: Opener, locked: Server) -> None:
    def give(page: Page, key: str) -> None:
        page.locator("#key-field").fill(key)
        page.keyboard.press("Enter")

    open_page.expect("status of 401")
    page = open_page(locked)
    dialog = page.locator("#key")
    give(page, "another")
    expect(page.locator("#key-problem")).to_have_text("The server does not know this key.")
    page.keyboard.press("Escape")
    expect(dialog).to_be_visible()
    give(page, KEY)
    expect(dialog).to_be_hidden()
    drop(page, File(PHOTO))
    answered(page)
    page.reload()
    wait_for(page, "Boolean(maskserve.app.facts)")
    expect(dialog).to_be_hidden()
    beside = page.context.new_page()
    beside.goto(locked.url)
    expect(beside.locator("#key")).to_be_visible()
    assert beside.evaluate("JSON.stringify([{ ...localStorage }, document.cookie])") == '[{},""]'


def test_a_key_in_the_address_is_used(open_page: Opener, locked: Server) -> None:
    page = open_page(locked, path="/livez")
    page.goto(locked.url.replace("//", f"//{quote(KEY, safe='')}@"))
    drop(page, File(PHOTO))
    answered(page)
    # What the document links has its key in the address and goes to the same server.
    open_page.foreign[:] = [url for url in open_page.foreign if f"@127.0.0.1:{locked.port}/" not in url]
    expect(page.locator("#key")).to_be_hidden()
