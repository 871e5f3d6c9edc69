"""What the protocols call: prediction and what it needs, with no word of HTTP."""

from container.service.inference import Inference
from container.service.services import Services

__all__ = ["Inference", "Services"]
