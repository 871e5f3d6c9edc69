"""Segment Anything of a store: what an embedding, a prompt, and kept embeddings cost, and what others notice of it."""

import base64
import itertools
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import requests
import skimage.data

from tests.conftest import Server, encode, launch

CLICKS, KEPT = 50, 100
CLIENTS, TURNS, SECONDS = 8, 5, 10.0  # of others, and how often and how long each is measured

PHOTO = encode(skimage.data.coffee(), "JPEG", quality=90)
_numbers = itertools.count(1)


def _other_picture() -> dict[str, str]:
    """A picture that is none of those before: a JPEG with other bytes behind its end."""
    return {"type": "base64", "value": base64.b64encode(PHOTO + next(_numbers).to_bytes(8, "little")).decode()}


class _Client:
    def __init__(self, server: Server, version: str) -> None:
        self._server = server
        self._version = version
        self._session = requests.Session()
        self._process = psutil.Process(server.process.pid)

    def segment(self, image: dict[str, str], **fields: Any) -> None:
        body = {"image": image, "sam_version_id": self._version, "point_coords": [[200, 200]], **fields}
        self._session.post(f"{self._server.url}/sam/segment_image", json=body, timeout=600).raise_for_status()

    def invoke(self) -> None:
        headers = {"Content-Type": "image/jpeg"}
        self._session.post(f"{self._server.url}/invocations", data=PHOTO, headers=headers).raise_for_status()

    def costs(self, ask: Callable[[], None], count: int) -> tuple[float, float]:
        """Return medians of the seconds of an answer and of the server's CPU."""
        found = []
        for _ in range(count):
            cpu, begun = self._cpu(), time.perf_counter()
            ask()
            found.append((time.perf_counter() - begun, self._cpu() - cpu))
        seconds, cpus = zip(*found, strict=True)
        return statistics.median(seconds), statistics.median(cpus)

    def times(self, seconds: float) -> list[float]:
        """Return the seconds of each /invocations of one client."""
        found, end = [], time.monotonic() + seconds
        while time.monotonic() < end:
            begun = time.perf_counter()
            self.invoke()
            found.append(time.perf_counter() - begun)
        return found

    def memory(self) -> float:
        """Return the memory of the server in MB."""
        return sum(one.memory_info().rss for one in self._all()) / 1e6

    def _cpu(self) -> float:
        return sum(sum(one.cpu_times()[:2]) for one in self._all())

    def _all(self) -> list[psutil.Process]:
        return [self._process, *self._process.children(recursive=True)]


@contextmanager
def _others(server: Server, version: str) -> Iterator[None]:
    """Have clients segment, a picture of its own each time, during the block."""
    over = threading.Event()

    def work() -> None:
        client = _Client(server, version)
        while not over.is_set():
            client.segment(_other_picture())

    threads = [threading.Thread(target=work) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    time.sleep(2)
    yield
    over.set()
    for thread in threads:
        thread.join()


def measure(store: Path, version: str, folder: Path) -> Iterator[str]:
    """Yield the figures of sam/VERSION, beside the embedded model."""
    server = launch(folder / "log", MASKSERVE_MODEL_STORE=str(store), MASKSERVE_SAM_CACHE_MB="1024")
    server.wait()
    client = _Client(server, version)
    try:
        client.segment(_other_picture())
        image = _other_picture()
        first = client.costs(lambda: client.segment(_other_picture()), 9)
        again = client.costs(lambda: client.segment(image), CLICKS)
        yield f"a new picture and a point: {first[0]:.3f} s, {first[1]:.2f} of CPU"
        yield f"{CLICKS} points on one picture, each: {again[0]:.3f} s, {again[1]:.3f} of CPU"
        before = client.memory()
        for _ in range(KEPT):
            client.segment(_other_picture())
        yield f"{KEPT} embeddings that are kept: {client.memory() - before:+.0f} MB"
        alone, beside = [], []
        client.times(2)
        for _ in range(TURNS):
            alone += client.times(SECONDS)
            with _others(server, version):
                beside += client.times(SECONDS)
        percentiles = [statistics.quantiles(found, n=100)[98] for found in (alone, beside)]
        yield (
            f"p99 of the embedded model: {1000 * percentiles[0]:.0f} ms alone, {1000 * percentiles[1]:.0f} beside "
            f"{CLIENTS} clients with different pictures, {percentiles[1] / percentiles[0]:.2f} times"
        )
    finally:
        server.stop()
