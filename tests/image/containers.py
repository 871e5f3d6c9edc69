"""Containers of the image under test, under the conditions that the checks want, and the lines of the report.

Requests to a container without a network are sent from inside it, by the Python that it has.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from container.check.container_engine import Engine
from container.check.stopping import STOP_SECONDS

TAG = "localhost/maskserve:image-test"

# Runs inside: one request, its body from stdin; prints status and Content-Type on a line, then the body.
REQUEST = """
import http.client, sys
method, path, port, accept = sys.argv[1:]
server = http.client.HTTPConnection("127.0.0.1", int(port), timeout=60)
server.request(method, path, sys.stdin.buffer.read() or None, {"Accept": accept, "Content-Type": "image/jpeg"})
answer = server.getresponse()
sys.stdout.buffer.write(f"{answer.status} {answer.headers['Content-Type']}\\n".encode() + answer.read())
"""

# Runs inside: asks /ping until it is 200, prints every status on the way once.
WAIT = """
import http.client, sys, time
seen, until = [], time.monotonic() + 120
while time.monotonic() < until and seen[-1:] != ["200"]:
    try:
        server = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=2)
        server.request("GET", "/ping")
        status = str(server.getresponse().status)
    except OSError as error:
        status = type(error).__name__
    if seen[-1:] != [status]:
        seen.append(status)
    time.sleep(0.05)
print(" ".join(seen))
"""

failures: list[str] = []


@contextmanager
def running(engine: Engine, *options: str, command: list[str], hardened: bool = True) -> Iterator[str]:
    """A container; its log is shown when something failed meanwhile, and it is removed in any case."""
    name = f"maskserve-image-test-{os.getpid()}-{time.monotonic_ns()}"
    failed_before = len(failures)
    finished = False
    try:
        engine("run", "-d", "--name", name, *(engine.hardening() if hardened else ()), *options, TAG, *command)
        yield name
        finished = True
    finally:
        if not finished or len(failures) > failed_before:
            logs = engine("logs", name, check=False)
            print((logs.stdout + logs.stderr).decode()[-3000:], file=sys.stderr)
        engine("rm", "-f", name, check=False)


def wait(engine: Engine, name: str, port: str = "8080") -> list[str]:
    """The statuses /ping went through until it was ready."""
    return engine.text("exec", name, "python", "-I", "-c", WAIT, port).split()


def ask(engine: Engine, name: str, body: bytes, accept: str, port: str = "8080") -> tuple[int, str, bytes]:
    """POST /invocations from inside the container: status, Content-Type, body."""
    script = ("python", "-I", "-c", REQUEST, "POST", "/invocations", port, accept)
    head, _, answer = engine("exec", "-i", name, *script, input=body).stdout.partition(b"\n")
    status, _, kind = head.decode().partition(" ")
    return int(status), kind, answer


def is_healthy(engine: Engine, name: str) -> bool:
    """What the image's HEALTHCHECK says, asked for now."""
    test = json.loads(engine.text("inspect", name))[0]["Config"]["Healthcheck"]["Test"]
    return engine("exec", name, *test[1:], check=False).returncode == 0


def check_exit(engine: Engine, name: str) -> None:
    engine("stop", "-t", f"{STOP_SECONDS:.0f}", name)
    check("  exit code 0 after SIGTERM", (code := exit_code(engine, name)) == "0", code)


def exit_code(engine: Engine, name: str) -> str:
    return engine.text("inspect", "--format", "{{.State.ExitCode}}", name)


def check(what: str, passed: bool, detail: str = "") -> None:
    """One line of the report; the detail of what failed goes below it."""
    print(f"{'ok    ' if passed else 'FAILED'}  {what}", flush=True)
    if not passed:
        failures.append(what)
        print(f"        {detail}", flush=True)
