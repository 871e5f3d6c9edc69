"""Photos come in, masks are seen, and objects are singled out."""

import json
from pathlib import Path

import numpy as np
import pytest
import requests
from pycocotools import mask as coco

from tests.conftest import ROOT, Server, encode
from tests.page.acting import PHOTO, invocations, open_with_masks, place, rows, summary
from tests.page.conftest import Opener
from tests.page.driving import File, answered, drop, paste, pixels, rested, wait_for

SAMPLE = ROOT / "container/page/sample.jpg"


def test_a_dropped_photo_gets_the_masks_of_the_servers_answer(open_page: Opener, server: Server) -> None:
    photo = SAMPLE.read_bytes()
    page = open_with_masks(open_page, server, photo)
    attributes = {"X-Amzn-SageMaker-Custom-Attributes": json.dumps({"masks": "rle"})}
    answer = requests.post(server.url + "/invocations", data=photo, headers=attributes, timeout=60).json()
    assert len(answer["labels"]) == len(rows(page)) >= 1
    truth = coco.decode([{**m, "counts": m["counts"].encode()} for m in answer["masks"]]).any(axis=2)
    on_page = pixels(page, "masks")[:, :, 3] > 0
    # Each pixel of the canvas shows the pixel of the photo under its middle.
    at_rows, at_columns = (
        ((np.arange(seen) + 0.5) * real / seen).astype(int)
        for seen, real in zip(on_page.shape, truth.shape, strict=True)
    )
    seen = truth[np.ix_(at_rows, at_columns)]
    assert (on_page & seen).sum() / (on_page | seen).sum() >= 0.99


def test_photos_are_pasted_picked_and_there_is_a_sample(open_page: Opener, fake_server: Server, tmp_path: Path) -> None:
    page = open_page(fake_server)
    paste(page, File(PHOTO))
    answered(page)
    (tmp_path / "picked.jpg").write_bytes(PHOTO)
    with page.expect_file_chooser() as chooser:
        page.click("#more")
    chooser.value.set_files(tmp_path / "picked.jpg")
    answered(page)
    assert "picked.jpg, 400 × 300 px" in page.locator("#about").inner_text()
    page = open_page(fake_server)
    page.click("#sample")
    answered(page)
    assert summary(page) == "2 objects"


def test_the_camera_gives_a_photo(open_page: Opener, fake_server: Server) -> None:
    page = open_page(fake_server, permissions=["camera"])
    page.click("#camera")
    page.click("#camera-take:enabled")
    answered(page)
    assert page.locator("#about").inner_text().startswith("camera-1.jpg")
    assert not page.locator("#camera-dialog").is_visible()
    assert page.evaluate("document.getElementById('camera-video').srcObject") is None


