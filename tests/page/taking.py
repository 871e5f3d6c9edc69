"""What tests of downloads and of code do with the page, as a user would."""

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.page.driving import File, answered, drop, wait_for

TYPES = {".jpg": "image/jpeg", ".png": "image/png", ".tif": "image/tiff"}


def give(page: Page, *photos: Path) -> None:
    """Drop photos, wait until each has its answer, and open the tab Take."""
    drop(page, *(File(photo.read_bytes(), photo.name, TYPES[photo.suffix]) for photo in photos))
    for index in range(len(photos)):
        wait_for(page, f"maskserve.app.photos.length > {index}")
        page.evaluate(f"maskserve.app.show(maskserve.app.photos[{index}])")
        answered(page)
    page.get_by_role("tab", name="Take", exact=True).click()


def set_options(page: Page, off: str = "", **options: Any) -> None:
    """Change options of the page, and switch a class off."""
    page.evaluate("(options) => maskserve.app.set(options)", options)
    if off:
        page.evaluate("(label) => maskserve.app.switchClass(label, false)", off)


def choose(page: Page, model: str) -> None:
    """Choose a model of a multi-model server."""
    page.locator("#model").get_by_role("combobox").select_option(model)
    wait_for(page, f"maskserve.app.facts?.model?.name === '{model}'")


def download(page: Page, name: str, folder: Path) -> Path:
    """The file behind a button of the page."""
    with page.expect_download() as event:
        page.get_by_role("button", name=name, exact=True).click()
    file = folder / event.value.suggested_filename
    event.value.save_as(file)
    return file


def shown(page: Page, folder: Path) -> dict[str, Any]:
    """What the page shows, as the server's JSON."""
    answer: dict[str, Any] = json.loads(download(page, "JSON", folder).read_text())
    return answer


def copied(page: Page, client: str, picture: bool = False) -> str:
    """The code for a client, by the button that copies it."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("tab", name=client, exact=True).click()
    page.locator(f"input[name=code-answer][value={'png' if picture else 'json'}]").check()
    page.get_by_role("button", name="Copy", exact=True).click()
    page.get_by_role("button", name="Copied", exact=True).wait_for()
    code: str = page.evaluate("navigator.clipboard.readText()")
    assert code == page.locator("#code-text").text_content()
    page.get_by_role("button", name="Copy", exact=True).wait_for()
    return code
