"""Web pages of other origins, in a browser: what they may read of the server's answers."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.clients.browser import CHROMIUM, browse
from tests.conftest import Server

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

KEY = "a-page/has+it="
# Sends what a page would: another content type than forms have, custom attributes and a key, so there is a preflight.
PAGE = """<!DOCTYPE html><title>page</title><body><script>
const headers = {"Content-Type": "image/png", "X-Amzn-SageMaker-Custom-Attributes": "{}", "X-Api-Key": %s};
const body = Uint8Array.from(%s);
fetch(%s, {method: "POST", headers, body}).then(async response => {
    const facts = response.headers.get("X-Amzn-SageMaker-Custom-Attributes");
    document.body.textContent = `${response.status} ${await response.text()} ${facts}`;
}, error => { document.body.textContent = `unreadable: ${error}`; });
</script></body>"""


@pytest.fixture
def site() -> Iterator[ThreadingHTTPServer]:
    """Serves `site.page` at its origin."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(site.page)

        def log_message(self, *_: object) -> None: ...

    site = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=site.serve_forever)
    thread.start()
    yield site
    site.shutdown()
    thread.join()
    site.server_close()


@pytest.mark.parametrize(
    ("origins", "key", "shown"),
    [
        ("", KEY, "unreadable"),
        ("http://elsewhere.example.com", KEY, "unreadable"),
        ("http://127.0.0.1:{port}", KEY, '200 {"labels":["horse 100%","person 53%"]'),
        ("http://127.0.0.1:{port}", "wrong-key", "401 "),
        ("*", KEY, '"n":2'),
    ],
)
def test_a_page_of_another_origin(
    origins: str,
    key: str,
    shown: str,
    site: ThreadingHTTPServer,
    start_slow_server: Callable[..., Server],
    small_png: bytes,
    tmp_path: Path,
) -> None:
    allowed = origins.format(port=site.server_port)
    server = start_slow_server(0, MASKSERVE_CORS_ORIGINS=allowed, MASKSERVE_API_KEY=KEY)
    server.wait()
    site.page = (PAGE % (json.dumps(key), list(small_png), json.dumps(server.url + "/invocations"))).encode()
    page, _ = browse(f"http://127.0.0.1:{site.server_port}/", tmp_path)
    assert shown in page.split("<body>")[1]
    assert server.stop() == 0
