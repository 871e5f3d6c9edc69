"""What a format is, and the table of them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from container.errors import NotAcceptable
from container.registry import Registry
from container.structures import Choice, Result


class Format(ABC):
    """One kind of answer."""

    media_type: str

    @abstractmethod
    def encode(self, result: Result, choice: Choice) -> bytes:
        """The body of the answer for one picture."""

    def encode_batch(self, results: Sequence[Result], choice: Choice) -> bytes:
        """The body of one answer for many pictures; NotAcceptable where the format holds only one."""
        raise NotAcceptable(
            f"{self.media_type} holds one picture, and the request has {len(results)}",
            hint="send one picture per request, or accept application/json",
        )


formats: Registry[Format] = Registry("format")
