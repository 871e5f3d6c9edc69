"""Logging as one JSON object per line on standard error, which CloudWatch can search.

JSON escapes the values, credentials are replaced by ***, and a line is truncated to 2 KB. So a client's header can
neither forge nor flood the log, nor leak a secret into it.
"""

import json
import logging
import re
import sys
import time
import traceback
from collections.abc import Sequence

MAX_LINE = 2048
_ENCODE = json.JSONEncoder(default=str).encode
_CARETS = re.compile(r"^[ ~^]+\n", re.MULTILINE)  # Python's markers under the lines of a traceback
# Credentials that clients may put into a path, an id or an attribute by mistake, and what each has in it in any case:
# most lines hold none of that, and the search took 7 % of a refusal.
_CREDENTIALS = (
    (
        re.compile(r"(?i)((?:api[_-]?key|token|secret|password|signature|credential)(?:=|%3d))[^\s\"\\&]+"),
        ("=", "%3d"),
    ),
    (re.compile(r"(?i)(\b(?:bearer|basic)(?:\s|\+|%20)+)[\w.~+/=-]{8,}"), ("bearer", "basic")),
    # double slashes of a path may already be merged into one
    (re.compile(r"(:/{1,2})[^\s/\"\\@]+(?=@)"), ("@",)),
)


class JsonLines(logging.Formatter):
    """Formats a record as {"time", "level", "logger", "message", …}, plus the values of `extra={"fields": {…}}`.

    All occurrences of the texts in `hidden` are replaced by ***; they must not contain characters that JSON escapes.
    """

    def __init__(self, hidden: Sequence[str] = ()) -> None:
        super().__init__()
        self._hidden = hidden

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            # Wall clock, for human readers; no duration is computed from it.
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update(getattr(record, "fields", {}))
        if record.exc_info and record.exc_info[1]:
            *frames, error = traceback.format_exception(record.exc_info[1])
            line.update(error=error.rstrip(), traceback=_CARETS.sub("", "".join(frames)))
        text = self._starred(_ENCODE(line))
        return text if len(text) <= MAX_LINE else _cut(json.loads(text))

    def _starred(self, text: str) -> str:
        for secret in self._hidden:
            text = text.replace(secret, "***")
        lower = text.lower()
        for pattern, marks in _CREDENTIALS:
            if any(mark in lower for mark in marks):
                text = pattern.sub(r"\1***", text)
        return text


def _cut(line: dict[str, object]) -> str:
    """Halve the longest values until the line fits; tracebacks keep their end, where the error was raised."""
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