@pytest.mark.parametrize("by", ["mouse", "touch", "keys", "list"])
def test_one_object_is_singled_out_and_the_rest_dimmed(open_page: Opener, fake_server: Server, by: str) -> None:
    page = open_with_masks(open_page, fake_server, touch=by == "touch")
    before = pixels(page, "masks")
    x, y = place(page, 100, 150)  # in the horse
    if by == "mouse":
        page.mouse.move(x, y)
    elif by == "touch":
        page.touchscreen.tap(x, y)
    elif by == "keys":
        page.focus("#stage")
        page.keyboard.press("ArrowRight")
    else:
        page.hover("#object-0")
    wait_for(page, "maskserve.app.selected === 0 && !maskserve.viewer.frame")
    after = pixels(page, "masks")
    rows_, columns = after.shape[:2]
    horse, person = (rows_ // 2, columns // 4), (rows_ // 2, columns * 3 // 4)
    assert after[person][:3].tolist() == [0, 0, 0] and after[person][3] == pytest.approx(128, abs=2)
    assert after[horse][:3] == pytest.approx(before[horse][:3], abs=4) and 0 < after[horse][3] < before[horse][3]
    assert page.locator("#object-0").get_attribute("aria-selected") == "true"
    assert page.locator("#list").get_attribute("aria-activedescendant") == "object-0"


def test_keys_go_through_the_objects(open_page: Opener, fake_server: Server) -> None:
    page = open_with_masks(open_page, fake_server)
    for focus in ("#stage", "#list"):
        page.focus(focus)
        for key, selected in [
            *(("ArrowDown", 0), ("ArrowDown", 1), ("ArrowDown", 0), ("ArrowUp", 1)),
            *(("Home", 0), ("End", 1), ("Escape", None)),
        ]:
            page.keyboard.press(key)
            assert page.evaluate("maskserve.app.selected") == selected, (focus, key)


def test_the_legend_counts_classes_and_switches_them(open_page: Opener, fake_server: Server) -> None:
    page = open_with_masks(open_page, fake_server)
    sent = invocations(page)
    assert page.locator(".legend .switch").all_inner_texts() == ["person\n1", "horse\n1"]
    page.locator(".legend .switch", has_text="horse").click()
    assert rows(page) == ["person"] and summary(page) == "1 object"
    rested(page)
    left, right = np.array_split(pixels(page, "masks")[:, :, 3], 2, axis=1)
    assert not left[:, :-8].any() and (right > 0).mean() > 0.9
    assert sent == []


def test_the_photo_is_zoomed_and_moved(open_page: Opener, fake_server: Server) -> None:
    page = open_with_masks(open_page, fake_server)
    whole = page.evaluate("maskserve.viewer.view.scale")
    x, y = place(page, 100, 150)
    page.mouse.move(x, y)
    page.mouse.wheel(0, -400)
    wait_for(page, f"maskserve.viewer.view.scale > {whole} * 1.5")
    assert place(page, 100, 150) == pytest.approx((x, y), abs=1)
    page.mouse.down()
    page.mouse.move(x + 50, y + 20, steps=4)
    page.mouse.up()
    assert place(page, 100, 150) == pytest.approx((x + 50, y + 20), abs=1)
    assert page.evaluate("maskserve.app.pinned") is None  # a drag is no tap
    page.focus("#stage")
    page.keyboard.press("0")
    assert page.evaluate("maskserve.viewer.view.scale") == whole
    page.keyboard.press("+")
    page.keyboard.press("Shift+ArrowRight")
    assert page.evaluate("maskserve.viewer.view.scale") == pytest.approx(whole * 1.3)
    page.click("#zoom-out")
    assert page.locator("#zoom-value").inner_text() == f"{round(100 * whole)}%"


def test_the_strip_keeps_twenty_photos_and_their_answers(open_page: Opener, fake_server: Server) -> None:
    page = open_page(fake_server)
    drop(page, *[File(PHOTO)] * 22)
    answered(page)
    assert page.locator(".thumb").count() == 20
    assert "20 photos at the most; 2 left out" in page.locator("#problem").inner_text()
    assert page.locator("#more").is_disabled()
    page.locator(".thumb").nth(3).click()
    answered(page)
    sent = invocations(page)
    page.locator(".thumb").nth(0).click()
    answered(page)
    assert sent == [] and page.locator(".thumb[aria-current=true]").count() == 1
    page.get_by_role("button", name="Take out").click()
    assert page.locator(".thumb").count() == 19 and page.locator("#more").is_enabled()


def test_what_the_browser_cannot_decode_the_server_shows(open_page: Opener, fake_server: Server) -> None:
    page = open_page(fake_server)
    tiff = encode(np.full((30, 40, 3), (200, 30, 60), np.uint8), "TIFF")
    drop(page, File(tiff, "scan.tif", "image/tiff"))
    answered(page)
    photo = pixels(page, "photo")
    assert photo[photo.shape[0] // 2, photo.shape[1] // 2].tolist() == [200, 30, 60, 255]
    assert summary(page) == "2 objects"
