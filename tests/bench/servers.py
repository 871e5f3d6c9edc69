"""Servers as their users start them: processes of their own, one model each, on a port of 127.0.0.1."""

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import requests

from tests.bench.cases import EMBEDDED, Case
from tests.conftest import ROOT, free_port

START_SECONDS = 180
MEDIA = {"json": "application/json", "rle": "application/json", "png": "image/png", "jpeg": "image/jpeg"}


@dataclass(frozen=True)
class Kind:
    """A way to serve: how to start it, and how to ask it."""

    command: Callable[[int, int], list[str]]  # port, workers
    ask: Callable[[Case, str], dict[str, Any]]  # what requests.post takes
    path: str
    environ: Callable[[Case, int], dict[str, str]]  # workers
    health: str = "/ping"


def _plain_environ(case: Case, workers: int) -> dict[str, str]:
    return {
        "MODEL": case.model,
        "WEIGHTS": str(case.weights),
        "CLASSES": str(len(case.labels)),
        "LABELS": ",".join(case.labels),
        "CONFIDENCE": str(case.confidence),
        "BENCH_THREADS": str(max(1, len(os.sched_getaffinity(0)) // workers)),
    }


def _own_environ(case: Case, workers: int) -> dict[str, str]:
    model = {"MASKSERVE_MODEL": "default"} if case.model == EMBEDDED else {
        "MASKSERVE_MODEL": case.model,
        "MASKSERVE_WEIGHTS": str(case.weights),
        "MASKSERVE_LABELS": ",".join(case.labels),
    }  # fmt: skip
    asked = json.dumps({"confidence": case.confidence, "iou_threshold": 0.5})  # torchvision's own
    return {**model, "MASKSERVE_DEFAULT_ATTRIBUTES": asked, "SAGEMAKER_MODEL_SERVER_WORKERS": str(workers)}


def _own_ask(case: Case, kind: str) -> dict[str, Any]:
    headers = {"Accept": MEDIA[kind], "Content-Type": "image/jpeg"}
    if kind == "rle":
        headers["X-Amzn-SageMaker-Custom-Attributes"] = '{"masks": "rle"}'
    return {"data": case.photo, "headers": headers}


def _form(case: Case, kind: str) -> dict[str, Any]:
    return {"files": {"picture": case.photo}, "data": {"kind": kind}}


def _run(*module: str) -> Callable[[int, int], list[str]]:
    return lambda port, workers: [sys.executable, "-W", "ignore", "-m", *module]


def _flask(port: int, workers: int) -> list[str]:
    bind, app = f"127.0.0.1:{port}", "tests.bench.peers.flask_app:app"
    return _run("gunicorn", "-b", bind, "-w", str(workers), "--timeout", "600", app)(port, workers)


def _bentoml(port: int, workers: int) -> list[str]:
    service = "tests.bench.peers.bentoml_app:Segmentation"
    return _run("bentoml", "serve", service, "--host", "127.0.0.1", "--port", str(port))(port, workers)


KINDS = {
    "flask": Kind(
        _flask, lambda case, kind: {"data": case.photo, "params": {"kind": kind}}, "/invocations", _plain_environ
    ),
    "litserve": Kind(_run("tests.bench.peers.litserve_app"), _form, "/predict", _plain_environ),
    "bentoml": Kind(_bentoml, _form, "/predict", _plain_environ, "/readyz"),
    "torchserve": Kind(_run("tests.bench.peers.torchserve_app"), _form, "/predictions/model", _plain_environ),
    "maskserve": Kind(lambda port, workers: ["./serve"], _own_ask, "/invocations", _own_environ),
}
NEEDS_PEERS = ("litserve", "bentoml", "torchserve")


def available() -> list[str]:
    """All but torchserve where there is no Java."""
    return [name for name in KINDS if name != "torchserve" or shutil.which("java")]


class Server:
    """A started server; `with` stops it."""

    def __init__(self, name: str, case: Case, folder: Path, workers: int = 1) -> None:
        self.name, self._case, self._kind = name, case, KINDS[name]
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        environ = {
            **os.environ,
            **self._kind.environ(case, workers),
            "PORT": str(self._port),
            "SAGEMAKER_BIND_TO_PORT": str(self._port),
            "WORKERS": str(workers),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": f"{ROOT}:{ROOT / '.venv/peers'}" if name in NEEDS_PEERS else str(ROOT),
            "BENCH_FOLDER": str(folder),
        }
        begun = time.monotonic()
        self._log = (folder / f"{name}-{case.model}-{case.size}.log").open("ab")
        self._process = subprocess.Popen(
            self._kind.command(self._port, workers),
            cwd=ROOT, env=environ, stdout=self._log, stderr=self._log, start_new_session=True,
        )  # fmt: skip
        while not self.ping(timeout=1):
            if time.monotonic() - begun > START_SECONDS or self._process.poll() is not None:
                self.stop()
                raise RuntimeError(f"{name} does not start; see {self._log.name}")
            time.sleep(0.02)
        self.start_seconds = time.monotonic() - begun

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the server's whole session."""
        for number, seconds in ((signal.SIGTERM, 30), (signal.SIGKILL, 10)):
            try:
                os.killpg(self._process.pid, number)
                self._process.wait(seconds)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
        self._log.close()

    def ping(self, timeout: float = 30) -> float:
        """Milliseconds of a /ping that is answered with 200, else 0."""
        begun = time.perf_counter()
        try:
            if requests.get(self.url + self._kind.health, timeout=timeout).status_code != 200:
                return 0.0
        except requests.RequestException:
            return 0.0
        return 1000 * (time.perf_counter() - begun)

    def ask(self, kind: str, session: requests.Session) -> tuple[float, bytes]:
        """Milliseconds and body of one answer."""
        asked = self._kind.ask(self._case, kind)
        begun = time.perf_counter()
        answer = session.post(self.url + self._kind.path, timeout=600, **asked)
        milliseconds = 1000 * (time.perf_counter() - begun)
        if answer.status_code != 200 or answer.headers["content-type"].split(";")[0] != MEDIA[kind]:
            raise RuntimeError(f"{self.name}: {answer.status_code} {answer.headers} {answer.content[:300]!r}")
        return milliseconds, answer.content

    def cpu_seconds(self) -> float:
        """CPU time of all its processes so far."""
        return sum(sum(one.cpu_times()[:2]) for one in self._processes())

    def megabytes(self) -> float:
        """Memory of all its processes, what they share counted once."""
        return sum(one.memory_full_info().pss for one in self._processes()) / 1e6

    def stages(self) -> dict[str, float]:
        """Median milliseconds of each stage of the requests so far, of a server that logs them."""
        lines = [line for line in Path(self._log.name).read_text().splitlines() if '"stages_ms"' in line]
        logged = [json.loads(line)["stages_ms"] for line in lines]
        return {stage: statistics.median(one[stage] for one in logged) for stage in (logged[0] if logged else ())}

    def _processes(self) -> list[psutil.Process]:
        master = psutil.Process(self._process.pid)
        return [master, *master.children(recursive=True)]
