"""What goes into an invocation, and what comes out of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Asked:
    """What of a request decides its answer."""

    body: bytes
    content_type: str = ""
    content_encoding: str = ""
    accept: str = ""
    attributes: str = ""
    session: str = ""
    request_id: str = ""


@dataclass(frozen=True)
class Reply:
    """A good answer."""

    body: bytes | Iterator[bytes]  # pieces, to be sent as they are made, of a format that is made so
    media_type: str
    facts: str = "{}"  # for the header of custom attributes
    log: dict[str, object] = field(default_factory=dict)  # complete once the last piece is made
    headers: Mapping[str, str] = field(default_factory=dict)  # of sessions

    def whole(self) -> bytes:
        """The body at once; errors as those of `invoke`."""
        return self.body if isinstance(self.body, bytes) else b"".join(self.body)
