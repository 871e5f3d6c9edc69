"""The store that speaks Nucleus: what uploads and reads cost, and what others notice of them."""

import json
import math
import multiprocessing
import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import requests
import skimage.data

from tests.conftest import Server, encode, launch

OBJECTS, POINTS, ITEMS = 5000, 60, 100  # of an upload; 50 objects an item
TIMES, READS = 7, 300
ROUNDS, ASKED = 20, 10  # of /invocations with and without uploads, and how often in each
PING_SECONDS = 20.0
LARGE = 500_000  # boxes of a run that is read whole

PHOTO = encode(skimage.data.coffee(), "JPEG", quality=90)
_SPAWN = multiprocessing.get_context("spawn")  # a client in a process of its own does not share the interpreter's lock


def _geometry(kind: str, numbers: random.Random) -> dict[str, Any]:
    x, y, radius = numbers.uniform(0, 4000), numbers.uniform(0, 4000), numbers.uniform(5, 99)
    if kind == "box":
        return {"x": x, "y": y, "width": radius, "height": radius}
    angles = [2 * math.pi * i / POINTS for i in range(POINTS)]
    return {"vertices": [{"x": x + radius * math.cos(one), "y": y + radius * math.sin(one)} for one in angles]}


def body(kind: str, first: int = 0) -> bytes:
    """The request that the client sends for 5,000 objects, whose ids count from `first`."""
    numbers = random.Random(first)
    objects = [
        {
            "label": "car",
            "type": kind,
            "geometry": _geometry(kind, numbers),
            "reference_id": str(i % ITEMS),
            "annotation_id": f"{kind} {first + i}",
            "metadata": {},
            "embedding_vector": None,
            "track_reference_id": None,
            "task_id": None,
            "confidence": numbers.random(),
        }
        for i in range(OBJECTS)
    ]
    return json.dumps({"update": False, "annotations": objects}).encode()


