"""`python -m tests.soak MINUTES`: good, bad, slow and vanishing clients at once, and what that does to the server.

Exit code 1 where memory or descriptors grow, where anything but 503 with Retry-After is a 5xx, or where /ping misses.
"""

import http.client
import itertools
import random
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import psutil
import skimage.data

from tests.conftest import Server, encode, launch
from tests.faults.crowd import head, vanishing

EVERY = 5.0  # seconds between two looks at memory
LINE = 24  # looks between two that are printed
MINUTE = 12  # looks in the time after which freed memory is given back under load; the least of them counts
WARM_UP = 0.25  # of the time, before memory is looked at
MB_PER_1000 = 1.0  # growth of memory a thousand requests
DESCRIPTORS = 20  # more than at the beginning, at the end

PHOTOS = [
    encode(picture, "JPEG") for picture in (skimage.data.astronaut(), skimage.data.chelsea(), skimage.data.coffee())
]
BAD = [
    ("POST", "/invocations", b"no picture", {}),
    ("POST", "/invocations", PHOTOS[0][:5000], {}),
    ("POST", "/invocations", b'{"image": 1}', {"Content-Type": "application/json"}),
    ("POST", "/invocations", PHOTOS[1], {"Accept": "text/html"}),
    ("POST", "/nowhere", PHOTOS[1], {}),
    ("GET", "/invocations", b"", {}),
]
TYPES = ("application/json", "image/png", "image/jpeg")


class Soak:
    """The clients and what they saw."""

    def __init__(self, server: Server, seconds: float) -> None:
        self._server = server
        self._end = time.monotonic() + seconds
        self.statuses: Counter[int] = Counter()
        self.faults: list[str] = []

    def run(self) -> list[tuple[int, float, int]]:
        """(requests so far, MB, descriptors), a look every few seconds."""
        kinds = [self._good, self._good, self._good, self._bad, self._slow, self._vanishing, self._pinger]
        threads = [threading.Thread(target=kind, args=(i,)) for i, kind in enumerate(kinds)]
        for thread in threads:
            thread.start()
        looks = []
        while time.monotonic() < self._end:
            time.sleep(EVERY)
            looks.append((self.statuses.total(), *_size(self._server)))
            if len(looks) % LINE == 0:
                print("{} requests, {:.0f} MB, {} descriptors".format(*looks[-1]), flush=True)
        for thread in threads:
            thread.join()
        return looks

    def _left(self) -> bool:
        return time.monotonic() < self._end

    def _ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=60)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            response.read()
            self.statuses[response.status] += 1
            if response.status >= 500 and not (response.status == 503 and response.headers["Retry-After"]):
                self.faults.append(f"{method} {path} was answered {response.status}")
        except (OSError, http.client.HTTPException) as error:
            self.faults.append(f"{method} {path} was not answered: {error!r}")
        finally:
            connection.close()

    def _good(self, seed: int) -> None:
        chance = random.Random(seed)
        while self._left():
            attributes = {"X-Amzn-SageMaker-Custom-Attributes": '{"masks": "rle"}'} if chance.random() < 0.3 else {}
            self._ask("POST", "/invocations", chance.choice(PHOTOS), {"Accept": chance.choice(TYPES), **attributes})

    def _bad(self, seed: int) -> None:
        for request in itertools.cycle(BAD):
            if not self._left():
                return
            self._ask(*request)
            time.sleep(0.05)

    def _slow(self, seed: int) -> None:
        while self._left():
            with socket.create_connection(("127.0.0.1", self._server.port)) as client:
                client.sendall(head(len(PHOTOS[0])))
                for start in range(0, len(PHOTOS[0]), 8192):
                    client.sendall(PHOTOS[0][start : start + 8192])
                    time.sleep(0.2)
                client.recv(1000)

    def _vanishing(self, seed: int) -> None:
        chance = random.Random(seed)
        while self._left():
            with vanishing(self._server) as client:
                client.sendall(head(len(PHOTOS[0])) + PHOTOS[0][: chance.randrange(2 * len(PHOTOS[0]))])
                time.sleep(chance.random() / 5)
            time.sleep(1)

    def _pinger(self, seed: int) -> None:
        while self._left():
            if (status := self._server.ping()) != 200:
                self.faults.append(f"/ping was answered {status}")
            time.sleep(1)


def _size(server: Server) -> tuple[float, int]:
    """Memory in MB and descriptors of all processes."""
    master = psutil.Process(server.process.pid)
    processes = [master, *master.children(recursive=True)]
    return sum(one.memory_info().rss for one in processes) / 1e6, sum(one.num_fds() for one in processes)


def main() -> None:
    """Start the server, let the clients at it, judge."""
    minutes = float(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        server = launch(Path(folder, "log"), MASKSERVE_MODEL="default")
        server.wait()
        first = _size(server)[1]
        soak = Soak(server, 60 * minutes)
        looks = soak.run()
        time.sleep(EVERY)
        last = _size(server)[1]
        code = server.stop()
    settled = [look for look in looks if look[0] >= WARM_UP * looks[-1][0]]
    least = [min(settled[i : i + MINUTE], key=lambda look: look[1]) for i in range(0, len(settled), MINUTE)]
    requests, megabytes = np.array([look[:2] for look in least]).T
    slope = 1000 * np.polyfit(requests, megabytes, 1)[0]
    print(
        f"{minutes:g} minutes, {dict(sorted(soak.statuses.items()))}\n"
        f"memory {megabytes[0]:.0f} to {megabytes[-1]:.0f} MB, {slope:+.2f} MB a thousand requests\n"
        f"descriptors {first} to {last}, exit code {code}"
    )
    broken = soak.faults[:10]
    if slope > MB_PER_1000:
        broken.append(f"memory grows by {slope:.2f} MB a thousand requests; {MB_PER_1000} are allowed")
    if last > first + DESCRIPTORS:
        broken.append(f"descriptors grow from {first} to {last}")
    if code:
        broken.append(f"exit code {code}")
    sys.exit("\n".join(broken) or None)


if __name__ == "__main__":
    main()
