"""What a store of objects is."""

from abc import ABC, abstractmethod

from container.errors import BadRequest, PayloadTooLarge
from container.objects.location import Location


class Store(ABC):
    """Where objects are read and written; which of them a caller may name is not decided here."""

    @abstractmethod
    def read(self, location: Location, most: int) -> bytes:
        """The bytes of an object; BadRequest where it cannot be had, PayloadTooLarge over `most`, Unavailable."""

    @abstractmethod
    def write(self, location: Location, body: bytes, content_type: str) -> None:
        """Make or replace an object; BadRequest or Unavailable where that cannot be."""


def unreadable(location: Location, reason: str) -> BadRequest:
    """The error for an object that cannot be had."""
    return BadRequest(f"{location} cannot be read: {reason}")


def too_large(location: Location, size: int, most: int) -> PayloadTooLarge:
    """The error for an object over the limit."""
    return PayloadTooLarge(
        f"{location} is {size} bytes long; at most {most} are allowed", "SAGEMAKER_MAX_PAYLOAD_IN_MB sets the limit"
    )
