"""Image sources of a request, one module per source, and images inside JSON."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from container.errors import BadRequest, PayloadTooLarge, ServingError
from container.images.base import Given, Limits, Pictures, Source, sources
from container.images.pixel_budget import PixelShare
from container.structures import Image

__all__ = ["DEFAULT_SOURCE", "beside", "given_json", "numbered", "read_each", "read_json", "sources"]
DEFAULT_SOURCE = "base64"  # of a plain string
ENCODED = "b64"  # the key of such a string in TensorFlow Serving's JSON

T = TypeVar("T")


def read_each(values: Sequence[T], read: Callable[[T, Limits], Pictures], limits: Limits) -> Pictures:
    """Return the image that `read` makes of each value, as an array; together they may have `max_pixels`.

    Raises PayloadTooLarge for none or over `max_images`, and the errors of `read` with the number of the picture.
    """
    if not 1 <= len(values) <= limits.max_images:
        raise PayloadTooLarge(f"the array holds {len(values)} pictures; 1 to {limits.max_images} are allowed")
    images: list[Image] = []
    for number, value in enumerate(values, 1):
        with numbered(number, len(values)):
            images += read(value, beside(images, limits)).images
    return Pictures(images, batch=True)


def beside(images: Sequence[Image], limits: Limits) -> Limits:
    """Return the limits of one more image of a request: all have together `max_pixels`."""
    taken = sum(image.pixels.shape[0] * image.pixels.shape[1] for image in images)
    return replace(limits, max_pixels=limits.max_pixels - taken)


@contextmanager
def numbered(number: int, count: int) -> Iterator[None]:
    """Put the number of the picture before the message of an error that the block raises."""
    try:
        yield
    except ServingError as error:
        error.message = f"picture {number} of {count}: {error.message}"
        error.args = (error.message,)
        raise


def read_json(value: object, limits: Limits, share: PixelShare | None = None) -> Pictures:
    """Return the images of one JSON value: {"type": a source's name, "value": "…"}, base64, or {"b64": base64}.

    Raises BadRequest for other shapes, and for types not allowed in JSON.
    """
    source, value = _source(value)
    return source.read(value, limits, share)


def given_json(value: object, limits: Limits) -> Given:
    """Return the images of one JSON value before they are decoded; raises the errors of `read_json`."""
    source, value = _source(value)
    return source.given(value, limits)


def _source(value: object) -> tuple[Source, object]:
    if isinstance(value, dict) and ENCODED in value:
        value = value[ENCODED]
        if not isinstance(value, str):
            raise BadRequest(f"the value of `{ENCODED}` is no string of base64")
    if isinstance(value, str):
        return sources[DEFAULT_SOURCE], value
    allowed = ", ".join(sorted(name for name in sources if sources[name].in_json))
    if not isinstance(value, dict) or "type" not in value or "value" not in value:
        raise BadRequest(f'an image is a string of base64 or {{"type": …, "value": …}}; allowed types: {allowed}')
    kind = value["type"]
    if not isinstance(kind, str) or kind not in sources or not sources[kind].in_json:
        shown = ascii(kind[:40]) if isinstance(kind, str) else "no string"
        raise BadRequest(f"the image type is {shown}; allowed types: {allowed}")
    return sources[kind], value["value"]
