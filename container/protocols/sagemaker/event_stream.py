"""Frames of AWS's event stream encoding, the response format of InvokeEndpointWithResponseStream.

A frame consists of its length, its headers' length and the checksum of both, the headers, the payload, and the checksum
of everything before. Numbers are big-endian; a header is its name and a string. Source: the ResponseStream shape of
botocore's sagemaker-runtime service model; botocore's eventstream.py decodes these frames.
"""

import json
import struct
import zlib
from collections.abc import Mapping

MEDIA_TYPE = "application/vnd.amazon.eventstream"
MAX_PART = 65_536  # bytes of one part
_STRING = 7


def part(payload: bytes) -> bytes:
    """Return a PayloadPart frame with a piece of the body."""
    return frame(
        {":message-type": "event", ":event-type": "PayloadPart", ":content-type": "application/octet-stream"}, payload
    )


def model_stream_error(message: str, code: str) -> bytes:
    """Return the ModelStreamError frame that ends a failed stream; `code` is one of the API's error codes."""
    return frame(
        {":message-type": "exception", ":exception-type": "ModelStreamError", ":content-type": "application/json"},
        json.dumps({"Message": message, "ErrorCode": code}).encode(),
    )


def frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Return one encoded frame."""
    head = b"".join(
        struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", _STRING, len(value)) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack(">II", 16 + len(head) + len(payload), len(head))
    checked = prelude + struct.pack(">I", zlib.crc32(prelude)) + head + payload
    return checked + struct.pack(">I", zlib.crc32(checked))
