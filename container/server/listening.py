"""Whether the server can listen on its address, asked before gunicorn, which tries for five seconds and logs each."""

import errno
import os
import socket
from pathlib import Path

_LISTENING = "0A"  # in /proc/net/tcp


def obstacle(host: str, port: int) -> str:
    """Return why nothing can listen on `host` and `port`, in one line with what to do; "" if it can."""
    try:
        kind, protocol, *_, place = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
        with socket.socket(kind, protocol) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(place)  # and not `listen`: a client that comes now would be reset
    except (OSError, UnicodeError) as error:  # UnicodeError: a host name that is none
        return explain(error, host, port)
    return ""


def explain(error: OSError | UnicodeError, host: str, port: int) -> str:
    """Return the reason why an address cannot be bound, in one line."""
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EADDRINUSE:
        user = _listener(port)
        by = f" by {user}" if user else ""
        return f"port {port} is in use{by}: stop that, or choose another by --port or SAGEMAKER_BIND_TO_PORT"
    if number in (errno.EACCES, errno.EPERM):
        return (
            f"port {port} may not be opened by this user: choose one from 1024 up by --port or SAGEMAKER_BIND_TO_PORT"
        )
    reason = "no host of that name" if isinstance(error, socket.gaierror | UnicodeError) else error.strerror
    return (
        f"host {host[:100]!r} cannot be listened on ({reason}): name an address of this machine by --host or "
        "MASKSERVE_HOST; 0.0.0.0 is all, 127.0.0.1 this machine alone"
    )


def _listener(port: int) -> str:
    """Return "python (process 4711)" for who listens on a port; "" if it is another user's, or not Linux."""
    sockets = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        for line in table.read_text().splitlines()[1:] if table.exists() else ():
            fields = line.split()
            if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                sockets.add(f"socket:[{fields[9]}]")
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(os.readlink(file) in sockets for file in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
        except OSError:  # another user's, or it has ended
            continue
    return ""
