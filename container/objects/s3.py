"""S3, or what AWS_ENDPOINT_URL_S3 names; credentials and region come from AWS's own configuration chain."""

from functools import cached_property
from typing import Any

from container.errors import ServingError, Unavailable
from container.objects._base import Store, too_large, unreadable
from container.objects.location import Location

# Of S3's answers: the request was understood, and another attempt will get the same.
_FINAL = ("NoSuchKey", "NoSuchBucket", "AccessDenied", "InvalidObjectState", "403", "404")


class S3(Store):
    """Objects of S3; boto3 is imported when the first is asked for."""

    def read(self, location: Location, most: int) -> bytes:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            response = self._client.get_object(Bucket=location.bucket, Key=location.key)
            with response["Body"] as body:
                if response["ContentLength"] > most:
                    raise too_large(location, response["ContentLength"], most)
                return bytes(body.read())
        except (BotoCoreError, ClientError) as error:
            raise _translate(error, location) from error

    def write(self, location: Location, body: bytes, content_type: str) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._client.put_object(Bucket=location.bucket, Key=location.key, Body=body, ContentType=content_type)
        except (BotoCoreError, ClientError) as error:
            raise _translate(error, location) from error

    @cached_property
    def _client(self) -> Any:
        import boto3
        from botocore.config import Config

        # A session of its own: boto3's default one is not made for threads.
        patience = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "max_attempts": 3})
        return boto3.session.Session().client("s3", config=patience)


def _translate(error: Exception, location: Location) -> ServingError:
    code = getattr(error, "response", {}).get("Error", {}).get("Code", "")
    if code in _FINAL:
        return unreadable(location, f"S3 answers {code}")
    return Unavailable(f"S3 cannot be asked for {location} now", retry_after=2)
