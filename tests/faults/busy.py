"""Connections that ask for /ping again as soon as they have the answer."""

import asyncio
import threading
import time
from types import TracebackType
from typing import Self

REQUEST = b"GET /ping HTTP/1.1\r\nHost: test\r\n\r\n"


class Busy:
    """So many busy connections to a server during the block."""

    def __init__(self, port: int, count: int) -> None:
        self.seconds: list[float] = []  # from each request to its answer
        self._port = port
        self._count = count
        self._stop = False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._stop = True
        self._thread.join()

    async def _run(self) -> None:
        await asyncio.gather(*(self._ask() for _ in range(self._count)))

    async def _ask(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        while not self._stop:
            begun = time.monotonic()
            writer.write(REQUEST)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            self.seconds.append(time.monotonic() - begun)
        writer.close()
