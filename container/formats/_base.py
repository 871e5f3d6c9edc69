"""What a format is, and the table of them."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from container.errors import NotAcceptable
from container.registry import Registry
from container.structures import Appearance, Choice, Result


class Format(ABC):
    """One kind of answer; a subclass in a file of this package, and one `add`, make it known everywhere.

    Of the formats with one media type, Accept chooses that with the lowest rank; the others are asked for by name.
    """

    name: str  # what clients and the command line call it
    media_type: str
    content_type = ""  # the media type with the parameters that it is sent with; "" without any
    aliases: tuple[str, ...] = ()  # other names, also in media types: alias "jpg" of image/jpeg is image/jpg
    rank = 100  # position in lists, and in the choice where clients have no preference; lowest first
    doc = ""  # what it is, where it is asked for by name
    batches = False  # whether one answer can hold several pictures
    text = False  # whether it can be printed
    wide = False  # whether it holds 16 bits a pixel, as pictures of ids have
    schemas: tuple[Mapping[str, Any], ...] = (
        {"type": "string", "format": "binary"},
    )  # JSON schemas, any of which fits

    @property
    def suffix(self) -> str:
        """The ending of its files."""
        return f".{self.name}"

    def needs_masks(self, choice: Choice) -> bool:
        """Return True if this kind of answer shows masks; otherwise the model need not compute any."""
        return True

    def holds(self, appearance: Appearance) -> bool:
        """Return True unless it is a picture of 8 bits, and ids are asked for."""
        return appearance.render != "ids" or self.wide or not self.media_type.startswith("image/")

    def check(self, appearance: Appearance) -> None:
        """Raise NotAcceptable for a picture that this kind of answer cannot hold."""
        if not self.holds(appearance):
            raise NotAcceptable(
                f"render is 'ids', numbers of 16 bits, and {self.media_type} holds colours of 8",
                hint="accept image/png, with response_type or format png where these choose",
            )

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


class Drawn(Format):
    """A kind of answer that is a picture, also one that a workflow has made."""

    @abstractmethod
    def file(self, rgb: np.ndarray, appearance: Appearance) -> bytes:
        """The body for a picture, uint8 H×W×3, as it is; NotAcceptable where a side is too long."""


class Documents(Format):
    """A kind of answer that holds JSON objects, also those that a workflow has made."""

    @abstractmethod
    def join(self, documents: Sequence[bytes], batch: bool) -> bytes:
        """The body for objects that are JSON already, one a picture; several, or one of an array, if `batch`."""


formats: Registry[Format] = Registry("format", "container.formats")


def add(form: Format) -> None:
    """Register a format under its name; ValueError if the name is taken."""
    formats.add(form.name, form)


def ranked() -> list[Format]:
    """Return all formats, the lowest rank first."""
    return sorted(formats.values(), key=lambda form: (form.rank, form.name))
