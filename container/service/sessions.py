"""Pictures that are sent once and asked about again: sticky sessions, with no word of HTTP."""

import threading
import time
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cached_property

import numpy as np

from container.errors import BadRequest, PayloadTooLarge, setting_name
from container.structures import Options, Prediction

OWN_BYTES = 2500  # that a session takes beside its bytes, arrays and texts: thousands of tiny pictures are not free


@dataclass(frozen=True)
class Upload:
    """A body as it was sent, and what was last found in its pictures, to be shown in another way without the model.

    Decoded pictures are not kept: 12 megapixels take 36 MB, their JPEG a tenth of that and a tenth of a second.
    """

    body: bytes
    content_type: str
    model: str = ""  # the key of the model that was asked
    options: Options = field(default_factory=Options)
    predictions: tuple[Prediction, ...] = ()
    name: str = ""  # what answers call the model

    @cached_property
    def size(self) -> int:
        """Bytes of memory."""
        return OWN_BYTES + _size(self)


class Sessions:
    """Uploads by session id, each for `seconds` from when it was opened, all together `max_bytes`.

    Where there is no more room the one that was asked for longest ago ends: one caller can neither fill the memory nor
    keep others from opening sessions. What has expired is let go at the next call. Safe to use from many threads.
    """

    def __init__(self, seconds: float = 1200.0, max_bytes: int = 256 * 2**20) -> None:
        self.seconds = seconds
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._uploads: OrderedDict[str, Upload] = OrderedDict()  # least recently used first
        self._ends: dict[str, float] = {}  # on the monotonic clock, in the order in which they come
        self._held = 0  # bytes

    def open(self, upload: Upload) -> str:
        """A new session of `upload`; PayloadTooLarge where it alone is more than there may be."""
        self._check_on()
        if upload.size > self._max_bytes:
            raise PayloadTooLarge(
                f"the picture takes {upload.size / 2**20:.1f} MB; sessions may hold {self._max_bytes / 2**20:g} "
                f"({setting_name('sessions_mb')})"
            )
        session = str(uuid.uuid4())
        with self._lock:
            self._expire()
            self._ends[session] = time.monotonic() + self.seconds
            self._put(session, upload)
        return session

    def get(self, session: str) -> Upload:
        """The upload of a session; BadRequest where there is none."""
        self._check_on()
        with self._lock:
            self._expire()
            return self._find(session)

    def replace(self, session: str, upload: Upload) -> None:
        """Keep another upload in a session, which ends when it would have ended; nothing where it has ended."""
        with self._lock:
            self._expire()
            if session in self._uploads:
                self._put(session, upload)

    def close(self, session: str) -> None:
        """End a session; BadRequest where there is none."""
        with self._lock:
            self._expire()
            self._find(session)
            self._forget(session)

    def _check_on(self) -> None:
        if not self._max_bytes:
            raise BadRequest(
                "sticky sessions are off on this server",
                hint=f"they take one worker process, one model, and {setting_name('sessions_mb')} above 0",
            )

    def _find(self, session: str) -> Upload:
        if session not in self._uploads:
            raise BadRequest(
                f"there is no session {session[:60]!r}: it has expired, was closed, or gave way to newer ones",
                hint="send the picture again, with the session id NEW_SESSION",
            )
        self._uploads.move_to_end(session)
        return self._uploads[session]

    def _put(self, session: str, upload: Upload) -> None:
        old = self._uploads.pop(session, None)
        self._held += upload.size - (old.size if old else 0)
        self._uploads[session] = upload
        while self._held > self._max_bytes:
            self._forget(next(iter(self._uploads)))

    def _expire(self) -> None:
        now = time.monotonic()
        while self._ends and self._ends[first := next(iter(self._ends))] <= now:
            self._forget(first)

    def _forget(self, session: str) -> None:
        self._held -= self._uploads.pop(session).size
        del self._ends[session]


def _size(value: object) -> int:
    """Bytes of the arrays, texts and bytes in a record, or in a tuple of them."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, bytes | str):
        return len(value)
    if isinstance(value, tuple):
        return sum(_size(one) for one in value)
    if is_dataclass(value):
        return sum(_size(getattr(value, f.name)) for f in fields(value))
    return 0
