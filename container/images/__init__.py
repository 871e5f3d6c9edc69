"""Bytes in, pictures out: decoding, its limits, and the sources that a request may name."""

from container.images.decode import decode
from container.images.json_form import read_json
from container.images.limits import Limits

__all__ = ["Limits", "decode", "read_json"]
