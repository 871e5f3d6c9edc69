"""S3 as moto plays it."""

from collections.abc import Iterator

import pytest

from tests.aws import moto_server


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """The URL of an S3 of our own."""
    with moto_server() as url:
        yield url
