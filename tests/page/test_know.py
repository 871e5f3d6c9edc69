"""What the page says: the model, the time by stages, empty answers, errors, and what it waits for."""

from collections.abc import Callable

import pytest

from tests.conftest import Server
from tests.page.acting import PHOTO, open_with_masks, rows, slide, summary
from tests.page.conftest import Opener
from tests.page.driving import File, answered, drop, wait_for


def test_the_model_its_classes_and_the_device_are_told(open_page: Opener, server: Server) -> None:
    page = open_page(server)
    wait_for(page, "Boolean(maskserve.app.facts)")
    assert "cpu" in page.locator("#model").inner_text()
    assert "instance segmentation" in page.locator("#summary").inner_text()
    page.get_by_role("button", name="more").click()
    named = page.locator("#summary .names .chip").all_inner_texts()
    assert named == page.evaluate("maskserve.app.facts.model.labels")


def test_milliseconds_are_told_by_stage(open_page: Opener, server: Server) -> None:
    page = open_with_masks(open_page, server)
    page.locator(".times summary").click()
    told = page.locator(".times").inner_text()
    assert "ms in the server" in told and all(f"{stage} " in told for stage in ("decode", "inference", "encode"))


def test_an_empty_answer_names_the_classes_and_offers_a_lower_confidence(
    open_page: Opener, fake_server: Server
) -> None:
    page = open_with_masks(open_page, fake_server)
    slide(page, "confidence", 1)
    assert summary(page) == "Nothing found"
    said = page.locator("#summary").inner_text()
    assert "No object reaches a confidence of 1.00; the best has 0.99." in said
    assert "horse" in said and "person" in said
    page.get_by_role("button", name="Lower the confidence").click()
    assert rows(page) == ["horse"]


@pytest.fixture(scope="module")
def small_bodies(start_slow_server: Callable[..., Server]) -> Server:
    server = start_slow_server(0, SAGEMAKER_MAX_PAYLOAD_IN_MB="1")
    server.wait()
    return server


@pytest.mark.parametrize(
    ("body", "media_type", "words"),
    [
        (b"no picture", "image/jpeg", "are of no known picture, but of text"),
        (b"print()", "text/x-python", "Content-Type 'text/x-python' is not read"),
        (b"0" * 3_000_000, "image/png", "The body is over 1 MB"),
    ],
)
def test_errors_are_told_in_the_servers_words(
    open_page: Opener, small_bodies: Server, body: bytes, media_type: str, words: str
) -> None:
    page = open_page(small_bodies)
    open_page.expect("status of 4")
    drop(page, File(body, type=media_type))
    wait_for(page, "Boolean(maskserve.app.error)")
    assert words in page.locator("#problem").inner_text()
    assert "photo.jpg cannot be shown" in page.locator("#frame").inner_text()
    drop(page, File(PHOTO))
    answered(page)
    assert page.locator("#problem").inner_text() == ""


def test_while_the_model_loads_the_page_says_so_and_goes_on(
    open_page: Opener, start_slow_server: Callable[..., Server]
) -> None:
    server = start_slow_server(0, MASKSERVE_TEST_LOAD="4")
    server.wait(503)
    open_page.expect("status of 503")
    page = open_page(server)
    drop(page, File(PHOTO))
    wait_for(page, "document.getElementById('problem').innerText.includes('loading')")
    answered(page)
    assert summary(page) == "2 objects" and page.locator("#problem").inner_text() == ""


def test_the_server_goes_and_comes_back(open_page: Opener, fake_server: Server) -> None:
    open_page.expect("ERR_CONNECTION_REFUSED")
    page = open_page(fake_server)
    wait_for(page, "Boolean(maskserve.app.facts)")
    page.route("**/invocations", lambda route: route.abort("connectionrefused"))
    drop(page, File(PHOTO))
    wait_for(page, "document.getElementById('problem').innerText.includes('does not answer')")
    page.unroute("**/invocations")
    answered(page)
    assert page.locator("#problem").inner_text() == ""
