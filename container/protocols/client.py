"""Whether who asked is still there."""

import socket
from collections.abc import Mapping
from typing import Any

_GONE = (7, 8)  # of TCP's states in Linux: reset, and closed by the other side


def gone(environ: Mapping[str, Any]) -> bool:
    """Whether the client of a request has closed or reset its connection; False where that cannot be told.

    The state is asked for and nothing is read: once its read deadline has passed, a connection is shut for reading, and
    would look closed.
    """
    client = environ.get("gunicorn.socket")
    if client is None or not hasattr(socket, "TCP_INFO"):  # another server, or not Linux
        return False
    try:
        return client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in _GONE
    except OSError:
        return False
