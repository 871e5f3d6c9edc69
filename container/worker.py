"""The gunicorn worker: many cheap threads, and a shutdown that loses nothing."""

import threading
from types import FrameType
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from container.settings import Settings


class DrainingWorker(ThreadWorker):
    """gthread that goes on answering for a while after SIGTERM.

    A load balancer needs a moment to see that /ping has turned to 503, and the kernel has accepted connections that
    nobody has read. So requests are still taken for `drain_seconds`; then no more are, what is in flight is finished,
    and idle connections are closed rather than waited for.
    """

    settings: Settings  # set by gunicorn_conf

    def handle(self, conn: Any) -> Any:
        """Answer what a connection has sent, including what gunicorn has read of the next request already.

        Throwing away a body that nobody wanted (404, 413), it may read on into the request that follows; those bytes
        lie in the parser's buffer, unseen by the poller, and their client would wait until the connection times out.
        """
        keep = super().handle(conn)
        while keep is True and conn.parser.unreader.buf.getbuffer().nbytes:
            keep = super().handle(conn)
        return keep

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        draining = self.wsgi.extensions["services"].draining
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

    def _take_all(self, listener: Any) -> None:
        """Accept every connection that the kernel has accepted for us."""
        before = -1
        while self.nr_conns > before:
            before = self.nr_conns
            self.accept(listener)
