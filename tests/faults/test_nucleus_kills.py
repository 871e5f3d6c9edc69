"""Kills of a worker, and of the whole server, at random moments of uploads to the store: what was answered stays.

`make kills` does it 100 times, with both databases.
"""

import itertools
import os
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conftest import DATABASES, Server
from tests.faults.conftest import Figure
from tests.faults.uploading import LOST, MASKED, REFUSED, STORED, Sent, Uploading, box

KILLS = int(os.environ.get("KILLS", "20"))

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120 + 6 * KILLS)]


def kill(server: Server, whole: bool) -> None:
    """Kill one of the workers, or all of the server."""
    if whole:
        os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait()
    else:
        random.choice(psutil.Process(server.process.pid).children()).kill()


def whole_or_absent(sent: Sent, found: dict[str, Any]) -> str:
    """What a request has left: "whole", "absent", or how it is broken."""
    there = [one for one in sent.ids if one in found]
    if len(there) not in (0, len(sent.ids)):
        return f"{len(there)} of {len(sent.ids)} objects of a {sent.kind} request"
    return "whole" if there else "absent"


def check_objects(uploading: Uploading, found: dict[str, Any]) -> Counter[tuple[str, str, str]]:
    """Assert that each request has left what its answer says; count them by kind, answer and what is there."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for sent in uploading.sent:
        left = whole_or_absent(sent, found)
        counts[sent.kind, sent.answer, left] += 1
        assert left == "whole" if sent.answer == STORED else left in ("whole", "absent"), (sent, left)
        assert left == "absent" or sent.answer != REFUSED, sent
    return counts


def check_masks(uploading: Uploading, found: dict[str, Any]) -> int:
    """Assert that each mask that is there is the one that was sent, byte for byte; return how many there are."""
    masks = [one for sent in uploading.sent if sent.kind == MASKED for one in sent.ids if one in found]
    for one in masks:
        address = found[one]["mask_download_url"]
        status, body = uploading.ask("GET", "/v1" + address.partition("/v1")[2])
        assert (status, body) == (200, uploading.pixels(one)), one
    return len(masks)


@pytest.mark.parametrize("address", DATABASES if "KILLS" in os.environ else DATABASES[:1], indirect=True)
def test_nothing_that_was_answered_is_lost(
    start_slow_server: Callable[..., Server], tmp_path: Path, address: str, figure: Figure
) -> None:
    settings = {"MASKSERVE_STORE": str(tmp_path / "store"), "SAGEMAKER_MODEL_SERVER_WORKERS": "2"}
    settings["MASKSERVE_STORE_DATABASE"] = address
    server = start_slow_server(0, **settings)
    server.wait()
    uploading = Uploading(server.port, items=200 + 120 * KILLS)
    with uploading:
        for number in range(KILLS):
            time.sleep(random.uniform(0.02, 0.6))
            kill(server, whole=number % 2 == 1)
            if server.process.poll() is not None:
                server = start_slow_server(0, **settings)
                uploading.port = server.port
            server.wait()
        time.sleep(0.5)  # it works after all of them
        answered = sum(sent.answer == STORED for sent in uploading.sent[-20:])
    assert answered
    took = uploading.jobs_end(seconds=90)
    repeated = uploading.send_again()
    uploading.jobs_end(seconds=90)
    found = uploading.everything()
    counts = check_objects(uploading, found)
    for one, kept in itertools.islice(found.items(), 0, None, 7):
        assert kept["type"] == "mask" or kept == box(kept["reference_id"], one) | kept
    masks = check_masks(uploading, found)
    assert len(found) == sum(len(sent.ids) for sent in uploading.sent if whole_or_absent(sent, found) == "whole")
    assert uploading.statuses() == {"Completed"}
    assert server.stop() == 0
    if not address:
        with closing(sqlite3.connect(tmp_path / "store" / "store.sqlite3")) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    lost = {
        left: sum(n for (_, answer, how), n in counts.items() if answer == LOST and how == left)
        for left in ("whole", "absent")
    }
    kinds = Counter(
        {
            kind: sum(n for (of, answer, _), n in counts.items() if of == kind and answer == STORED)
            for kind in uploading.kinds
        }
    )
    figure(
        f"{KILLS} kills, every second of all of the server; kept {dict(kinds)} of what was answered, {masks} masks, "
        f"{len(found)} objects; {lost} of the unanswered; {repeated} uploads sent again; jobs ended after {took:.1f} s"
    )
