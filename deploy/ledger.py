"""What was sent to an asynchronous endpoint and is to be fetched: a file of JSON lines beside the answers.

A line is added when the endpoint has accepted a picture, so a command that was cut short knows what it need not send.
"""

import json
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "submitted.jsonl"


@dataclass(frozen=True)
class Submitted:
    """One picture that the endpoint has accepted."""

    name: str
    where: str
    output: str  # s3://… of the answer
    failure: str  # s3://… of the error, "" where the endpoint writes none
    inference_id: str


class Ledger:
    """The lines of one folder, by name; of two with one name the later."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._lock = threading.Lock()

    def entries(self) -> dict[str, Submitted]:
        """All lines; one that was cut off is as none."""
        found = {}
        for line in self._path.read_text(encoding="utf-8").splitlines() if self._path.exists() else ():
            try:
                entry = Submitted(**json.loads(line))
            except (ValueError, TypeError):
                continue
            found[entry.name] = entry
        return found

    def add(self, entry: Submitted) -> None:
        """Add a line, from any thread."""
        with self._lock:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                # The line's end comes first as well: it parts it from one that was cut off.
                file.write(f"\n{json.dumps(asdict(entry))}\n")
