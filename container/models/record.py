"""Which models are loaded, in a file that outlives the process: another one loads them again."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path

log = logging.getLogger(__name__)


class Record:
    """Names of models and where they lie; without a file, nothing is kept."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file

    def read(self) -> dict[str, str]:
        """What was last written, or nothing."""
        if self._file is None or not self._file.exists():
            return {}
        return dict(json.loads(self._file.read_bytes()))

    def write(self, models: Mapping[str, str]) -> None:
        """Replace what was written, in one step: a process may be killed at any moment."""
        if self._file is None:
            return
        fresh = self._file.with_suffix(".new")
        try:
            fresh.write_text(json.dumps(models))
            fresh.replace(self._file)
        except OSError:
            log.exception("which models are loaded cannot be written down, for the case that this process ends")
