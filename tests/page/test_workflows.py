"""Workflows on the page: their fields, what is sent, and what they give."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import skimage.data
from playwright.sync_api import Page

from tests.conftest import Server, encode
from tests.page.conftest import Opener
from tests.page.driving import File, answered, drop

Axe = Callable[[Page], list[str]]
SCHEMES: tuple[Literal["dark", "light"], ...] = ("light", "dark")


@pytest.fixture
def page(open_page: Opener, extras_server: Server, astronaut: bytes) -> Page:
    """The page with its photo and the tab of workflows open."""
    return opened(open_page(extras_server), astronaut)


def opened(page: Page, photo: bytes) -> Page:
    """Drop a photo and open the tab of workflows."""
    drop(page, File(photo))
    answered(page)
    page.get_by_role("tab", name="Workflows").click()
    page.locator("#workflow option", has_text="count-objects").wait_for(state="attached")
    return page


def choose(page: Page, workflow: str) -> None:
    """Choose a workflow, unless it is chosen."""
    picker = page.get_by_label("Workflow", exact=True)
    if picker.input_value() != workflow:  # choosing it again would empty its fields
        picker.select_option(workflow)


def run(page: Page, workflow: str, **fields: str) -> tuple[Any, Any]:
    """Choose a workflow, fill fields and press Run; what was sent, and what was answered."""
    choose(page, workflow)
    for name, value in fields.items():
        page.get_by_label(name, exact=True).fill(value)
    with page.expect_response("**/workflows/*") as answered:
        page.get_by_role("button", name="Run").click()
    answer = answered.value.json()
    return answered.value.request.post_data_json["inputs"], answer


def picture_of(page: Page, name: str) -> bytes:
    """What the page saves of a picture that it shows."""
    image = page.get_by_role("img", name=f"Output {name}", exact=True)
    image.wait_for()
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    with page.expect_download() as saved:
        page.get_by_role("button", name=f"JPEG, save {name}", exact=True).click()
    return saved.value.path().read_bytes()


def test_the_picture_on_the_page_is_the_answer_s(page: Page, astronaut: bytes) -> None:
    sent, answer = run(page, "count-objects", confidence="0.75")
    assert sent["image"] == {"type": "base64", "value": base64.b64encode(astronaut).decode()}
    assert (sent["confidence"], sent["model_id"]) == (0.75, "served")
    (result,) = answer["outputs"]
    assert picture_of(page, "output_image") == base64.b64decode(result["output_image"]["value"])
    section = page.locator("section.output")
    assert section.nth(0).inner_text().split() == ["count_objects", str(result["count_objects"])]
    people = len(result["predictions"]["predictions"])
    assert f"{people} prediction" in section.nth(2).inner_text()


def test_a_picture_is_enlarged(page: Page) -> None:
    run(page, "blur-people")
    button = page.get_by_role("button", name="Enlarge output_image")
    button.click()
    dialog = page.get_by_role("dialog")
    assert dialog.get_by_role("img").evaluate("image => image.naturalWidth") == 512
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    assert button.evaluate("button => button === document.activeElement")


def test_every_kind_of_field_is_sent_as_what_it_is(
    open_page: Opener, extras_server: Server, small_png: bytes, tmp_path: Path
) -> None:
    two = np.hstack([skimage.data.astronaut()] * 2)  # so that there are several crops
    page = opened(open_page(extras_server), encode(two, "JPEG"))
    other = tmp_path / "other.png"
    other.write_bytes(small_png)
    choose(page, "every-field")
    page.get_by_label("other", exact=True).set_input_files(other)
    page.get_by_label("agnostic").check()
    sent, answer = run(page, "every-field", classes="person", thickness="3", note="as is", table='{"a": [1]}')
    assert base64.b64decode(sent.pop("image")["value"])[:2] == b"\xff\xd8"
    assert base64.b64decode(sent.pop("other")["value"]) == small_png
    assert sent == {
        "classes": ["person"],
        "confidence": 0.4,
        "thickness": 3,
        "agnostic": True,
        "note": "as is",
        "table": {"a": [1]},
    }
    (result,) = answer["outputs"]
    assert picture_of(page, "drawn") == base64.b64decode(result["drawn"]["value"])
    assert len(result["crops"]) > 1
    assert page.get_by_text(f"crops ({len(result['crops'])} pictures)").is_visible()
    assert picture_of(page, "crops 1") == base64.b64decode(result["crops"][0]["value"])
    assert page.get_by_text("as is").is_visible()
    with page.expect_download() as saved:
        page.get_by_role("button", name="JSON, save found").click()
    assert json.loads(saved.value.path().read_text()) == result["found"]


def test_what_is_left_empty_is_left_to_the_workflow(page: Page) -> None:
    sent, _ = run(page, "every-field", classes="", confidence="")
    assert sent.keys() == {"image", "other", "agnostic"}
    assert sent["other"] == sent["image"]  # the current photo, too


def test_a_value_that_is_none_is_told_before_it_is_sent(page: Page) -> None:
    choose(page, "every-field")
    page.get_by_label("table", exact=True).fill("{")
    page.get_by_role("button", name="Run").click()
    page.get_by_text("table is no JSON").wait_for()
    assert page.get_by_label("table", exact=True).evaluate("field => field === document.activeElement")


def test_a_step_that_fails_says_the_server_s_words(page: Page, open_page: Opener) -> None:
    open_page.expect("status of 404")
    _, answer = run(page, "failing")
    assert "step 'searching'" in answer["message"]
    problem = page.locator("#workflows [role=alert]")
    problem.locator("strong").wait_for()
    assert answer["message"].lower() in problem.inner_text().lower()


def test_an_input_that_is_refused_has_the_focus(page: Page, open_page: Opener) -> None:
    open_page.expect("status of 400")
    _, answer = run(page, "count-objects", confidence="7")
    page.locator("#workflows [role=alert] strong").wait_for()
    assert answer["message"].startswith("input confidence")
    field = page.get_by_label("confidence", exact=True)
    assert field.get_attribute("aria-invalid") == "true"
    assert field.evaluate("field => field === document.activeElement")


def test_a_file_that_is_no_workflow_says_why(page: Page) -> None:
    choose(page, "no-workflow")
    assert "the specification lacks" in page.locator("#workflows [role=alert]").inner_text()
    assert page.get_by_role("button", name="Run").is_disabled()


def test_enter_in_a_field_runs_it_and_stop_ends_it(page: Page) -> None:
    choose(page, "count-objects")
    page.route("**/workflows/count-objects", lambda route: None, times=1)  # never answered
    with page.expect_request("**/workflows/count-objects"):  # one that is not yet on its way cannot fail
        page.get_by_label("confidence", exact=True).press("Enter")
    with page.expect_event("requestfailed") as ended:
        page.get_by_role("button", name="Stop").press("Enter")
    page.get_by_text("Stopped.").wait_for()
    assert page.get_by_role("button", name="Run").evaluate("button => button === document.activeElement")
    assert ended.value.failure == "net::ERR_ABORTED"
    with page.expect_response("**/workflows/*"):
        page.get_by_label("confidence", exact=True).press("Enter")


def test_no_barriers(open_page: Opener, extras_server: Server, astronaut: bytes, axe: Axe) -> None:
    page = opened(open_page(extras_server, viewport=(375, 760)), astronaut)
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        run(page, "every-field")
        page.locator("section.output summary").first.click()
        assert axe(page) == []
        choose(page, "no-workflow")
        assert axe(page) == []
