"""AWS for tests: moto's server on this machine, and the environment that leads clients there and nowhere else."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from moto.server import ThreadedMotoServer


@contextmanager
def moto_server(port: int = 0) -> Iterator[str]:
    """The URL of a server that plays AWS; one that is started again has what the first one had."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def environ(s3_url: str) -> dict[str, str]:
    """What leads boto3's S3 to a server."""
    return {
        "AWS_ENDPOINT_URL_S3": s3_url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "dummy",
        "AWS_SECRET_ACCESS_KEY": "dummy",
        # What the developer has configured is not tested here.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def use(monkeypatch: pytest.MonkeyPatch, s3_url: str) -> None:
    """Lead this process's S3 to a server."""
    for name, value in environ(s3_url).items():
        monkeypatch.setenv(name, value)