class Store:
    """A dataset and a model of a server's store."""

    def __init__(self, server: Server) -> None:
        self.url = f"{server.url}/v1/nucleus"
        self.session = requests.Session()
        self._server = server
        self.dataset = self.post("dataset/create", name="bench")["dataset_id"]
        items = [{"reference_id": str(i), "image_url": "s3://b/1.png"} for i in range(ITEMS)]
        self.post(f"dataset/{self.dataset}/append", items=items)
        self.post("models/add", name="bench", reference_id="bench")

    def post(self, route: str, **fields: Any) -> Any:
        """The reply of a route."""
        answer = self.session.post(f"{self.url}/{route}", json=fields, timeout=120)
        answer.raise_for_status()
        return answer.json()

    def run(self) -> str:
        """A new run, by the address of its uploads."""
        made = self.post(f"dataset/{self.dataset}/modelRun/create", name="bench", reference_id="bench")
        return f"{self.url}/modelRun/{made['model_run_id']}"

    def upload(self, run: str, sent: bytes) -> float:
        """The seconds of an upload of 5,000 objects, of which none is bad."""
        begun = time.perf_counter()
        reply = self.session.post(f"{run}/predict", data=sent, timeout=120).json()
        seconds = time.perf_counter() - begun
        if reply["predictions_processed"] + reply["predictions_ignored"] != OBJECTS:
            raise RuntimeError(str(reply)[:500])
        return seconds

    def peak(self, ask: Callable[[], object]) -> float:
        """The MB that the worker grows by at most while it answers."""
        (worker,) = psutil.Process(self._server.process.pid).children()
        Path(f"/proc/{worker.pid}/clear_refs").write_text("5")  # from now on VmHWM is the peak since now
        before = worker.memory_info().rss
        ask()
        lines = Path(f"/proc/{worker.pid}/status").read_text().splitlines()
        (peak,) = (int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
        return (peak - before) / 1e6


def _upload_until(over: Any, active: Any, count: Any, url: str) -> None:
    """Upload to one run after the other while `active` is set, in a process of its own."""
    sent = {kind: body(kind) for kind in ("box", "polygon")}
    session, number = requests.Session(), 0
    while not over.is_set():
        if not active.wait(0.1):
            continue
        if number % 10 == 0:
            fields = {"name": "beside", "reference_id": "bench"}
            run = session.post(f"{url}/modelRun/create", json=fields, timeout=120).json()["model_run_id"]
        base = url.partition("/dataset/")[0]
        session.post(f"{base}/modelRun/{run}/predict", data=sent["polygon" if number % 2 else "box"], timeout=120)
        number += 1
        count.value = number


class Beside:
    """A client of a process of its own that does one thing after the other, without a pause, while `during` says so."""

    def __init__(self, name: str, work: Callable[..., None], *given: object) -> None:
        """`work` gets an event for its end, one while it is wanted, its number of things done, and `given`."""
        self.name = name
        self._over, self._active, self._count = _SPAWN.Event(), _SPAWN.Event(), _SPAWN.Value("i", 0)
        self._process = _SPAWN.Process(target=work, args=(self._over, self._active, self._count, *given))
        self._process.start()

    @property
    def done(self) -> int:
        """How many things it has done."""
        return int(self._count.value)

    @contextmanager
    def during(self) -> Iterator[None]:
        """Have it work during the block."""
        before = self.done
        self._active.set()
        while self.done == before:
            time.sleep(0.01)
        yield
        self._active.clear()
        time.sleep(2)  # the last one ends

    def close(self) -> None:
        """End."""
        self._over.set()
        self._process.join()


def _uploads(store: Store, kind: str) -> str:
    seconds, sent = [], body(kind)
    grown = store.peak(lambda: store.upload(store.run(), sent))  # the first one of the server
    for _ in range(TIMES):
        run = store.run()
        seconds.append((store.upload(run, sent), store.upload(run, sent)))
    first, again = (statistics.median(one) for one in zip(*seconds, strict=True))
    return (
        f"{OBJECTS} of {kind}, {len(sent) / 1e6:.1f} MB: {first:.2f} s, at most {max(seconds)[0]:.2f}; "
        f"again, all ignored, {again:.2f}; {grown:+.0f} MB at most"
    )


def _reads(store: Store) -> str:
    run = store.run()
    store.upload(run, body("box"))
    found = []
    for number in range(READS):
        begun = time.perf_counter()
        boxes = store.session.get(f"{run}/refloc/{number % ITEMS}", timeout=60).json()["annotations"]["box"]
        found.append(1000 * (time.perf_counter() - begun))
        if len(boxes) != OBJECTS // ITEMS:
            raise RuntimeError(f"{len(boxes)} boxes of an item")
    return f"refloc of {OBJECTS // ITEMS}: {statistics.median(found):.1f} ms, p99 {_p99(found):.1f}"


def _whole_run(store: Store) -> str:
    run = store.run()
    for first in range(0, LARGE, OBJECTS):
        store.upload(run, body("box", first))
    read: dict[str, float] = {}

    def ask() -> None:
        begun = time.perf_counter()
        with store.session.get(f"{run}/ungrouped", timeout=600, stream=True) as answer:
            read["bytes"] = sum(map(len, answer.iter_content(1 << 20)))
        read["seconds"] = time.perf_counter() - begun

    grown = store.peak(ask)
    return f"ungrouped of {LARGE} boxes: {read['seconds']:.1f} s, {read['bytes'] / 1e6:.0f} MB; {grown:+.0f} MB at most"


def pings(server: Server, beside: Beside) -> str:
    """What /ping takes alone and beside another client."""
    found: dict[str, list[float]] = {"alone": [], f"beside {beside.name}": []}

    def ask(times: list[float]) -> None:
        end = time.monotonic() + PING_SECONDS
        while time.monotonic() < end:
            begun = time.perf_counter()
            if server.ping() != 200:
                raise RuntimeError("/ping is not 200")
            times.append(1000 * (time.perf_counter() - begun))
            time.sleep(0.01)

    ask(found["alone"])
    before = beside.done
    with beside.during():
        ask(found[f"beside {beside.name}"])
        done = beside.done - before
    texts = [f"{_p99(times):.1f} ms {name} (median {statistics.median(times):.1f})" for name, times in found.items()]
    return f"/ping p99: {', '.join(texts)}; {done / PING_SECONDS:.1f} {beside.name} a second"


def invocations(server: Server, beside: Beside) -> str:
    """What /invocations takes alone and beside another client, in turn."""
    session = requests.Session()
    found: dict[str, list[float]] = {"alone": [], "beside": []}

    def ask(times: list[float]) -> None:
        for _ in range(ASKED):
            begun = time.perf_counter()
            headers = {"Content-Type": "image/jpeg"}
            session.post(f"{server.url}/invocations", data=PHOTO, headers=headers, timeout=60).raise_for_status()
            times.append(time.perf_counter() - begun)

    ask([])
    before, begun = beside.done, time.monotonic()
    for _ in range(ROUNDS):
        ask(found["alone"])
        with beside.during():
            ask(found["beside"])
    rate = (beside.done - before) / (time.monotonic() - begun)
    alone, with_it = (statistics.median(times) for times in found.values())
    return (
        f"/invocations, {ROUNDS} rounds: {1000 * alone:.0f} ms alone, {1000 * with_it:.0f} beside {beside.name}, "
        f"{100 * (with_it / alone - 1):+.0f} %; {rate:.2f} {beside.name} a second"
    )


def _p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98]


def measure(folder: Path) -> Iterator[str]:
    """Yield the figures of a server with the embedded model and a store in `folder`."""
    server = launch(folder / "log", MASKSERVE_STORE=str(folder / "store"))
    server.wait()
    try:
        store = Store(server)
        yield _uploads(store, "box")
        yield _uploads(store, "polygon")
        yield _reads(store)
        beside = Beside("uploads", _upload_until, f"{store.url}/dataset/{store.dataset}")
        try:
            yield pings(server, beside)
            yield invocations(server, beside)
        finally:
            beside.close()
        yield _whole_run(store)
    finally:
        server.stop()
