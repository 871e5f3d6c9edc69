"""One model, loaded at the start."""

from pathlib import Path

from container.models import artifact
from container.models.policies import Policy
from container.structures import ModelSpec


class Fixed(Policy):
    """Serves the model of one folder, archive or spec."""

    served = "model"
    greeting = "and loads its model; {url}/ping says when it is ready, {url}/docs how to ask."

    def __init__(self, source: Path | ModelSpec) -> None:
        self._source = source

    def check(self) -> None:
        """Raise ModelError if the source is not a model, or its weights are not there."""
        artifact.check(self._source)

    def start(self) -> None:
        """Load the model."""
        self.pool.load(self.served, self._source)

    def key(self, target: str | None) -> str:
        """Return the key of the one model, whatever the request names."""
        return self.served
