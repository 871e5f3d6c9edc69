"""Options: some change what is seen at once, others ask the server again."""

import json

import pytest

from tests.conftest import Server
from tests.page.acting import drawn, invocations, open_with_masks, rows, slide, summary
from tests.page.conftest import Opener
from tests.page.driving import answered, pixels, wait_for

ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"


def test_confidence_acts_without_a_request_and_names_the_models_own(open_page: Opener, fake_server: Server) -> None:
    page = open_with_masks(open_page, fake_server)
    sent = invocations(page)
    assert "0.50 is the model's own value" in page.locator("#confidence-hint").inner_text()
    slide(page, "confidence", 0.7)
    assert rows(page) == ["horse"] and summary(page) == "1 object"
    assert "The model's own value is 0.50" in page.locator("#confidence-hint").inner_text()
    assert page.evaluate("maskserve.app.attributes().confidence") == 0.7
    page.get_by_role("button", name="Back to it").click()
    assert rows(page) == ["horse", "person"] and page.evaluate("maskserve.app.attributes().confidence") is None
    page.wait_for_timeout(400)
    assert sent == []


def test_opacity_colours_and_marks_act_without_a_request(open_page: Opener, fake_server: Server) -> None:
    page = open_with_masks(open_page, fake_server)
    sent = invocations(page)
    page.click("#tab-display")
    middle = tuple(side // 3 for side in pixels(page, "masks").shape[:2])
    assert pixels(page, "masks")[middle][3] == pytest.approx(128, abs=1)
    slide(page, "opacity", 0.8)
    drawn(page)
    assert pixels(page, "masks")[middle][3] == pytest.approx(204, abs=1)
    by_class = pixels(page, "masks")[middle].tolist()
    page.get_by_label("By object").check()
    drawn(page)
    assert pixels(page, "masks")[middle].tolist() != by_class
    assert (pixels(page, "masks")[:, :, 3] == 255).any()
    page.get_by_label("Outlines").uncheck()
    drawn(page)
    assert not (pixels(page, "masks")[:, :, 3] == 255).any()
    labels = pixels(page, "marks")[:, :, 3].astype(bool).sum()
    assert labels > 0
    page.get_by_label("Labels").uncheck()
    drawn(page)
    assert not pixels(page, "marks").any()
    page.get_by_label("Boxes").check()
    drawn(page)
    assert pixels(page, "marks").any()
    expected = {"opacity": 0.8, "colors": "instance", "draw_outlines": False, "draw_labels": False}
    assert page.evaluate("maskserve.app.attributes()") == expected
    assert sent == []


def test_overlap_and_classes_ask_the_server_again(open_page: Opener, fake_server: Server) -> None:
    page = open_with_masks(open_page, fake_server)
    sent = invocations(page)
    page.click("#tab-display")
    for value in (0.6, 0.65, 0.7):
        slide(page, "iou", value)
    wait_for(page, "maskserve.app.answer?.question.includes('0.7')")
    assert [json.loads(one.headers[ATTRIBUTES])["iou_threshold"] for one in sent] == [0.7]  # once the slider rests
    page.get_by_text("Only some classes").click()
    page.locator(".classes label", has_text="person").click()
    wait_for(page, "maskserve.app.answer?.objects.length === 1")
    assert json.loads(sent[-1].headers[ATTRIBUTES])["class_filter"] == ["person"] and rows(page) == []
    page.click("#tab-objects")
    assert rows(page) == ["person"]
    page.click("#tab-display")
    page.get_by_role("button", name="All classes").click()
    wait_for(page, "maskserve.app.answer?.objects.length === 2")
    answered(page)
    assert len(sent) == 3
