"""The audit of dependencies: what it says of a database that knows something, that knows nothing, and of none."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.conftest import ROOT, free_port

Database = Callable[..., str]


@pytest.fixture
def database() -> Iterator[Database]:
    """A database of vulnerabilities (OSV's interface) in which the named packages have one; its URL."""
    started: list[ThreadingHTTPServer] = []

    def start(*vulnerable: str) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]
                affected = [{"package": asked, "ranges": [{"type": "ECOSYSTEM", "events": [{"fixed": "99"}]}]}]
                known = {"vulns": [{"id": "PYSEC-1", "affected": affected}]} if asked["name"] in vulnerable else {}
                body = json.dumps(known).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        started.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


def audit(url: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "tests.audit", "--vulnerability-service", "osv", "--osv-url", url]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_nothing_is_known_of_what_is_pinned(database: Database) -> None:
    status, said = audit(database("django"))
    assert status == 0 and ", 0 vulnerabilities" in said and "NOT" not in said


def test_a_vulnerable_package_is_named_with_what_mends_it(database: Database) -> None:
    status, said = audit(database("django", "pillow"))
    assert status == 1 and "PYSEC-1, mended in 99" in said and said.startswith("pillow ")


def test_a_database_that_knows_nothing_has_not_been_asked(database: Database) -> None:
    status, said = audit(database())
    assert status == 2 and said.count("\n") == 1 and "NOTHING WAS CHECKED" in said


def test_no_database_is_not_good_news() -> None:
    status, said = audit(f"http://127.0.0.1:{free_port()}")
    assert status == 2 and said.count("\n") == 1 and "NOTHING WAS CHECKED" in said
