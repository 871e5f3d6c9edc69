"""boto3's invoke_endpoint_async, unmodified, with S3 as moto plays it and with a folder in its place."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, WaiterError

from tests import aws
from tests.clients.conftest import ENDPOINT, PERSON, Connect
from tests.conftest import Server, StartServer, pixels_of

OUTPUT = {"MASKSERVE_ASYNC_OUTPUT": "s3://results/out", "MASKSERVE_ASYNC_INPUTS": "s3://photos/in"}


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """boto3's client of S3, with a bucket for photos and one for results."""
    with aws.moto_server() as url:
        client = boto3.session.Session().client(
            "s3",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="dummy",
            aws_secret_access_key="dummy",
        )
        for bucket in ("photos", "results"):
            client.create_bucket(Bucket=bucket)
        yield client
        client.close()


@pytest.fixture(scope="module")
def with_s3(start_server: StartServer, s3: Any) -> Server:
    server = start_server(**OUTPUT, **aws.environ(s3.meta.endpoint_url))
    server.wait()
    return server


def fetch(s3: Any, location: str) -> Any:
    """An object, once there is one."""
    bucket, key = location.removeprefix("s3://").split("/", 1)
    try:
        s3.get_waiter("object_exists").wait(Bucket=bucket, Key=key, WaiterConfig={"Delay": 0.1, "MaxAttempts": 300})
    except WaiterError:
        pytest.fail(f"{location} did not come")
    return s3.get_object(Bucket=bucket, Key=key)


def test_pictures_of_s3(connect: Connect, with_s3: Server, s3: Any, astronaut: bytes) -> None:
    runtime = connect(with_s3)
    s3.put_object(Bucket="photos", Key="in/a.jpg", Body=astronaut)
    responses = {
        media_type: runtime.invoke_endpoint_async(
            EndpointName=ENDPOINT,
            InputLocation="s3://photos/in/a.jpg",
            ContentType="image/jpeg",
            Accept=media_type,
            InferenceId=f"photo {i}",
            RequestTTLSeconds=600,
            InvocationTimeoutSeconds=60,
        )
        for i, media_type in enumerate(("application/json", "image/png"))
    }
    assert [r["ResponseMetadata"]["HTTPStatusCode"] for r in responses.values()] == [202, 202]
    assert [r["InferenceId"] for r in responses.values()] == ["photo 0", "photo 1"]
    for media_type, response in responses.items():
        found = fetch(s3, response["OutputLocation"])
        assert found["ContentType"] == media_type
        body = found["Body"].read()
        if media_type == "image/png":
            assert pixels_of(body).shape == (512, 512, 3)
        else:
            assert PERSON.fullmatch(json.loads(body)["labels"][0])


def test_failures(connect: Connect, with_s3: Server, s3: Any) -> None:
    response = connect(with_s3).invoke_endpoint_async(EndpointName=ENDPOINT, InputLocation="s3://photos/in/missing")
    found = fetch(s3, response["FailureLocation"])
    assert found["ContentType"] == "application/json"
    error = json.loads(found["Body"].read())["error"]
    assert error["message"] == "s3://photos/in/missing cannot be read: S3 answers NoSuchKey"
    assert error["request_id"] == response["InferenceId"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"InputLocation": "s3://photos/else/a.jpg"}, "lies in none of the folders"),
        ({"InputLocation": "s3://photos/in/a.jpg", "Body": b"x"}, "Exactly one of Body and InputLocation"),
        ({"Body": bytes(128_001)}, "Body is 128001 bytes long"),
    ],
)
def test_refusals_are_typed(connect: Connect, with_s3: Server, arguments: dict[str, Any], message: str) -> None:
    runtime = connect(with_s3)
    with pytest.raises(runtime.exceptions.ValidationError, match=message) as caught:
        runtime.invoke_endpoint_async(EndpointName=ENDPOINT, **arguments)
    assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 0


def test_a_server_without_a_place_for_answers_says_so(connect: Connect, server: Server) -> None:
    runtime = connect(server)
    with pytest.raises(runtime.exceptions.ValidationError, match="MASKSERVE_ASYNC_OUTPUT"):
        runtime.invoke_endpoint_async(EndpointName=ENDPOINT, Body=b"x")


def test_a_folder_in_place_of_s3_when_full_and_at_the_end(
    connect: Connect,
    start_slow_server: Callable[..., Server],
    small_png: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = start_slow_server(0.5, MASKSERVE_LOCAL_S3=str(tmp_path), **OUTPUT)
    server.wait()
    runtime = connect(server)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")  # by itself boto3 would wait and ask again
    impatient = connect(server)

    def ask(client: Any = runtime) -> Any:
        return client.invoke_endpoint_async(EndpointName=ENDPOINT, Body=small_png, Accept="application/json")

    first = ask()
    file = tmp_path / first["OutputLocation"].removeprefix("s3://")
    end = time.monotonic() + 20
    while not file.exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    assert json.loads(file.read_bytes())["labels"] == ["horse 100%", "person 53%"]
    taken = [first]
    with pytest.raises(ClientError) as caught:
        while True:
            taken.append(ask(impatient))
    assert caught.value.response["Error"]["Code"] == "ThrottlingException"
    assert 256 < len(taken) < 300
    assert server.stop() == 0
    written = [path.name for path in (tmp_path / "results" / "out").iterdir()]
    assert len(written) == len(taken)  # each has its answer, or its failure
    failures = [name for name in written if name.endswith("-error.out")]
    assert len(failures) > 200
    reason = json.loads((tmp_path / "results" / "out" / failures[0]).read_bytes())["error"]
    assert reason["code"] == "unavailable" and "shut down" in reason["message"]
