"""One question to an endpoint: what is asked about every picture, and the answer for one."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import click
from botocore.exceptions import BotoCoreError, ClientError

from deploy.pictures import Picture
from deploy.runtime import Refused, error_text, refusal

ACCEPTS = {"json": "application/json", "jpeg": "image/jpeg", "png": "image/png"}
LINES = "application/jsonlines"
MAX_ATTRIBUTES = 1024  # characters. Source: the InvokeEndpoint API reference
NEW_SESSION = "NEW_SESSION"


class Answer(NamedTuple):
    data: bytes
    media_type: str
    facts: str = ""  # the custom attributes that came back
    session: str = ""  # opened by this call: an id and when it ends


def attributes(given: str, **over: object) -> str:
    """Custom attributes: the JSON object `given`, with those of `over` that are not None over it; "" for none.

    UsageError where that is no JSON object, or longer than the platform passes on.
    """
    try:
        values = json.loads(given or "{}")
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise click.UsageError(f"--attributes takes a JSON object, not {given[:60]!r}")
    values |= {name: value for name, value in over.items() if value is not None}
    text = json.dumps(values, separators=(",", ":")) if values else ""
    if len(text) > MAX_ATTRIBUTES:
        raise click.UsageError(f"the attributes have {len(text)} characters; at most {MAX_ATTRIBUTES} are passed on")
    return text


@dataclass(frozen=True)
class Question:
    """What is asked about every picture: InvokeEndpoint's arguments but for the picture's own."""

    arguments: dict[str, str]
    stream: bool = False

    @property
    def operation(self) -> str:
        """As the API calls it."""
        return "InvokeEndpointWithResponseStream" if self.stream else "InvokeEndpoint"

    def call(self, body: object, content_type: str) -> dict[str, Any]:
        """All arguments for one picture."""
        return {**self.arguments, "ContentType": content_type, "Body": body}

    def ask(self, runtime: Any, picture: Picture) -> Answer:
        """The answer for one picture; Refused where there is none."""
        try:
            call = self.call(picture.read(), picture.content_type)
            if self.stream:
                return Answer(b"".join(_parts(runtime.invoke_endpoint_with_response_stream(**call))), LINES)
            response = runtime.invoke_endpoint(**call)
            with response["Body"] as body:
                data = body.read()
        except (BotoCoreError, ClientError, OSError) as error:
            raise refusal(error) from None
        # What an endpoint with on_error=placeholder answers in place of an error.
        if data.startswith(b'{"error"') and (problem := error_text(data)):
            raise Refused(problem)
        facts, session = response.get("CustomAttributes", ""), response.get("NewSessionId", "")
        return Answer(data, response.get("ContentType", ""), facts, session)

    def follow(self, runtime: Any, picture: Picture) -> Iterator[bytes]:
        """The lines of the answer for one picture, each as it comes; Refused where they end too early."""
        try:
            call = self.call(picture.read(), picture.content_type)
            yield from lines(_parts(runtime.invoke_endpoint_with_response_stream(**call)))
        except (BotoCoreError, ClientError, OSError) as error:
            raise refusal(error) from None


def lines(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Lines without their ends; the platform cuts a stream anywhere: b'{"a', b'"}\\n{' → b'{"a"}', b'{'."""
    rest = b""
    for part in parts:
        *whole, rest = (rest + part).split(b"\n")
        yield from whole
    if rest:
        yield rest


def _parts(response: Any) -> Iterator[bytes]:
    for event in response["Body"]:
        if "PayloadPart" in event:
            yield event["PayloadPart"]["Bytes"]
