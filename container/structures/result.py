"""One answered request, before it is put into bytes."""

from dataclasses import dataclass

from container.structures.classification import Classification
from container.structures.image import Image
from container.structures.instances import Instances
from container.structures.semantic_map import SemanticMap

Prediction = Instances | SemanticMap | Classification


@dataclass(frozen=True)
class Result:
    """A picture, and what a model said of it."""

    image: Image
    prediction: Prediction
    model: str

    @property
    def instances(self) -> Instances:
        """The prediction as instances, whatever the task of the model."""
        return self.prediction if isinstance(self.prediction, Instances) else self.prediction.instances()
