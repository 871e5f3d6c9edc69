"""What a format is, and the table of them."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

from container.registry import Registry
from container.structures import Choice, Options, Result


class Format(ABC):
    """One kind of answer."""

    media_type: str
    batches = False  # whether one answer can hold several pictures

    def options(self, choice: Choice) -> Options:
        """What the model is asked: no more than this kind of answer shows."""
        return choice.options

    @abstractmethod
    def encode(self, result: Result, choice: Choice) -> bytes:
        """The body of the answer for one picture."""

    def encode_batch(self, results: Sequence[Result], choice: Choice) -> bytes:
        """The body of one answer for an array of pictures; of one only, where `batches` is false."""
        (result,) = results
        return self.encode(result, choice)


class Streamed(Format):
    """A kind of answer that can be sent while it is made."""

    @abstractmethod
    def pieces(self, result: Result, choice: Choice) -> Iterator[bytes]:
        """The body in pieces, each made when it is asked for; the picture itself is not held meanwhile."""

    def encode(self, result: Result, choice: Choice) -> bytes:
        """All pieces at once."""
        return b"".join(self.pieces(result, choice))


formats: Registry[Format] = Registry("format")
