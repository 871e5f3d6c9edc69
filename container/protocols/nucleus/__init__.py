"""The Nucleus protocol: datasets, predictions and model runs, asked and managed by the client `scale-nucleus`."""

from container.protocols.nucleus.protocol import Nucleus
from container.web.protocol import protocols

protocols.add("nucleus", Nucleus)
