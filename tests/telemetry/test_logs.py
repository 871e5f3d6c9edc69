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
    assert "\n" not in written and "RuntimeError: broken" in json.loads(written)["traceback"]
