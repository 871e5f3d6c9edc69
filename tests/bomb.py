"""A pickle that shows whether it was run."""

import os
from pathlib import Path
from typing import Any


class Bomb:
    """Makes a folder where the unrestricted loader reads it."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.marker),)
