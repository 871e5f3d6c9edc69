"""The Roboflow Inference protocol: models by id, asked and managed by the client `inference_sdk`."""

from container.protocols.roboflow.protocol import Roboflow
from container.web.protocol import protocols

protocols.add("roboflow", Roboflow)
