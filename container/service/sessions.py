"""Sticky sessions: uploaded images that later requests reuse; independent of HTTP."""

import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cached_property
from typing import Self

import numpy as np

from container.errors import BadRequest, PayloadTooLarge, setting_name
from container.structures import Options, Prediction, Result

OWN_BYTES = 2500  # overhead of a session beside its bytes, arrays and strings: thousands of tiny images add up


@dataclass(frozen=True)
class Upload:
    """A request body and the last predictions for its images, which can be rendered again without the model.

    Decoded images are not kept: 12 megapixels take 36 MB, their JPEG a tenth of that and a tenth of a second to decode.
    """

    body: bytes
    content_type: str
    model: str = ""  # the key of the model that made the predictions
    options: Options = field(default_factory=Options)
    predictions: tuple[Prediction, ...] = ()
    name: str = ""  # the name of the model in responses

    @classmethod
    def of(cls, body: bytes, content_type: str, model: str, options: Options, results: Sequence[Result]) -> Self:
        """Return the upload of a body with what a model has found in its images."""
        predictions = tuple(result.prediction for result in results)
        return cls(body, content_type, model, options, predictions, results[0].model)

    @cached_property
    def size(self) -> int:
        """Memory use in bytes."""
        return OWN_BYTES + size_of(self)


class Sessions:
    """Uploads by session id; each expires `seconds` after it was opened, and all together take at most `max_bytes`.

    If there is no room, the least recently used session is evicted: one client can neither fill the memory nor keep
    others from opening sessions. Expired sessions are removed at the next call. Thread-safe.
    """

    def __init__(self, seconds: float = 1200.0, max_bytes: int = 256 * 2**20) -> None:
        self.seconds = seconds
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._uploads: OrderedDict[str, Upload] = OrderedDict()  # least recently used first
        self._ends: dict[str, float] = {}  # expiry on the monotonic clock, earliest first
        self._held = 0  # bytes

    def open(self, upload: Upload) -> str:
        """Open a session that holds `upload` and return its id.

        Raises PayloadTooLarge if the upload alone exceeds `max_bytes`, and BadRequest if sessions are off.
        """
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
        """Return the upload of a session; BadRequest if there is no such session or sessions are off."""
        self._check_on()
        with self._lock:
            self._expire()
            return self._find(session)

    def replace(self, session: str, upload: Upload) -> None:
        """Replace the upload of a session without changing its expiry; do nothing if it has ended."""
        with self._lock:
            self._expire()
            if session in self._uploads:
                self._put(session, upload)

    def close(self, session: str) -> None:
        """Close a session; BadRequest if there is no such session."""
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


def size_of(value: object) -> int:
    """Return the bytes of the arrays, strings and bytes in a dataclass or a tuple, recursively."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, bytes | str):
        return len(value)
    if isinstance(value, tuple):
        return sum(size_of(one) for one in value)
    if is_dataclass(value):
        return sum(size_of(getattr(value, f.name)) for f in fields(value))
    return 0
