"""S3 that is down, at the start and later, while it has the files of a store: predictions go on, nothing is lost."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import boto3
import pytest
import requests

from tests import aws
from tests.conftest import Server, free_port
from tests.faults.conftest import Figure
from tests.faults.test_nucleus_kills import check_masks, check_objects, kill
from tests.faults.test_store import BOXES, Client
from tests.faults.uploading import STORED, Uploading
from tests.postgres import Databases

OUTAGES = 2

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def predict(server: Server, picture: bytes) -> float:
    """Ask for health and for a prediction; return the seconds that took."""
    begun = time.monotonic()
    assert server.ping() == 200
    assert requests.post(f"{server.url}/invocations", picture, timeout=30).status_code == 200
    return time.monotonic() - begun


def test_s3_that_is_down_stops_files_alone(
    start_slow_server: Callable[..., Server],
    databases: Databases,
    small_png: bytes,
    figure: Figure,
    tmp_path: Path,
) -> None:
    port, slowest, refused = free_port(), 0.0, 0
    settings = aws.environ(f"http://127.0.0.1:{port}") | {
        "TMPDIR": str(tmp_path),
        "MASKSERVE_STORE": "s3://bucket/store",
    }
    with databases.one() as address, ExitStack() as up:
        settings |= {"MASKSERVE_STORE_DATABASE": address, "SAGEMAKER_MODEL_SERVER_WORKERS": "2"}
        server = start_slow_server(0, **settings)
        server.wait()
        client = Client(server, small_png)
        assert client.upload().status_code == 200 and client.kept() == BOXES  # which needs no files
        uploading = Uploading(server.port, items=4000)
        status, _ = uploading._send_masks(["early 0", "early 1", "early 2"])
        assert status == 503
        predict(server, small_png)

        def start() -> None:
            up.enter_context(aws.moto_server(port))

        start()
        s3 = boto3.session.Session().client(
            "s3", endpoint_url=settings["AWS_ENDPOINT_URL_S3"], region_name="us-east-1",
            aws_access_key_id="x", aws_secret_access_key="x",
        )  # fmt: skip
        s3.create_bucket(Bucket="bucket")
        with uploading:
            for _ in range(OUTAGES):
                time.sleep(1)
                up.close()
                before = len(uploading.sent)
                time.sleep(1)
                slowest = max(slowest, *(predict(server, small_png) for _ in range(10)))
                refused += sum(sent.answer != STORED for sent in uploading.sent[before:])
                kill(server, whole=False)
                start()
                server.wait()
            time.sleep(1)
        assert uploading.sent[-1].answer == STORED
        took = uploading.jobs_end(seconds=60)
        uploading.send_again()
        uploading.jobs_end(seconds=60)
        found = uploading.everything()
        counts = check_objects(uploading, found)
        masks = check_masks(uploading, found)
        assert masks and refused and uploading.statuses() == {"Completed"}
        assert server.stop() == 0
        assert not [path for path in tmp_path.rglob("upload_*")]
        s3.close()
    kept: Counter[str] = Counter()
    for (kind, answer, _), number in counts.items():
        kept[kind] += number * (answer == STORED)
    figure(
        f"{OUTAGES} outages of S3, each with the death of a worker: kept {dict(kept)} of what was answered, {masks} "
        f"masks; {refused} without; /ping and a prediction took {1000 * slowest:.0f} ms at most; jobs ended after "
        f"{took:.1f} s"
    )
