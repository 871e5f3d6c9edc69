"""An invocation's request and its response."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class InvocationRequest:
    """The parts of an invocation request that affect the response."""

    body: bytes
    content_type: str = ""
    content_encoding: str = ""
    accept: str = ""
    attributes: str = ""
    session: str = ""
    read_since: float | None = None  # when its body began to be read, on the monotonic clock


@dataclass(frozen=True)
class InvocationResponse:
    """The response to an invocation that succeeded."""

    body: bytes | Iterator[bytes]  # an iterator gives the parts of a format that can be streamed
    media_type: str
    facts: str = "{}"  # for the header of custom attributes
    headers: Mapping[str, str] = field(default_factory=dict)  # of sessions

    def whole(self) -> bytes:
        """The body at once; errors as those of `invoke`."""
        return self.body if isinstance(self.body, bytes) else b"".join(self.body)
