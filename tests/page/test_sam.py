"""Segment Anything on the page: clicks, boxes, keys and taps, against the same requests made directly."""

import base64
import json
import re
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import pytest
import requests
from playwright.sync_api import Page, Request
from pycocotools import mask as coco

from tests.conftest import Server, pixels_of
from tests.page.conftest import Opener
from tests.page.driving import File, answered, drop, pixels, wait_for

Point = tuple[float, float, int]  # x, y in pixels of the photo, and the label: 1 on the object, 0 beside it
Axe = Callable[[Page], list[str]]
SCHEMES: tuple[Literal["dark", "light"], ...] = ("light", "dark")

ON_STAGE = """([x, y]) => {
  const { viewer } = maskserve;
  const { left, top } = viewer.stage.getBoundingClientRect();
  const [a, b] = viewer.toStage(x, y);
  return [a + left, b + top];
}"""


class Clicker:
    """A page with its photo and the tab of Segment Anything open, and what it asks /sam/… and /sam2/…."""

    def __init__(self, page: Page, photo: bytes) -> None:
        self.page = page
        self.asked: list[tuple[str, Any]] = []
        page.on("request", self._note)
        drop(page, File(photo, "astronaut.jpg"))
        answered(page)
        page.get_by_role("tab", name="Click").click()
        page.locator("#sam-version").wait_for()

    def _note(self, request: Request) -> None:
        route = request.url.rpartition("/")[2]
        if route in ("embed_image", "segment_image"):
            self.asked.append((route, request.post_data_json))

    @property
    def segmented(self) -> list[Any]:
        """The bodies of the requests for masks."""
        return [body for route, body in self.asked if route == "segment_image"]

    def on_stage(self, x: float, y: float) -> tuple[float, float]:
        """Where a pixel of the photo lies in the window."""
        left, top = self.page.evaluate(ON_STAGE, [x, y])
        return left, top

    def click(self, x: float, y: float, **how: Any) -> None:
        """Click on a pixel of the photo, and wait for the mask."""
        with self.page.expect_response("**/segment_image"):
            self.page.mouse.click(*self.on_stage(x, y), **how)
        self.found()

    def found(self) -> str:
        """What the panel says of the mask, once it is there."""
        said = self.page.locator("#sam [role=status]").filter(has_text="score")
        said.wait_for()
        return said.inner_text()

    def covered(self, points: Sequence[Point] = ()) -> tuple[np.ndarray, np.ndarray]:
        """Which pixels of the photo have a colour, and which are not under the marks of points."""
        wait_for(self.page, "!maskserve.viewer.frame")
        drawn = pixels(self.page, "marks")[..., 3] > 0
        y, x = np.mgrid[:512, :512]
        scale, left, top = self.page.evaluate("(({scale, x, y}) => [scale, x, y])(maskserve.viewer.view)")
        clear = np.ones(x.shape, bool)
        for right, down, _ in points:
            clear &= np.hypot(x - right, y - down) * scale > 12
        return drawn[(top + (y + 0.5) * scale).astype(int), (left + (x + 0.5) * scale).astype(int)], clear


@pytest.fixture
def clicker(open_page: Opener, extras_server: Server, astronaut: bytes) -> Clicker:
    return Clicker(open_page(extras_server), astronaut)


def direct(server: Server, photo: bytes, route: str = "sam", **prompt: Any) -> tuple[np.ndarray, float]:
    """The mask and the score that the server answers to a request of one's own."""
    image = {"type": "base64", "value": base64.b64encode(photo).decode()}
    asked = {"image": image, "image_id": "direct", "format": "rle", **prompt}
    answer = requests.post(f"{server.url}/{route}/segment_image", json=asked, timeout=60)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    if route == "sam2":
        one = found["predictions"][0]
        return coco.decode(one["masks"]) > 0, one["confidence"]
    return coco.decode(found["masks"][0]) > 0, found["scores"][0]


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


def test_clicks_are_the_masks_of_the_route_and_embed_once(
    clicker: Clicker, extras_server: Server, astronaut: bytes
) -> None:
    clicker.click(220, 100)
    mask, score = direct(extras_server, astronaut, point_coords=[[220, 100]])
    seen, clear = clicker.covered([(220, 100, 1)])
    assert iou(seen & clear, mask & clear) >= 0.99
    assert f"score {score:.2f}" in clicker.found()
    clicker.page.keyboard.down("Shift")
    clicker.click(150, 250)
    clicker.page.keyboard.up("Shift")
    clicker.click(400, 380, button="right")
    coords, labels = [[220, 100], [150, 250], [400, 380]], [1, 0, 0]
    for last in (2, 3):  # as the page did it: each from the mask before
        mask, _ = direct(
            extras_server, astronaut, point_coords=coords[:last], point_labels=labels[:last], has_mask_input=True
        )
    seen, clear = clicker.covered([(220, 100, 1), (150, 250, 0), (400, 380, 0)])
    assert iou(seen & clear, mask & clear) >= 0.99
    assert [route for route, _ in clicker.asked].count("embed_image") == 1
    assert all("image" not in body for body in clicker.segmented)
    assert np.abs(np.array(clicker.segmented[-1]["point_coords"]) - coords).max() < 1
    assert clicker.segmented[-1]["point_labels"] == labels
    assert [body["has_mask_input"] for body in clicker.segmented] == [False, True, True]


