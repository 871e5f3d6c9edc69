"""The gunicorn worker: many cheap threads, deadlines for slow clients, and a shutdown that drops no request."""

import logging
import os
import selectors
import signal
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import Any
from urllib.parse import unquote

from gunicorn.http import errors as http
from gunicorn.http.parser import RequestParser
from gunicorn.workers.gthread import ThreadWorker

from container import cores, memory
from container.errors import BadRequest, BodyTooLarge
from container.gate import Gate
from container.server import framing
from container.server.slow_clients import GRACE_SECONDS, Exchanges
from container.server.threads import Threads, never_wait_for_ever

log = logging.getLogger("maskserve.request")

STALLED_SECONDS = 10.0  # of one prediction, before which no model counts as broken, however short the deadline
LAST_SECONDS = 1.0  # for a worker with a broken model to reject its queued requests
SPARE = 50  # connections, and threads, that are kept free by shedding idle and slow clients
BODIES = 40  # of the largest size that may be in memory at once
MIN_BODIES = 100 << 20  # bytes, the lower bound if bodies are small
ACCEPTED = 64  # connections at once
MIN_COMPUTING = 16  # threads that may compute at once
PAUSE_SECONDS = 0.1  # between two such checks, and while no connection can be accepted
# Between Python threads. With its 0.005 the p99 of /ping is 300 to 480 ms beside uploads to the store, with this 10.
SWITCH_SECONDS = 0.001

# Parser error → HTTP status and message; subclasses before their bases.
_REFUSALS: tuple[tuple[type[Exception], int, str], ...] = (
    (http.LimitRequestHeaders, 431, "the request has too many or too long headers"),
    (http.LimitRequestLine, 414, "the request line is too long"),
    (http.UnsupportedTransferCoding, 501, "this transfer coding is not supported"),
    (http.ExpectationFailed, 417, "this expectation is not supported"),
    (http.ParseException, 400, "the request is not well-formed HTTP"),
)


