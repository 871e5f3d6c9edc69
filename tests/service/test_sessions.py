"""Sessions: found again, replaced, closed, expired, and bounded."""

import re
import time
import tracemalloc

import numpy as np
import pytest

from container.errors import BadRequest, PayloadTooLarge
from container.service.sessions import OWN_BYTES, Sessions, Upload
from container.structures import Instances, Options, RoiMasks

BOXES = np.zeros((2, 4), np.float32)
MASKED = Instances(
    (9, 9),
    BOXES,
    np.zeros(2, np.float32),
    np.zeros(2, np.int64),
    ("a", "b"),
    RoiMasks(np.zeros((2, 28, 28), np.float32), BOXES, (9, 9)),
)


def picture(size: int) -> Upload:
    return Upload(bytes(size), "")


def test_an_upload_is_found_again_until_it_is_closed() -> None:
    sessions = Sessions()
    first, second = sessions.open(picture(1)), sessions.open(picture(2))
    assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*", first)  # SessionIdHeader
    assert (sessions.get(first), sessions.get(second)) == (picture(1), picture(2))
    sessions.replace(first, picture(3))
    assert sessions.get(first) == picture(3)
    sessions.close(first)
    for action in (sessions.get, sessions.close):
        with pytest.raises(BadRequest, match="there is no session"):
            action(first)
    sessions.replace(first, picture(1))  # closed meanwhile: it stays so
    with pytest.raises(BadRequest):
        sessions.get(first)
    assert sessions.get(second) == picture(2)


def test_sessions_expire_however_often_they_are_used() -> None:
    sessions = Sessions(seconds=0.3)
    session, end = sessions.open(picture(1)), time.monotonic() + 0.3
    while time.monotonic() < end - 0.05:
        sessions.replace(session, sessions.get(session))
    time.sleep(0.1)
    with pytest.raises(BadRequest):
        sessions.get(session)


def test_the_least_recently_used_gives_way() -> None:
    sessions = Sessions(max_bytes=10_000)
    a, b = sessions.open(picture(1000)), sessions.open(picture(1000))
    sessions.get(a)
    c = sessions.open(picture(1000))
    assert sessions.get(a) and sessions.get(c)
    with pytest.raises(BadRequest):
        sessions.get(b)
    sessions.replace(c, picture(6000))
    with pytest.raises(BadRequest):
        sessions.get(a)
    assert sessions.get(c) == picture(6000)


def test_what_is_too_large_alone_is_refused() -> None:
    sessions = Sessions(max_bytes=10_000)
    kept = sessions.open(picture(7500))
    with pytest.raises(PayloadTooLarge, match="MASKSERVE_SESSIONS_MB"):
        sessions.open(picture(7501))
    assert sessions.get(kept) == picture(7500)
    with pytest.raises(BadRequest, match="off on this server"):
        Sessions(max_bytes=0).open(picture(1))


def test_predictions_count() -> None:
    arrays = 2 * (4 * 4 + 4 + 8) + 2 * 28 * 28 * 4 + 2 * 4 * 4
    texts = len("image/png" + "model" + "name" + "a" + "b" + "accurate")
    assert Upload(b"1234", "image/png", "model", Options(), (MASKED,), "name").size == OWN_BYTES + 4 + arrays + texts


def test_thousands_of_tiny_pictures_take_the_memory_that_is_counted_and_no_time() -> None:
    def tiny() -> Upload:
        return Upload(b"x", "image/png", "model", Options(), (MASKED[np.zeros(2, bool)],), "name")

    sessions = Sessions(max_bytes=2000 * tiny().size)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    ids = [sessions.open(tiny()) for _ in range(3000)]
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 1.2 * 2000 * tiny().size
    for gone in ids[:1000]:
        with pytest.raises(BadRequest):
            sessions.get(gone)
    begun = time.process_time()
    for session in ids[1000:]:
        sessions.get(session)
    sessions.open(tiny())
    assert time.process_time() - begun < 0.5  # 8 ms each before, and more with every session
