"""Embeddings of pictures and texts, kept by their content, and those of promptable models by ids that clients give."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from container.engines.base import Engine
from container.errors import DeadlineExceeded
from container.gate import outside
from container.structures import Embedding

_OWN_BYTES = 1000  # of an entry beside its arrays
_Engine = Engine[Any, Any]


class _Key(NamedTuple):
    engine: int  # the id() of the engine, which is forgotten before it is gone
    name: str | bytes  # the id of an image, or the digest of its content or of a text's


@dataclass(frozen=True, eq=False)
class _Named:
    """What an image id stands for."""

    content: bytes
    logits: np.ndarray | None = None  # float32 N×h×w of the last masks under the id

    @property
    def bytes(self) -> int:
        """Its memory."""
        return 0 if self.logits is None else self.logits.nbytes


_Value = Embedding | _Named | np.ndarray


class Embeddings:
    """Embeddings of at most `max_bytes` together; the least recently used give way. Thread-safe."""

    def __init__(self, max_bytes: int = 256 * 2**20) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Key, _Value] = OrderedDict()  # least recently used first
        self._held = 0  # bytes
        self._making: dict[_Key, Future[Embedding | None]] = {}

    def find(self, engine: _Engine, content: bytes, make: Callable[[], Embedding], deadline: float) -> Embedding:
        """Return the embedding of a picture, by `make` if it is not kept; requests for one picture make it once.

        `deadline` is on the monotonic clock. Raises the errors of `make`, and DeadlineExceeded.
        """
        key = _Key(id(engine), content)
        while True:
            with self._lock:
                if isinstance(kept := self._get(key), Embedding):
                    return kept
                others = self._making.get(key)
                if others is None:
                    own = self._making[key] = Future()
                    break
            made = _wait(others, deadline)
            if made is not None:  # else the request that was to make it has failed, or is no longer wanted
                return made
        embedding = None
        try:
            embedding = make()
            return embedding
        finally:
            with self._lock:
                del self._making[key]
                if embedding is not None:
                    self._put(key, embedding)
            own.set_result(embedding)

    def name(self, engine: _Engine, image_id: str, content: bytes) -> None:
        """Let an id stand for a picture; what it stood for before is forgotten if that was another."""
        with self._lock:
            key = _Key(id(engine), image_id)
            known = self._get(key)
            if not isinstance(known, _Named) or known.content != content:
                self._put(key, _Named(content))

    def named(self, engine: _Engine, image_id: str) -> Embedding | None:
        """Return the embedding that an id stands for, or None."""
        with self._lock:
            known = self._get(_Key(id(engine), image_id))
            found = self._get(_Key(id(engine), known.content)) if isinstance(known, _Named) else None
            return found if isinstance(found, Embedding) else None

    def keep_logits(self, engine: _Engine, image_id: str, logits: np.ndarray) -> None:
        """Keep the low-resolution logits, float32 N×h×w, of the last masks under an id, if that is known."""
        with self._lock:
            key = _Key(id(engine), image_id)
            if isinstance(known := self._get(key), _Named):
                self._put(key, replace(known, logits=logits))

    def logits(self, engine: _Engine, image_id: str) -> np.ndarray | None:
        """Return the logits of the last masks under an id, or None."""
        with self._lock:
            known = self._get(_Key(id(engine), image_id))
            return known.logits if isinstance(known, _Named) else None

    def vectors(self, engine: _Engine, contents: Sequence[bytes]) -> dict[bytes, np.ndarray]:
        """Return the vectors of those contents of which one is kept."""
        with self._lock:
            found = {content: self._get(_Key(id(engine), content)) for content in contents}
        return {content: value for content, value in found.items() if isinstance(value, np.ndarray)}

    def keep_vectors(self, engine: _Engine, vectors: Mapping[bytes, np.ndarray]) -> None:
        """Keep a vector for each content."""
        with self._lock:
            for content, vector in vectors.items():
                self._put(_Key(id(engine), content), vector)

    def forget(self, engine: _Engine) -> None:
        """Forget what belongs to an engine that is about to be gone."""
        with self._lock:
            for key in [key for key in self._kept if key.engine == id(engine)]:
                self._drop(key)

    def _get(self, key: _Key) -> _Value | None:
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def _put(self, key: _Key, value: _Value) -> None:
        if key in self._kept:
            self._drop(key)
        if _cost(value) > self._max_bytes:
            return  # the others need not give way in vain
        self._kept[key] = value
        self._held += _cost(value)
        while self._held > self._max_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: _Key) -> None:
        self._held -= _cost(self._kept.pop(key))


def _cost(value: _Value) -> int:
    return (value.nbytes if isinstance(value, np.ndarray) else value.bytes) + _OWN_BYTES


def _wait(future: "Future[Embedding | None]", deadline: float) -> Embedding | None:
    try:
        with outside():
            return future.result(max(0.0, deadline - time.monotonic()))
    except FutureTimeout:
        raise DeadlineExceeded("another request was still embedding the picture at the deadline", waited=True) from None
