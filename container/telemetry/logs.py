"""Logs as one JSON object a line on standard error, which is what CloudWatch can search.

Values are escaped by the JSON form and cut to 2 KB a line, so that a caller's header cannot forge or flood the log.
"""

import json
import logging
import sys
import time

MAX_LINE = 2048


class JsonLines(logging.Formatter):
    """A record as {"time", "level", "logger", "message", …}, with what was given as `extra={"fields": {…}}`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update(getattr(record, "fields", {}))
        text = json.dumps(line, default=str)
        while len(text) > MAX_LINE:
            if len(line) > 4:
                line.popitem()  # the last fields first, then the message's end
            else:
                line["message"] = str(line["message"])[: len(str(line["message"])) // 2]
            text = json.dumps(line, default=str)
        if record.exc_info:
            text = text[:-1] + ', "traceback": ' + json.dumps(self.formatException(record.exc_info)) + "}"
        return text


def configure(level: int) -> None:
    """Send all logs of this process to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(level)
