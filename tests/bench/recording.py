"""What it costs an answer that it is recorded in the store: the same server with it and without it, in turn."""

import json
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import skimage.data
from flask.testing import FlaskClient

from container.app import choose_policy, create_app, create_services
from container.server.worker import SWITCH_SECONDS
from container.service import Services, recording
from container.settings import Settings
from tests.conftest import encode

ROUNDS, ASKED = 20, 15
OBJECTS = 20

PHOTO = encode(skimage.data.coffee(), "JPEG", quality=90)
ATTRIBUTES = json.dumps({"confidence": 0.0, "max_detections": OBJECTS, "masks": "polygon"})


def _ask(client: FlaskClient) -> tuple[float, float]:
    """The milliseconds of an answer, and those of the processor that its own thread took of it."""
    begun, computed = time.perf_counter(), time.thread_time()
    headers = {"Content-Type": "image/jpeg", "X-Amzn-SageMaker-Custom-Attributes": ATTRIBUTES}
    answer = client.post("/invocations", data=PHOTO, headers=headers)
    seconds, of_thread = time.perf_counter() - begun, time.thread_time() - computed
    if answer.status_code != 200 or len(answer.json["labels"]) != OBJECTS:
        raise RuntimeError(answer.text[:500])
    return 1000 * seconds, 1000 * of_thread


def measure(folder: Path) -> Iterator[str]:
    """Yield the milliseconds of an answer with and without recording, of the embedded model.

    First as it is: answers are written between two rounds. Then as under load that never ends: at once, while the model
    works on the next ones.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    settings = Settings(store=str(folder / "store"), store_predictions="production", device="cpu", base_dir=str(folder))
    services = create_services(settings, choose_policy(settings))
    services.pool.start()
    services.pool.settle()
    site = create_app(settings, services)
    client = site.test_client()
    for _ in range(ASKED):
        _ask(client)
    for latest, when in ((recording.LATEST_SECONDS, "written in pauses"), (0.0, "written at once")):
        recording.LATEST_SECONDS = latest
        yield f"{when}: {_compared(client, services)}"
    site.close()
    services.pool.close()


def _compared(client: FlaskClient, services: Services) -> str:
    recorder = services.recorder
    assert recorder is not None
    found: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    for number in range(2 * ROUNDS):
        on = (number % 4) in (1, 2)  # each goes first as often as the other
        services.pipeline.record = recorder.record if on else None
        found[on] += [_ask(client) for _ in range(ASKED)]
        while recorder.waiting:
            time.sleep(0.05)
    told = [f"{OBJECTS} objects with outlines, {ROUNDS} rounds of {ASKED}"]
    for place, what in enumerate(("/invocations", "of which its own thread computes")):
        times = {on: [one[place] for one in some] for on, some in found.items()}
        medians = {on: statistics.median(some) for on, some in times.items()}
        p99 = {on: statistics.quantiles(some, n=100)[98] for on, some in times.items()}
        told.append(
            f"{what}: median {medians[False]:.1f} ms, recorded {medians[True] - medians[False]:+.2f}; "
            f"p99 {p99[False]:.1f}, recorded {p99[True] - p99[False]:+.2f}"
        )
    return "; ".join(told)
