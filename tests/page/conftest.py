"""A browser, pages that it opens, and what every one of them must not do."""

import base64
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import requests
import skimage.data
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

from tests.clients.browser import CHROMIUM
from tests.conftest import Server, encode, end, launch, pixels_of
from tests.page.barriers import AXE, barriers

SECONDS = 20  # for anything on a page to happen
FLAGS = [
    # What the browser itself would like to call does not resolve.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
# Violations of the policy become errors of the console, whose words browsers choose.
WATCH = """addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The browser of all tests in this folder; it ends with them, as asyncio runs no other loop beside its own."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with chromium() as browser:
        yield browser


@dataclass
class Opener:
    """Opens pages in contexts of their own, which share nothing: no key, no cache."""

    browser: Browser
    contexts: list[BrowserContext] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)  # patterns of errors that the test causes
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)  # addresses of requests to other origins

    def __call__(
        self,
        server: Server | str,
        viewport: tuple[int, int] = (1280, 800),
        scheme: Literal["dark", "light"] = "light",
        touch: bool = False,
        path: str = "/",
        **more: Any,
    ) -> Page:
        """A page of `server`, loaded."""
        url = server if isinstance(server, str) else server.url
        size = {"width": viewport[0], "height": viewport[1]}
        context = self.browser.new_context(viewport=size, color_scheme=scheme, has_touch=touch, **more)
        context.set_default_timeout(SECONDS * 1000)
        context.add_init_script(WATCH)
        self.contexts.append(context)
        page = context.new_page()
        context.on("console", self._read)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        context.on("request", lambda request: self._check(request, url))
        page.goto(url + path)
        return page

    def expect(self, *patterns: str) -> None:
        """The test causes errors of the console in which these are found, such as "status of 503"."""
        self.expected += patterns

    def _read(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def _check(self, request: Request, url: str) -> None:
        if not request.url.startswith((url + "/", "blob:", "data:")):
            self.foreign.append(request.url)

    def close(self) -> None:
        """Close all pages; AssertionError for what none of them may do."""
        for context in self.contexts:
            context.close()
        assert self.foreign == []
        assert [error for error in self.errors if not any(re.search(one, error) for one in self.expected)] == []


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Opener]:
    """Opens pages; after the test none has asked another origin, hurt the page's policy, or had an error."""
    opener = Opener(browser)
    yield opener
    opener.close()


@pytest.fixture(scope="session")
def axe() -> Callable[[Page], list[str]]:
    """What finds barriers on a page."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed")
    return barriers


@contextmanager
def running(folder: Path, *command: str, **environ: str) -> Iterator[Server]:
    """A server that is started, and ended afterwards; its log lies in `folder`."""
    server = launch(folder / "log", *command, **environ)
    try:
        yield server
    finally:
        end([server])


@pytest.fixture(scope="package")
def fake_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose model finds a horse (score 1.00) in the left half and a person (0.53) in the right."""
    with running(tmp_path_factory.mktemp("server"), sys.executable, "-m", "tests.slow_server") as server:
        server.wait()
        yield server


@pytest.fixture(scope="package")
def tiny_models(tmp_path_factory: pytest.TempPathFactory, scene: bytes) -> Iterator[Server]:
    """A multi-model server with a keypoint, a semantic and a classification model of random weights."""
    from tests.page.models import write_models  # imports torch

    root = tmp_path_factory.mktemp("base")
    with running(root, SAGEMAKER_MULTI_MODEL="true") as server:
        names = write_models(root / "models", pixels_of(scene))
        server.wait()
        for name in names:
            asked = {"model_name": name, "url": f"{root}/models/{name}"}
            loaded = requests.post(f"{server.url}/models", json=asked, timeout=60)
            assert loaded.status_code == 200, loaded.text
        yield server


@pytest.fixture(scope="package")
def extras_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the embedded model, promptable models in its store, and workflows: see write_extras."""
    from tests.page.extras import write_extras  # imports torch

    root = tmp_path_factory.mktemp("extras")
    with running(root, **write_extras(root)) as server:
        server.wait()
        photo = base64.b64encode(encode(np.zeros((8, 8, 3), np.uint8))).decode()
        for route in ("sam", "sam2"):  # the first request imports transformers: longer than a page waits on busy cores
            asked = {"image": {"type": "base64", "value": photo}}
            embedded = requests.post(f"{server.url}/{route}/embed_image", json=asked, timeout=120)
            assert embedded.status_code == 200, embedded.text
        yield server


@pytest.fixture(scope="session")
def scene() -> bytes:
    """A JPEG, 768 wide and 512 high, of a person, and of a cat beside her: the embedded model finds several objects."""
    cat = np.pad(skimage.data.chelsea()[:, 100:356], ((0, 212), (0, 0), (0, 0)), "reflect")
    return encode(np.hstack([skimage.data.astronaut(), cat]), "JPEG", quality=92)