class DrainingWorker(ThreadWorker):
    """A gthread worker with deadlines for reading and writing, and a graceful drain after SIGTERM.

    gthread reads without a deadline: a client that stalls occupies a thread indefinitely. Here reading ends
    `read_seconds` after a request started; a body that is incomplete by then counts as broken off. gthread has no write
    deadline either. Here a client that reads nothing is closed after `read_seconds`, one that reads a little now and
    then after twice that. In any case no response takes longer than reading, the deadline and writing together.

    A connection that has sent nothing occupies a connection slot but no thread. When slots or threads run low, the
    connections idle the longest are closed, then the slowest clients, so that no number of them blocks others.

    After SIGTERM a load balancer needs a moment to see that /ping returns 503, and the kernel has accepted connections
    that are still unread. So requests are accepted for another `drain_seconds`. Then no more are accepted, in-flight
    requests are finished, and idle connections are closed.

    A worker whose model has stopped responding rejects its queued requests, and exits.

    `app` is the `application.Application` that it belongs to, with the settings, the start-up state and the services.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.settings = self.app.settings
        max_body_bytes = self.settings.max_body_bytes
        max_held = max(MIN_BODIES, BODIES * max_body_bytes) if max_body_bytes else sys.maxsize
        self._exchanges = Exchanges(self.settings.read_seconds, max_held)
        self._ending = False
        self._seen_to = 0.0
        self._broken = False
        self._freed = memory.Freed()
        self._gate = Gate(max(MIN_COMPUTING, 2 * cores.count()))

    def init_process(self) -> None:
        """Install the request parser and the thread starter, then run gunicorn's main loop."""
        RequestParser.mesg_class = framing.Head
        never_wait_for_ever()
        sys.setswitchinterval(SWITCH_SECONDS)
        super().init_process()

    def get_thread_pool(self) -> ThreadPoolExecutor:
        return Threads(self.cfg.threads, lambda: self._gate.useful)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Dispatch events as gunicorn does, with a short timeout while a slot or a thread may be free soon."""
        soon = not self._accepting or self.tpool.behind
        super().wait_for_and_dispatch_events(min(timeout, PAUSE_SECONDS) if soon else timeout)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Accept connections or stop; a process still loading the model leaves them to those that have it.

        With 16 clients the embedded model is loaded after 2.4 s this way, and after 5.8 s with requests waiting for it.
        """
        super().set_accept_enabled(enabled and not self.app.startup.elsewhere(self))

    def handle(self, conn: Any) -> Any:
        """Answer the requests of a connection, including a next one that gunicorn has already read in part.

        While discarding an unused body (404, 413), gunicorn may read into the request that follows. Those bytes stay in
        the parser's buffer, invisible to the poller, and their client would wait until the connection times out.
        """
        keep = self._handle_one(conn)
        while keep is True and conn.parser.unreader.buf.getbuffer().nbytes:
            keep = self._handle_one(conn)
        return keep

    def _handle_one(self, conn: Any) -> Any:
        self._exchanges.begin(conn)
        conn.sock.ready = True
        try:
            with self._gate:
                return super().handle(conn)
        finally:
            self._exchanges.end(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer one request, and close the connection if the end of that request is ambiguous."""
        path = unquote(req.path)
        if path not in self.app.site.health_routes:
            self._freed.used(time.monotonic())
        exchange = self._exchanges[conn]
        exchange.request = req
        framing.check(req)
        limits = exchange.limits = self.app.site.body_limits(path)
        framing.bound(
            req, sys.maxsize if limits.max_bytes is None else limits.max_bytes, partial(self._exchanges.count, exchange)
        )
        conn.sock.settimeout(2 * self.settings.read_seconds)  # to write the whole response; for reading see `notify`
        try:
            keep = super().handle_request(req, conn)
        except TimeoutError:
            log.info("request", extra={"fields": {"reason": "the client did not take its answer in time"}})
            framing.drop(conn.sock)
            return False
        finally:
            self._exchanges.answered(exchange)
        if keep and framing.unfinished(req) and not limits.in_memory:
            keep = False  # a rejected upload; its rest is not read, the connection is closed
        if keep and framing.unfinished(req):
            try:
                conn.parser.finish_body()  # discard an unused body (404)
            except (BodyTooLarge, http.ParseException, OSError, MemoryError, ValueError):
                keep = False  # ValueError: its buffer was closed because memory ran out
        if not keep and framing.unfinished(req):
            framing.hang_up(conn.sock, self.settings.read_seconds)
        return keep

    def notify(self) -> None:
        """Check slow clients, a broken model, memory and missing threads; the main loop calls this every second."""
        now = time.monotonic()
        if now - self._seen_to < PAUSE_SECONDS:  # under load it is called twice a request
            return
        self._seen_to = now
        super().notify()
        self._end_when_broken()
        if self._exchanges:
            self._freed.used(now)
        self._freed.give_back(now)
        self._make_room()
        self.tpool.catch_up()
        self._exchanges.end_late(self.app.services.deadline_seconds)

    def _make_room(self) -> None:
        """Shed enough idle and slow clients for others to get a connection slot and a thread."""
        over = self.nr_conns - self.worker_connections + SPARE
        new = time.monotonic() + self.cfg.keepalive - GRACE_SECONDS
        for conns in (self.pending_conns, self.keepalived_conns):
            for conn in [*conns][: max(0, over)]:
                if conn.timeout < new:
                    conn.timeout = 0.0
                    over -= 1
        self.murder_pending()
        self.murder_keepalived()
        busy = self.nr_conns - len(self.pending_conns) - len(self.keepalived_conns)
        missing = max(self.nr_conns - self.worker_connections, busy - self.cfg.threads) + SPARE
        self._exchanges.give_way(missing)

    def _end_when_broken(self) -> None:
        """Stop this process if its model is broken; gunicorn starts another.

        A call that never returns, or a lost device, cannot be repaired within the process.
        """
        services = self.app.services
        reason = services.pool.broken(max(services.deadline_seconds, STALLED_SECONDS))
        if reason and not services.draining.is_set():
            self._broken = True
            log.error("%s; this process ends, and another is started", reason)
            services.draining.set()  # for /ping
            services.pool.abandon()
            end = threading.Timer(LAST_SECONDS, os._exit, [1])  # in case clients do not read their error responses
            end.daemon = True
            end.start()
            # The next process answers connections from now on. Deferred, because the main loop, which has called this,
            # would open the port again.
            self.method_queue.defer(self._end, signal.SIGTERM, None)

    def run(self) -> None:
        """Run gunicorn's main loop until every accepted request is answered."""
        super().run()
        if self._broken:
            os._exit(1)  # nothing else ends a stuck thread

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Answer a malformed HTTP request with an error response of the usual format."""
        from container.telemetry import metrics  # not before the fork: see Application

        for kind, status, message in _REFUSALS:
            if isinstance(exc, kind):
                body = self._error_body(getattr(exc, "path", None) or getattr(req, "path", None), message)
                log.info("request", extra={"fields": {"status": status, "code": BadRequest.code, "error": message}})
                metrics.REFUSALS.labels(BadRequest.code).inc()
                head = f"HTTP/1.1 {status} Refused\r\nConnection: close\r\nContent-Type: application/json\r\n"
                head += "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
                with suppress(OSError):
                    client.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
                framing.hang_up(client, self.settings.read_seconds)
                return
        super().handle_error(req, client, addr, exc)

    def _error_body(self, path: str | None, message: str) -> bytes:
        """Return the JSON error in the format of the protocol that owns the path, if the path was parsed."""
        body: bytes = self.app.site.owner(unquote(path or "")).error_body(BadRequest(message), "")
        return body

    def init_signals(self) -> None:
        """Handle SIGINT like SIGTERM: Ctrl-C reaches the workers too, not only the master."""
        super().init_signals()
        signal.signal(signal.SIGINT, self.handle_exit)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.app.services is None:  # the application is still being imported
            super().handle_exit(sig, frame)
            return
        draining = self.app.services.draining
        if not draining.is_set():
            draining.set()
            end = threading.Timer(self.settings.drain_seconds, self.method_queue.defer, [self._end, sig, frame])
            end.daemon = True
            end.start()

    def _end(self, sig: int, frame: FrameType | None) -> None:
        self.set_accept_enabled(False)
        self._ending = True
        for listener in self.sockets:
            self._take_all(listener)
            # Closed here, not after the last response: connections that the kernel accepts in between would be reset.
            listener.close()
        for conn in [*self.pending_conns]:
            if framing.readable(conn.sock):
                self.on_pending_socket_readable(conn, conn.sock)
        for conn in [*self.keepalived_conns, *self.pending_conns]:
            conn.timeout = 0
        super().handle_exit(sig, frame)

    def accept(self, listener: Any) -> None:
        """Accept the connections that wait, unless `_end` has closed the port since the poller reported them.

        gunicorn accepts one between two looks at all others: of 400 that came at once while others were busy the last
        one waited for 10 s. Beside other workers it is one here, too, so that each gets its share.
        """
        if listener.sock is None:
            return
        for _ in range(ACCEPTED if self.settings.processes == 1 else 1):
            if self.nr_conns >= self.worker_connections:
                return
            self._make_room()
            before = self.nr_conns
            try:
                super().accept(listener)
            except OSError as error:  # it would end the process
                log.error("a connection cannot be taken: %s", error)
                time.sleep(PAUSE_SECONDS)
            if self.nr_conns == before:
                return

    def enqueue_req(self, conn: Any) -> None:
        """Assign a connection to a thread; a new one only once it has sent something, or while the worker is ending."""
        if not isinstance(conn.sock, framing.Connection):
            conn.sock = framing.Connection(fileno=conn.sock.detach())
            with suppress(OSError, AttributeError):  # already closed; not Linux
                milliseconds = int(1000 * self.settings.read_seconds)
                conn.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
        conn.data_ready = conn.initialized or conn.data_ready or framing.readable(conn.sock)
        if conn.data_ready or self._ending:
            super().enqueue_req(conn)
            return
        conn.sock.setblocking(False)
        conn.set_timeout()
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def on_pending_socket_readable(self, conn: Any, client: Any) -> None:
        """Queue a readable connection as gunicorn does, but only once: `_end` may have done so already."""
        if not conn.data_ready:
            super().on_pending_socket_readable(conn, client)

    def _take_all(self, listener: Any) -> None:
        """Accept every connection in the kernel's backlog."""
        before = -1
        while self.nr_conns > before:
            before = self.nr_conns
            self.accept(listener)
