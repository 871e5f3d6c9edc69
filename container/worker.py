"""The gunicorn worker: many cheap threads, deadlines for slow senders, and a shutdown that loses nothing."""

import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import FrameType
from typing import Any

from gunicorn.http import errors as http
from gunicorn.workers.gthread import ThreadWorker

from container import framing, memory
from container.errors import BodyTooLarge
from container.loads import Loads
from container.settings import Settings

log = logging.getLogger("maskserve.request")

STALLED_SECONDS = 10.0  # of one prediction, before which no model counts as broken, however short the deadline is
LAST_SECONDS = 1.0  # in which a worker whose model is broken refuses what waits for it
IDLE_SECONDS = 1.0  # without a request but /ping, after which freed memory goes back
BUSY_SECONDS = 60.0  # after which it does in any case: under load, holes in the heap grow by 1 MB a thousand requests

# What the parser raises → the status and what is told; subclasses before their bases.
_REFUSALS: tuple[tuple[type[Exception], int, str], ...] = (
    (http.LimitRequestHeaders, 431, "the request has too many or too long headers"),
    (http.LimitRequestLine, 414, "the request line is too long"),
    (http.UnsupportedTransferCoding, 501, "this transfer coding is not supported"),
    (http.ExpectationFailed, 417, "this expectation is not supported"),
    (http.ParseException, 400, "the request is not well-formed HTTP"),
)


