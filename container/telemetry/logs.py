"""Logs as one JSON object a line on standard error, which is what CloudWatch can search.

Values are escaped by the JSON form, credentials are starred out, and a line is cut to 2 KB, so that a caller's header
can neither forge nor flood the log, nor tell its readers what it should not.
"""

import json
import logging
import re
import sys
import time
import traceback
from collections.abc import Sequence

MAX_LINE = 2048
_CARETS = re.compile(r"^[ ~^]+\n", re.MULTILINE)  # which Python puts under the lines of a traceback
# What callers may put into a path, an id or an attribute although it belongs elsewhere.
_CREDENTIALS = (
    re.compile(r"(?i)((?:api[_-]?key|token|secret|password|signature|credential)(?:=|%3d))[^\s\"\\&]+"),
    re.compile(r"(?i)(\b(?:bearer|basic)(?:\s|\+|%20)+)[\w.~+/=-]{8,}"),
    re.compile(r"(:/{1,2})[^\s/\"\\@]+(?=@)"),  # doubled slashes of a path may be one by now
)


class JsonLines(logging.Formatter):
    """A record as {"time", "level", "logger", "message", …}, with what was given as `extra={"fields": {…}}`.

    Texts of `hidden` are starred out wherever they stand; they must be such as JSON does not escape.
    """

    def __init__(self, hidden: Sequence[str] = ()) -> None:
        super().__init__()
        self._hidden = hidden

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            # The wall clock, because people read it; no duration is computed from it.
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update(getattr(record, "fields", {}))
        if record.exc_info and record.exc_info[1]:
            *frames, error = traceback.format_exception(record.exc_info[1])
            line.update(error=error.rstrip(), traceback=_CARETS.sub("", "".join(frames)))
        text = self._starred(json.dumps(line, default=str))
        return text if len(text) <= MAX_LINE else _cut(json.loads(text))

    def _starred(self, text: str) -> str:
        for secret in self._hidden:
            text = text.replace(secret, "***")
        for pattern in _CREDENTIALS:
            text = pattern.sub(r"\1***", text)
        return text


def _cut(line: dict[str, object]) -> str:
    """The line with its longest values halved until it fits; tracebacks keep their end, where the error was raised."""
    while len(text := json.dumps(line)) > MAX_LINE:
        longest = max(line, key=lambda name: len(json.dumps(line[name])))
        value = str(line[longest])
        half = len(value) // 2
        line[longest] = value[-half:] if longest == "traceback" else value[:half]
    return text


def configure(level: int) -> None:
    """Send all logs of this process to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(level)
