"""Somebody else's multi-model container, which has faults."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Several(ThreadingHTTPServer):
    """The server; any url below /opt/ml/models/good can be loaded."""

    daemon_threads = True

    def __init__(self, fault: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.fault = fault
        self.models = {"another": "/opt/ml/models/good/another"}


class Handler(BaseHTTPRequestHandler):
    """The routes."""

    server: Several

    def log_message(self, *args: object) -> None:
        pass

    def has(self, fault: str) -> bool:
        return self.server.fault == fault

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path == "/ping":
            self.answer(200, {})
        elif path == "/models":
            self.list("next_page_token=1" in query)
        elif (name := path.removeprefix("/models/")) in self.server.models:
            one = {"modelName": name, "modelUrl": self.server.models[name]}
            self.answer(200, {"modelName": "other"} if self.has("gets another") else [one])
        else:
            self.answer(500 if self.has("500 for an unknown one") else 404, {})

    def list(self, second: bool) -> None:
        models = [{"modelName": name, "modelUrl": url} for name, url in self.server.models.items()]
        if self.has("lists names alone"):
            self.answer(200, {"models": list(self.server.models)})
        elif second and not self.has("pages without end"):
            self.answer(200, {"models": models[1:]})
        else:
            self.answer(200, {"models": models[:1], **({"nextPageToken": "1"} if len(models) > 1 else {})})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        if self.path != "/models":
            known = self.path.split("/")[2] in self.server.models
            self.answer(200 if known and not self.has("cannot be asked") else 404, {"labels": []})
            return
        asked = json.loads(body)
        if not asked["url"].startswith("/opt/ml/models/good/"):
            self.answer(500 if self.has("500 for no model") else 400, {})
        elif asked["model_name"] in self.server.models and not self.has("loads twice"):
            self.answer(409, {})
        else:
            self.server.models[asked["model_name"]] = asked["url"]
            self.answer(507 if self.has("has no memory") else 200, {})

    def do_DELETE(self) -> None:
        name = self.path.removeprefix("/models/")
        known = name in self.server.models
        if not self.has("keeps what is unloaded"):
            self.server.models.pop(name, None)
        self.answer(200 if known else 404, {})

    def answer(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def several(fault: str = "") -> Iterator[str]:
    """The server's address."""
    with Several(fault) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
