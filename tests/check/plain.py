"""Somebody else's container: a small server that keeps the contract, answers with JSON only, and has faults."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LIMIT = 25 * 1024 * 1024
LOADING = 0.3  # seconds, in which /ping has to be 503
MODEL = 0.005  # seconds of one prediction
ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"


class Plain(ThreadingHTTPServer):
    """The server, and the process that the check takes it for."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, fault: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.fault = fault
        self.loaded = time.monotonic() + LOADING
        self.stopping = threading.Event()
        self.gone = threading.Event()
        self.model = threading.Lock()
        self.busy = 0
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def running(self) -> bool:
        return not self.gone.is_set()

    def terminate(self) -> None:
        self.stopping.set()
        threading.Thread(target=self._end, daemon=True).start()

    def _end(self) -> None:
        time.sleep(0.8)
        self.shutdown()
        while self.busy:
            time.sleep(0.01)
        self.server_close()
        self.gone.set()

    def exit_code(self, seconds: float) -> int | None:
        if not self.gone.wait(seconds):
            raise TimeoutError
        return 143 if self.fault == "ends with an error" else 0


class Handler(BaseHTTPRequestHandler):
    """The routes."""

    server: Plain

    def log_message(self, *args: object) -> None:
        pass

    def has(self, fault: str) -> bool:
        return self.server.fault == fault

    def loading(self) -> bool:
        return time.monotonic() < self.server.loaded

    def do_GET(self) -> None:
        if self.path == "/ping":
            self.ping()
        elif self.path == "/execution-parameters" and self.has("promises 8 × 25 MB"):
            self.answer(200, {"MaxConcurrentTransforms": 8, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 25})
        elif self.path == "/execution-parameters" and self.has("names the strategy as the API does"):
            self.answer(200, {"MaxConcurrentTransforms": 1, "BatchStrategy": "SingleRecord", "MaxPayloadInMB": 6})
        else:
            self.refuse(405 if self.path == "/invocations" else 404)

    def ping(self) -> None:
        if self.has("/ping waits for the model") and self.server.busy > 2:
            time.sleep(1.2)
        no = (self.loading() and not self.has("200 while loading")) or (
            self.server.stopping.is_set() and not self.has("200 after SIGTERM")
        )
        self.answer(500 if self.has("/ping fails") else 503 if no else 200, {})

    def do_POST(self) -> None:
        self.server.busy += 1
        try:
            self.invocations()
        finally:
            self.server.busy -= 1

    def invocations(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        if length > LIMIT and self.has("resets what is too large"):
            return
        if length > LIMIT and not self.has("reads whatever is announced"):
            while length and length < 10**9:
                length -= len(self.rfile.read(min(length, 2**20)))
            return self.refuse(413)
        body = self.rfile.read(length)
        if self.path == "/endpoints/check/invocations" and self.has("bare errors on the runtime's route"):
            return self.answer(200, {}) if body[:2] == b"\xff\xd8" else self.refuse(500)
        if self.path != "/invocations":
            return self.refuse(404)
        if self.loading():
            return self.refuse(503)
        if self.has("loses connections under load") and self.server.busy > 4:
            return None
        if self.headers.get("Content-Type") == "application/x-pickle":
            return self.refuse(415)
        if not (body.startswith(b"\xff\xd8") and len(body) > 3000) and not body.startswith(b"\x89PNG"):
            return self.refuse(500 if self.has("500 for what the caller did") else 400)
        accept = self.headers.get("Accept") or "*/*"
        if "*/*" not in accept and "application/json" not in accept and not self.has("ignores Accept"):
            return self.refuse(406)
        if self.has("wants attributes that are JSON") and not (self.headers.get(ATTRIBUTES) or "{").startswith("{"):
            return self.refuse(400)
        if self.has("refuses unknown attributes") and (self.headers.get(ATTRIBUTES) or "").startswith("{"):
            return self.refuse(400)
        with self.server.model:
            time.sleep(MODEL)
        if self.has("drops what is in flight") and self.server.stopping.is_set():
            return None
        return self.answer(200, {"labels": [], "boxes": []})

    def refuse(self, status: int) -> None:
        self.answer(status, {"error": "no"})

    def answer(self, status: int, document: dict[str, object]) -> None:
        body, kind = json.dumps(document).encode(), "application/json"
        if status >= 400 and self.has("HTML errors"):
            body, kind = b"<!doctype html>Error", "text/html"
        if status == 200 and self.has("calls JSON HTML"):
            kind = "text/html"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if self.has("attributes of 2,000 characters"):
            self.send_header(ATTRIBUTES, "x" * 2000)
        if self.path.startswith("/endpoints/check"):
            self.send_header("x-Amzn-Invoked-Production-Variant", "AllTraffic")
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def plain(fault: str = "") -> Iterator[Plain]:
    """A server with one fault, or none."""
    server = Plain(fault)
    try:
        yield server
    finally:
        if server.running():
            server.shutdown()
            server.server_close()
