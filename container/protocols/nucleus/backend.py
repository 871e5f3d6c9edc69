"""What the routes of this protocol work with."""

from dataclasses import dataclass

from container.protocols.nucleus.addresses import Addresses
from container.protocols.nucleus.shapes import Shapes
from container.scoring.scorer import Scorer
from container.store.runner import Runner
from container.store.store import Store


@dataclass(frozen=True)
class Backend:
    """The store, what works on its jobs, what compares, the addresses that it signs, and the shapes of its replies."""

    store: Store
    runner: Runner
    scorer: Scorer
    addresses: Addresses
    shapes: Shapes