def test_a_box_is_dragged(clicker: Clicker, extras_server: Server, astronaut: bytes) -> None:
    clicker.page.mouse.move(*clicker.on_stage(360, 20))
    clicker.page.mouse.down()
    clicker.page.mouse.move(*clicker.on_stage(400, 200), steps=3)
    clicker.page.mouse.move(*clicker.on_stage(470, 300))
    clicker.page.mouse.up()
    clicker.found()
    body = clicker.segmented[-1]
    assert body["point_labels"] == [2, 3]
    assert np.abs(np.array(body["point_coords"]) - [[360, 20], [470, 300]]).max() < 1
    mask, _ = direct(extras_server, astronaut, point_coords=body["point_coords"], point_labels=[2, 3])
    seen, _ = clicker.covered()
    assert iou(seen, mask) >= 0.97  # the box is drawn, too


def test_the_middle_button_moves_the_photo(clicker: Clicker) -> None:
    page = clicker.page
    page.evaluate("maskserve.viewer.zoomBy(3)")
    x, y = clicker.on_stage(256, 256)
    page.mouse.move(x, y)
    page.mouse.down(button="middle")
    page.mouse.move(x + 40, y - 30, steps=4)
    page.mouse.up(button="middle")
    assert np.abs(np.subtract(clicker.on_stage(256, 256), (x + 40, y - 30))).max() < 1
    assert clicker.segmented == []


