"""A place in the model pool, and which of several gives way to a load."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from container.models.loading import Model

State = Literal["waiting", "loading", "ready", "unloading"]


@dataclass
class Slot:
    """A model of the pool, from the start of its load until it is gone."""

    key: str
    origin: str  # where the model comes from, in the words of who loaded it
    state: State = "waiting"  # until it takes one of the places of the policy
    model: Model | None = None
    name: str = ""  # of the model in answers, from when it is ready
    task: str = ""  # as Engine.task
    ids: tuple[str, ...] = ()  # under which requests have asked for it
    cost: int = 0  # memory in bytes, as estimated before loading
    leases: int = 0  # requests in flight
    last_used: float = field(default_factory=time.monotonic)  # when it was asked for, or its last lease ended
    lacking: bool = False  # True while its load waits for memory, of which it has taken none
    failure: Exception | None = None  # of the load


def oldest_idle(slots: Iterable[Slot]) -> str | None:
    """Return the key of the model without requests in flight that was used longest ago, or None."""
    idle = [slot for slot in slots if slot.state == "ready" and not slot.leases]
    return min(idle, key=lambda slot: slot.last_used).key if idle else None


def others_end(slots: Iterable[Slot], own: Slot) -> bool:
    """Return True if another load or unload is on its way, so that the load of `own` may have room afterwards.

    A load that lacks memory has a place, and so one that lacks a place waits for it; two that lack memory do not wait
    for each other. An unload that waits for requests counts not: one of them may be the request that loads `own`.
    """
    return any(
        slot is not own
        and (
            slot.state == "loading"
            and not (own.lacking and slot.lacking)
            or slot.state == "unloading"
            and not slot.leases
        )
        for slot in slots
    )
