"""The page of the API as people use it: sections, a file, the answer, and nothing that the policy forbids."""

import re
from collections.abc import Callable
from typing import Any, Literal

import pytest
import requests
from playwright.sync_api import Page

from tests.conftest import Server
from tests.page.conftest import Opener

INVOKE = '[id^="operations-Invoke-"]'
ANSWER = ".live-responses-table .microlight, .live-responses-table img"


def opened(page: Page) -> Page:
    """The page with its first route open for trying it out."""
    page.locator(f"{INVOKE} .opblock-summary-control").click()
    page.locator(f"{INVOKE} .try-out__btn").click()
    return page


def choose(page: Page, photo: bytes) -> None:
    """Choose a photo as the body."""
    file: Any = {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": photo}
    page.locator('input[type="file"]').set_input_files(file)


def test_it_shows_every_route_in_sections(fake_server: Server, open_page: Opener) -> None:
    document = requests.get(fake_server.url + "/openapi.json", timeout=10).json()
    page = open_page(fake_server, path="/docs")
    page.locator(".opblock").first.wait_for()
    assert page.locator(".opblock").count() == 1
    assert page.locator(".opblock-tag").evaluate_all("tags => tags.map((tag) => tag.dataset.tag)") == [
        tag["name"] for tag in document["tags"]
    ]
    page.get_by_role("button", name="Show all").click()
    routes = [(method.upper(), path) for path, methods in document["paths"].items() for method in methods]
    page.locator(".opblock").nth(len(routes) - 1).wait_for()
    shown = page.locator(".opblock-summary").evaluate_all(
        "rows => rows.map((row) => [row.querySelector('.opblock-summary-method').textContent, "
        "row.querySelector('[data-path]').dataset.path])"
    )
    assert sorted(map(tuple, shown)) == sorted(routes)


@pytest.mark.parametrize(("accept", "shown"), [("application/json", "horse"), ("image/png", "blob:")])
def test_a_photo_is_chosen_and_sent(
    accept: str, shown: str, fake_server: Server, scene: bytes, open_page: Opener
) -> None:
    page = opened(open_page(fake_server, path="/docs"))
    assert page.locator(f"{INVOKE} .opblock-section-request-body select").input_value() == "image/jpeg"
    choose(page, scene)
    page.locator(f"{INVOKE} .response-control-media-type--accept-controller select").select_option(accept)
    page.locator(f"{INVOKE} .execute").click()
    answer = page.locator(ANSWER).first
    answer.wait_for()
    assert shown in (answer.get_attribute("src") or answer.inner_text())


def test_an_example_is_sent_as_it_is(fake_server: Server, open_page: Opener) -> None:
    page = opened(open_page(fake_server, path="/docs"))
    page.locator(f"{INVOKE} .opblock-section-request-body select").select_option("application/json")
    page.locator(f"{INVOKE} .execute").click()
    page.locator(ANSWER).first.wait_for()
    assert "horse" in page.locator(ANSWER).first.inner_text()


@pytest.mark.parametrize("width", [375, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_has_no_barriers(
    width: int,
    scheme: Literal["dark", "light"],
    fake_server: Server,
    axe: Callable[[Page], list[str]],
    open_page: Opener,
) -> None:
    more: Any = {"bypass_csp": True}  # for axe-core's own script
    page = opened(open_page(fake_server, viewport=(width, 900), scheme=scheme, path="/docs", **more))
    choose(page, b"no picture")
    page.locator(f"{INVOKE} .execute").click()
    page.locator(ANSWER).first.wait_for()
    open_page.expect("status of 415")
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark is (scheme == "dark")


def test_it_links_to_the_page(fake_server: Server, open_page: Opener) -> None:
    page = open_page(fake_server, path="/docs")
    page.get_by_role("link", name="Open the page").click()
    page.wait_for_url(re.compile(r":\d+/$"))
