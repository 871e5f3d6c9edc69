"""What models of each kind find is drawn where the server says: pixels of the canvas against its run lengths."""

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from pycocotools import mask as mask_api

from tests.conftest import Server, encode
from tests.page.conftest import Opener
from tests.page.driving import File, answered, drop, opacities, pixels, rested, seen, wait_for

LEAST_IOU = 0.99
LEAST_IOU_OF_ONE = 0.97  # a row of pixels more is much of a small object
SMALL = (900, 600)  # of the window, so that there are fewer pixels to look at
FLAT = {"opacity": 1, "draw_outlines": False, "draw_labels": False, "draw_boxes": False}
SINGLED_OUT = (153, 255)  # opacities of its fill and its outline


def sampled(page: Page, mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A mask of the photo as the pixels of the masks' canvas have it: each what lies under its middle."""
    (left, top), (right, bottom) = seen(page)
    height, width = shape[:2]
    xs = np.floor(left + (np.arange(width) + 0.5) * (right - left) / width).astype(int)
    ys = np.floor(top + (np.arange(height) + 0.5) * (bottom - top) / height).astype(int)
    return mask[ys.clip(0, mask.shape[0] - 1)][:, xs.clip(0, mask.shape[1] - 1)]


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return (one & other).sum() / max(1, (one | other).sum())


def check(page: Page, raw: dict[str, Any], least: int) -> None:
    """What is drawn, all of it and each object singled out, is what the server says, of at least so many objects."""
    masks = [mask_api.decode(mask).astype(bool) for mask in raw["masks"]]
    indices = page.evaluate("maskserve.app.shown().map(({ index }) => index)")
    assert len(indices) >= least
    page.evaluate("maskserve.app.select(null)")
    rested(page)
    canvas = opacities(page)
    whole = sampled(page, np.any([masks[index] for index in indices], 0), canvas.shape)
    assert iou(canvas > 0, whole) >= LEAST_IOU
    for index in indices:
        page.evaluate("(index) => maskserve.app.select(index)", index)
        rested(page)
        canvas = opacities(page)
        said = sampled(page, masks[index], canvas.shape)
        if said.sum() > 100:  # of those that are seen
            assert iou(np.isin(canvas, SINGLED_OUT), said) >= LEAST_IOU_OF_ONE, raw["labels"][index]
    page.evaluate("maskserve.app.select(null)")


@pytest.mark.slow
def test_masks_lie_at_the_right_pixels(server: Server, open_page: Opener, scene: bytes) -> None:
    """Of the embedded model: in the whole photo, in a part of it, and where its pixels are large."""
    page = open_page(server, SMALL)
    drop(page, File(scene))
    raw = answered(page)
    page.evaluate("(flat) => maskserve.app.set({ ...flat, confidence: 0.2 })", FLAT)
    check(page, raw, 4)
    for factor in (2.7, 6):
        page.evaluate("(factor) => maskserve.viewer.zoomBy(factor, 200, 200)", factor)
        check(page, raw, 4)


def test_the_photo_lies_under_its_masks(fake_server: Server, open_page: Opener) -> None:
    """The colours of the photo's four quarters, seen through the canvas, and the masks' halves over them."""
    quarters = np.zeros((300, 400, 3), np.uint8)
    quarters[:150, :200], quarters[:150, 200:], quarters[150:, :200] = (250, 0, 0), (0, 250, 0), (0, 0, 250)
    page = open_page(fake_server, SMALL)
    drop(page, File(encode(quarters), "quarters.png", "image/png"))
    raw = answered(page)
    page.evaluate("(flat) => maskserve.app.set(flat)", FLAT)
    check(page, raw, 2)
    canvas = pixels(page, "photo")
    for (x, y), color in {(100, 75): (250, 0, 0), (300, 75): (0, 250, 0), (100, 225): (0, 0, 250)}.items():
        column, row = page.evaluate("([x, y]) => maskserve.viewer.toStage(x, y)", [x, y])
        assert canvas[int(row), int(column)].tolist() == [*color, 255]


@pytest.mark.slow
def test_models_of_other_kinds(tiny_models: Server, open_page: Opener, scene: bytes) -> None:
    """Keypoints, a class for each pixel, and classes of the whole photo, chosen by name."""
    page = open_page(tiny_models, SMALL)
    drop(page, File(scene))
    picker = page.get_by_role("combobox", name="Model")

    picker.select_option("areas")
    wait_for(page, "maskserve.app.facts?.model?.kind === 'semantic'")
    raw = answered(page)
    page.evaluate("(flat) => maskserve.app.set(flat)", FLAT)
    check(page, raw, 3)
    shares = page.locator("#objects .legend .switch .muted").all_inner_texts()
    assert len(shares) == len(raw["labels"]) and all("%" in share for share in shares), shares

    picker.select_option("kinds")
    wait_for(page, "maskserve.app.facts?.model?.kind === 'classification'")
    raw = answered(page)
    rows = page.locator("#list .found")
    expect(rows).to_have_count(len(raw["labels"]))
    assert [name.rsplit(" ", 1)[0] for name in raw["labels"]] == rows.locator(".name").all_inner_texts()
    assert not opacities(page, "marks").any(), "a class of the whole photo is drawn nowhere"

    picker.select_option("pose")
    wait_for(page, "maskserve.app.facts?.model?.kind === 'keypoints'")
    raw = answered(page)
    page.evaluate("maskserve.app.set({ confidence: 0, draw_labels: false, draw_boxes: false, colors: 'instance' })")
    page.wait_for_timeout(100)
    marks = opacities(page, "marks")
    assert raw["keypoints"]
    for index, points in enumerate(raw["keypoints"][:20]):
        places = page.evaluate("(points) => points.map(([x, y]) => maskserve.viewer.toStage(x, y))", points)
        assert all(marks[int(row), int(column)] for column, row in places), index
