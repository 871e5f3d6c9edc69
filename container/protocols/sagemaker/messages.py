"""The request and the response of an invocation."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from container.structures import Prompt

MAX_ATTRIBUTES = 1024  # characters of custom attributes, the limit of the platform


@dataclass(frozen=True)
class InvocationRequest:
    """The parts of an invocation request that affect the response."""

    body: bytes
    content_type: str = ""
    content_encoding: str = ""
    accept: str = ""
    attributes: str = ""
    session: str = ""
    query: Mapping[str, str] = field(default_factory=dict)  # options in the query, or other keys
    fields: Mapping[str, str] = field(default_factory=dict)  # of a form
    parameters: Mapping[str, Any] = field(default_factory=dict)  # options in a JSON body
    prompts: Sequence[Prompt] | None = None  # for a promptable model
    ignored: tuple[str, ...] = ()  # other keys of a JSON body
    document: Mapping[str, Any] | None = None  # the parsed JSON body
    read_since: float | None = None  # start of reading the body, on the monotonic clock


@dataclass(frozen=True)
class InvocationResponse:
    """The response to a successful invocation."""

    body: bytes | Iterator[bytes]  # an iterator yields the pieces of a streamed format
    media_type: str
    facts: str = "{}"  # JSON for the header of custom attributes
    headers: Mapping[str, str] = field(default_factory=dict)  # session headers

    def whole(self) -> bytes:
        """Return the whole body; raises the errors of `invoke`."""
        return self.body if isinstance(self.body, bytes) else b"".join(self.body)
