"""Servers that go, come back, fail, or lack what the page needs: it says so, and goes on where it can."""

import sys
from pathlib import Path

import numpy as np
import pytest
import requests
from playwright.sync_api import expect

from tests.conftest import encode
from tests.page.conftest import Opener, running
from tests.page.driving import File, answered, drop, shown, wait_for

FAKE = (sys.executable, "-m", "tests.slow_server")
PNG = File(encode(np.full((30, 40, 3), 128, np.uint8)), "grey.png", "image/png")
FAILED = "Failed to load resource"  # Chromium's words for every status from 400 on, and for no answer


def test_a_server_that_goes_and_comes_back(tmp_path: Path, open_page: Opener) -> None:
    """A photo that is dropped meanwhile is answered once it is back."""
    open_page.expect(FAILED)
    with running(tmp_path, *FAKE) as server:
        server.wait()
        page = open_page(server)
        wait_for(page, "maskserve.app.facts?.model")
    problem = page.locator("#problem")
    drop(page, PNG)
    wait_for(page, "document.getElementById('problem').innerText.includes('does not answer')")
    (tmp_path / "again").mkdir()
    with running(tmp_path / "again", *FAKE, SAGEMAKER_BIND_TO_PORT=str(server.port)):
        answered(page)
        expect(problem).to_be_empty()
        assert shown(page) == 2


def test_a_server_that_ends_while_it_loads(tmp_path: Path, open_page: Opener) -> None:
    open_page.expect(FAILED)
    with running(tmp_path, *FAKE, MASKSERVE_TEST_LOAD="2", MASKSERVE_TEST_FAIL="these weights are broken") as server:
        server.wait(503)
        page = open_page(server)
        drop(page, PNG)
        assert server.process.wait(60) == 1
        said = "document.getElementById('problem').innerText.match(/does not answer|broken/)"
        assert wait_for(page, said)


@pytest.mark.parametrize(("protocols", "words"), [("nucleus", "/invocations"), ("sagemaker", "")])
def test_servers_that_offer_less(tmp_path: Path, open_page: Opener, protocols: str, words: str) -> None:
    with running(tmp_path, *FAKE, MASKSERVE_PROTOCOLS=protocols) as server:
        while server.process.poll() is None:
            try:
                if requests.get(f"{server.url}/page/facts", timeout=5).json()["state"] == "ready":
                    break
            except requests.RequestException:
                continue
        page = open_page(server)
        if words:
            expect(page.locator("#problem")).to_contain_text(words)
        else:
            drop(page, PNG)
            answered(page)
            expect(page.get_by_role("tab", name="Workflows")).to_be_hidden()
