"""One line a record, whatever is in it."""

import json
import logging
import sys

import pytest

from container.telemetry.logs import MAX_LINE, JsonLines


def line(message: str, fields: dict[str, object] | None = None, level: int = logging.INFO) -> str:
    record = logging.LogRecord("maskserve", level, "file", 1, message, (), None)
    record.fields = fields or {}
    return JsonLines().format(record)


@pytest.mark.parametrize("text", ["plain", "two\nlines\r\n", "\x1b[31mred", "ünï", '"quoted"'])
def test_one_escaped_line(text: str) -> None:
    written = line(text, {"path": text, "ms": 1.5})
    assert "\n" not in written and "\x1b" not in written and written.isascii()
    assert json.loads(written)["message"] == text and json.loads(written)["path"] == text


def test_a_flood_is_cut() -> None:
    for message, fields in (("short", {f"key{i}": "x" * 500 for i in range(30)}), ("é" * 5000, {"key": 1})):
        written = line(message, fields)
        assert len(written) <= MAX_LINE and message.startswith(json.loads(written)["message"])


def test_a_traceback_is_in_the_same_line() -> None:
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        record = logging.LogRecord("maskserve", logging.ERROR, "file", 1, "failed", (), sys.exc_info())
    written = JsonLines().format(record)
    document = json.loads(written)
    assert "\n" not in written and document["error"] == "RuntimeError: broken"
    assert document["traceback"].endswith('raise RuntimeError("broken")\n')


def test_a_long_traceback_keeps_its_end_and_the_line_its_length() -> None:
    def deeper(left: int) -> None:
        if not left:
            raise RuntimeError("x" * 5000) from ValueError("y" * 5000)
        deeper(left - 1)

    try:
        deeper(50)
    except RuntimeError:
        record = logging.LogRecord("maskserve", logging.ERROR, "file", 1, "failed", (), sys.exc_info())
    written = JsonLines().format(record)
    document = json.loads(written)
    assert len(written) <= MAX_LINE and document["error"].startswith("RuntimeError: xxx")
    assert 'raise RuntimeError("x" * 5000)' in document["traceback"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/a?api_key=abc&b=1", "/a?api_key=***&b=1"),
        ("API-Key%3Dabc", "API-Key%3D***"),
        ("token=abc password=def", "token=*** password=***"),
        ("X-Amz-Signature=abc&X-Amz-Credential=AKIA/b", "X-Amz-Signature=***&X-Amz-Credential=***"),
        ("Authorization: Bearer abcdefgh.ijk", "Authorization: Bearer ***"),
        ("bearer%20abcdefgh", "bearer%20***"),
        ("Basic YWJjZGVmZ2g=", "Basic ***"),
        ("https://user:abc@example.com/a", "https://***@example.com/a"),
        ("user@example.com", "user@example.com"),
        ("a basic idea", "a basic idea"),
        ("good-key-1 and xgood-key-2x", "*** and x***x"),
    ],
)
def test_credentials_are_starred_out(text: str, shown: str) -> None:
    record = logging.LogRecord("maskserve", logging.INFO, "file", 1, text, (), None)
    record.fields = {"path": text, "ignored": [text]}
    written = json.loads(JsonLines(["good-key-1", "good-key-2"]).format(record))
    assert (written["message"], written["path"], written["ignored"]) == (shown, shown, [shown])
