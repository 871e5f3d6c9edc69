"""Frames of AWS's event stream, to the byte, and as botocore reads them."""

import json

import pytest
from botocore.eventstream import EventStreamBuffer

from container.protocols.sagemaker import event_stream

HELLO = (
    "0000006e000000595197ff150d3a6d6573736167652d747970650700056576656e740b3a6576656e742d7479706507000b5061796c6f616450"
    "6172740d3a636f6e74656e742d747970650700186170706c69636174696f6e2f6f637465742d73747265616d68656c6c6f36028f02"
)


def read(data: bytes) -> list[tuple[dict[str, str], bytes]]:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return [(event.headers, event.payload) for event in buffer]


def test_a_part_to_the_byte() -> None:
    assert event_stream.part(b"hello").hex() == HELLO


@pytest.mark.parametrize("payload", [b"", b"x", bytes(range(256)) * 256], ids=len)
def test_botocore_reads_parts(payload: bytes) -> None:
    ((headers, found),) = read(event_stream.part(payload))
    assert found == payload
    assert headers == {
        ":message-type": "event",
        ":event-type": "PayloadPart",
        ":content-type": "application/octet-stream",
    }


def test_botocore_reads_the_end_of_a_broken_stream() -> None:
    frames = event_stream.part(b"one") + event_stream.model_stream_error("the ünd", "StreamBroken")
    (_, one), (headers, error) = read(frames)
    assert one == b"one"
    assert headers[":message-type"] == "exception" and headers[":exception-type"] == "ModelStreamError"
    assert json.loads(error) == {"Message": "the ünd", "ErrorCode": "StreamBroken"}