def test_all_of_it_by_keys(clicker: Clicker) -> None:
    page = clicker.page
    page.locator("#sam summary").click()
    page.get_by_role("button", name="Go to the photo").click()
    assert page.evaluate("document.activeElement.id") == "stage"
    for key in ("ArrowLeft", "ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    page.get_by_text(re.compile(r"Crosshair at x 26\d, y 2[45]\d")).wait_for()
    page.keyboard.press("Enter")
    clicker.found()
    for key in ("ArrowDown", "ArrowDown", "Shift+Enter"):
        page.keyboard.press(key)
    page.wait_for_timeout(300)
    assert clicker.segmented[-1]["point_labels"] == [1, 0]
    (x, y), (left, top) = clicker.segmented[-1]["point_coords"]
    assert (x == left, y < top) == (True, True)
    with page.expect_response("**/segment_image"):
        page.keyboard.press("Backspace")
    assert clicker.segmented[-1]["point_labels"] == [1]
    assert clicker.segmented[-1]["has_mask_input"] is False
    page.keyboard.press("Control+z")
    assert page.get_by_role("button", name="Undo").is_disabled()
    page.keyboard.press("b")
    for _ in range(10):
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
    with page.expect_response("**/segment_image"):
        page.keyboard.press("b")
    assert clicker.segmented[-1]["point_labels"] == [2, 3]
    clicker.found()
    page.keyboard.press("k")
    page.get_by_label("Name of object 1").wait_for()
    assert page.evaluate("document.activeElement.id") == "stage"


def test_taps_with_a_switch_for_what_does_not_belong_to_it(
    open_page: Opener, extras_server: Server, astronaut: bytes
) -> None:
    clicker = Clicker(open_page(extras_server, viewport=(375, 760), touch=True), astronaut)
    page = clicker.page
    page.locator("#stage").scroll_into_view_if_needed()
    page.touchscreen.tap(*clicker.on_stage(220, 100))
    clicker.found()
    page.get_by_role("radio", name="Beside it").check(force=True)
    page.locator("#stage").scroll_into_view_if_needed()
    with page.expect_response("**/segment_image"):
        page.touchscreen.tap(*clicker.on_stage(150, 250))
    assert clicker.segmented[-1]["point_labels"] == [1, 0]
    assert np.abs(np.array(clicker.segmented[-1]["point_coords"]) - [[220, 100], [150, 250]]).max() < 2


def test_a_newer_click_ends_the_older_request(clicker: Clicker) -> None:
    page = clicker.page
    ended: list[Any] = []
    page.on("requestfailed", lambda request: ended.append((request.post_data_json["point_labels"], request.failure)))
    clicker.click(300, 60)
    page.route("**/segment_image", lambda route: None, times=1)  # never answered
    page.mouse.click(*clicker.on_stage(220, 100))
    page.get_by_text("The mask is being made").wait_for()
    clicker.click(240, 150)
    assert ended == [([1, 1], "net::ERR_ABORTED")]
    assert clicker.segmented[-1]["point_labels"] == [1, 1, 1]


def test_objects_are_kept_and_saved(clicker: Clicker, extras_server: Server, astronaut: bytes) -> None:
    page = clicker.page
    clicker.click(220, 100)
    first, _ = direct(extras_server, astronaut, point_coords=clicker.segmented[-1]["point_coords"])
    with page.expect_download() as saved:
        page.get_by_role("button", name="Mask as PNG").click()
    assert saved.value.suggested_filename == "astronaut-mask.png"
    assert (pixels_of(saved.value.path().read_bytes()) == first * np.uint8(255)).all()
    keep = page.get_by_role("button", name="Keep this object")
    keep.press("Enter")
    assert keep.evaluate("button => button === document.activeElement && button.ariaDisabled === 'true'")
    clicker.click(400, 200)
    assert clicker.segmented[-1]["point_labels"] == [1]
    assert clicker.segmented[-1]["has_mask_input"] is False
    second, score = direct(extras_server, astronaut, point_coords=clicker.segmented[-1]["point_coords"])
    page.get_by_role("button", name="Keep this object").click()
    page.get_by_label("Name of object 2").fill("rocket")
    with page.expect_download() as saved:
        page.get_by_role("button", name="All as JSON").click()
    document = json.loads(saved.value.path().read_text())
    assert document["image"] == {"name": "astronaut.jpg", "width": 512, "height": 512}
    assert [one["name"] for one in document["objects"]] == ["object 1", "rocket"]
    assert document["objects"][1]["score"] == score
    for one, mask in zip(document["objects"], (first, second), strict=True):
        assert (coco.decode(one["rle"]) == mask).all()
        assert one["area"] == mask.sum()
        flat = [np.ravel(polygon).tolist() for polygon in one["polygons"]]
        filled = coco.decode(coco.merge(coco.frPyObjects(flat, 512, 512)))
        assert iou(filled > 0, mask) >= 0.99
    page.get_by_role("button", name="Remove object 1").click()
    assert page.locator("#sam li").count() == 1
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Remove rocket"


def test_sam_2_is_another_version(clicker: Clicker, extras_server: Server, astronaut: bytes) -> None:
    with clicker.page.expect_response("**/sam2/embed_image"):
        clicker.page.locator("#sam-version").select_option("sam2/hiera_large")
    clicker.click(220, 100)
    prompt = {"points": [{"x": 220, "y": 100, "positive": True}]}
    mask, score = direct(extras_server, astronaut, "sam2", prompts=[prompt])
    seen, clear = clicker.covered([(220, 100, 1)])
    assert iou(seen & clear, mask & clear) >= 0.99
    assert f"score {score:.2f}" in clicker.found()


def test_a_photo_that_the_server_has_forgotten_is_sent_again(
    clicker: Clicker, extras_server: Server, open_page: Opener
) -> None:
    open_page.expect("status of 400")
    clicker.click(220, 100)
    requests.post(f"{extras_server.url}/model/remove", json={"model_id": "sam/vit_h"}, timeout=30).raise_for_status()
    clicker.click(240, 150)
    assert ["image" in body for body in clicker.segmented] == [False, False, True]


def test_errors_are_the_server_s_words(clicker: Clicker, open_page: Opener) -> None:
    open_page.expect("status of 409")
    with clicker.page.expect_response(lambda one: "embed_image" in one.url and not one.ok) as refused:
        clicker.page.locator("#sam-version").select_option("sam/zzz")
    message = refused.value.json()["message"]
    problem = clicker.page.locator("#sam [role=alert]")
    problem.get_by_role("button", name="Try again").wait_for()
    assert message.lower() in problem.inner_text().lower()
    clicker.page.locator("#sam-version").select_option("sam/vit_h")
    clicker.click(220, 100)
    assert problem.inner_text() == ""


def test_no_barriers(open_page: Opener, extras_server: Server, astronaut: bytes, axe: Axe) -> None:
    clicker = Clicker(open_page(extras_server, viewport=(375, 760)), astronaut)
    clicker.page.locator("#stage").scroll_into_view_if_needed()
    clicker.click(220, 100)
    clicker.page.get_by_role("button", name="Keep this object").click()
    clicker.page.locator("#sam summary").click()
    for scheme in SCHEMES:
        clicker.page.emulate_media(color_scheme=scheme)
        assert axe(clicker.page) == []