class DrainingWorker(ThreadWorker):
    """gthread that does not wait for ever, and goes on answering for a while after SIGTERM.

    gthread reads without a deadline: a client that stalls holds a thread for as long as it likes. Here reading ends
    `read_seconds` after a request began; what had not come by then is a body that broke off. Nor does gthread end
    writing: a client that takes nothing is given up after as many seconds, one that takes a little now and then after
    twice as many.

    After SIGTERM a load balancer needs a moment to see that /ping has turned to 503, and the kernel has accepted
    connections that nobody has read. So requests are still taken for `drain_seconds`; then no more are, what is in
    flight is finished, and idle connections are closed rather than waited for.

    A worker whose model will not answer any more refuses what waits for it, and ends.
    """

    settings: Settings  # these two are set by gunicorn_conf
    loads: Loads

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reading: dict[Any, float] = {}  # connection → when reading ends, on the monotonic clock
        self._broken = False
        self._asked = self._given_back = 0.0  # the last request but /ping, and when freed memory went back last

    def get_thread_pool(self) -> ThreadPoolExecutor:
        return _Threads(self.cfg.threads)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Take connections or do not; a process that loads the model leaves them to those that have it.

        Beside 16 clients the embedded model is there after 2.4 s so, and after 5.8 s with requests waiting for it.
        """
        super().set_accept_enabled(enabled and not self.loads.elsewhere(self))

    def handle(self, conn: Any) -> Any:
        """Answer what a connection has sent, including what gunicorn has read of the next request already.

        Throwing away a body that nobody wanted (404, 413), it may read on into the request that follows; those bytes
        lie in the parser's buffer, unseen by the poller, and their client would wait until the connection times out.
        """
        keep = self._handle_one(conn)
        while keep is True and conn.parser.unreader.buf.getbuffer().nbytes:
            keep = self._handle_one(conn)
        return keep

    def _handle_one(self, conn: Any) -> Any:
        self._reading[conn] = time.monotonic() + self.settings.read_seconds
        with suppress(OSError, AttributeError):  # gone already; not Linux
            conn.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(1000 * self.settings.read_seconds))
        try:
            return super().handle(conn)
        finally:
            self._reading.pop(conn, None)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer one request, and end the connection where it is not certain where that request ends."""
        if req.path != "/ping":
            self._asked = time.monotonic()
        framing.check(req)
        framing.bound(req, self.settings.max_body_bytes or sys.maxsize)
        conn.sock.settimeout(2 * self.settings.read_seconds)  # of writing the whole answer; for reading see `notify`
        try:
            keep = super().handle_request(req, conn)
        except TimeoutError:
            log.info("request", extra={"fields": {"reason": "the client did not take its answer in time"}})
            framing.drop(conn.sock)
            return False
        if keep:
            try:
                conn.parser.finish_body()  # of a body that nobody wanted (404)
            except (BodyTooLarge, http.ParseException, OSError):
                keep = False
        if not keep and framing.unfinished(req):
            framing.hang_up(conn.sock, self.settings.read_seconds)
        return keep

    def notify(self) -> None:
        """gunicorn's main loop comes by here every second: see to slow senders, a broken model, and free memory."""
        super().notify()
        now = time.monotonic()
        self._end_when_broken()
        self._give_back_memory(now)
        for conn, end in list(self._reading.items()):
            if now > end:
                self._reading.pop(conn, 0.0)
                with suppress(OSError):  # gone already
                    conn.sock.shutdown(socket.SHUT_RD)  # a blocked read returns; the answer can still be written

    def _give_back_memory(self, now: float) -> None:
        if self._reading:
            self._asked = now
        idle = now - self._asked > IDLE_SECONDS
        if self._asked > self._given_back and (idle or now - self._given_back > BUSY_SECONDS):
            self._given_back = now
            memory.give_back()

    def _end_when_broken(self) -> None:
        """A call that never returns, or a lost device, cannot be mended from within: gunicorn starts another."""
        services = self.wsgi.extensions["services"]
        reason = services.repository.broken(max(services.deadline_seconds, STALLED_SECONDS))
        if reason and not services.draining.is_set():
            self._broken = True
            log.error("%s; this process ends, and another is started", reason)
            services.draining.set()  # for /ping
            services.repository.abandon()
            end = threading.Timer(LAST_SECONDS, os._exit, [1])  # for clients that do not take their refusals
            end.daemon = True
            end.start()
            # Who connects from now on is answered by the next process. Not here: the main loop, which has called this,
            # would open the port again.
            self.method_queue.defer(self._end, signal.SIGTERM, None)

    def run(self) -> None:
        """gunicorn's main loop, until what was accepted is answered."""
        super().run()
        if self._broken:
            os._exit(1)  # nothing less ends a thread that is stuck

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Answer what is not well-formed HTTP in the shape of every other error."""
        for kind, status, message in _REFUSALS:
            if isinstance(exc, kind):
                body = json.dumps({"error": {"code": "bad_request", "message": message}}).encode()
                log.info("request", extra={"fields": {"status": status, "reason": message}})
                head = f"HTTP/1.1 {status} Refused\r\nConnection: close\r\nContent-Type: application/json\r\n"
                head += "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
                with suppress(OSError):
                    client.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
                framing.hang_up(client, self.settings.read_seconds)
                return
        super().handle_error(req, client, addr, exc)

    def init_signals(self) -> None:
        """Ctrl-C reaches the workers too, not the master alone: here it is what SIGTERM is."""
        super().init_signals()
        signal.signal(signal.SIGINT, self.handle_exit)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        application = getattr(self, "wsgi", None)
        if application is None:  # still being imported
            super().handle_exit(sig, frame)
            return
        draining = application.extensions["services"].draining
        if not draining.is_set():
            draining.set()
            end = threading.Timer(self.settings.drain_seconds, self.method_queue.defer, [self._end, sig, frame])
            end.daemon = True
            end.start()

    def _end(self, sig: int, frame: FrameType | None) -> None:
        self.set_accept_enabled(False)
        for listener in self.sockets:
            self._take_all(listener)
            # Closed here and not after the last answer: what the kernel accepts in between would be reset.
            listener.close()
        for conn in [*self.keepalived_conns, *self.pending_conns]:
            conn.timeout = 0
        super().handle_exit(sig, frame)

    def accept(self, listener: Any) -> None:
        """Take one connection, unless `_end` has closed the port after the poller saw that one was waiting."""
        if listener.sock is not None:
            super().accept(listener)

    def _take_all(self, listener: Any) -> None:
        """Accept every connection that the kernel has accepted for us."""
        before = -1
        while self.nr_conns > before:
            before = self.nr_conns
            self.accept(listener)


class _Threads(ThreadPoolExecutor):
    """Threads, as many as there is memory for: when no other can be started, those that there are take the work."""

    def _adjust_thread_count(self) -> None:
        with suppress(RuntimeError):  # which would end the main loop, and the process with it
            super()._adjust_thread_count()
