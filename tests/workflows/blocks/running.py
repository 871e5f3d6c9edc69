"""Blocks without a workflow around them: a step, rows with the defaults of their fields, and pictures."""

from typing import Any

import numpy as np

from container.models.loading import Model
from container.service import RequestContext, Services
from container.workflows.manifest import REQUIRED, Block, Step, blocks
from container.workflows.models import Models
from container.workflows.values import Frame, Picture
from tests.fakes import fake_services


def _none() -> Model:
    raise NotImplementedError


def unready() -> Services:
    """Services whose model was never loaded, for blocks that ask none."""
    return fake_services(_none)


def step(services: Services | None = None, seconds: float = 20.0, room: Any = lambda pixels: None) -> Step:
    """A step of a request that has `seconds`."""
    services = unready() if services is None else services
    return Step("step", Models(services, RequestContext(seconds)), lambda: None, room)


def row(block: Block, **values: Any) -> dict[str, Any]:
    """The values of a step's fields: these, and the defaults of the others."""
    filled: dict[str, Any] = {}
    for one in block.fields:
        given = values.pop(one.name, one.default)
        assert given is not REQUIRED, f"{one.name} is missing"
        filled[one.name] = given
    assert not values, f"unknown fields: {values}"
    return filled


def run(name: str, *rows: dict[str, Any], services: Services | None = None, **how: Any) -> list[Any]:
    """What the block gives for rows that are filled up with its defaults."""
    block = blocks[name]
    return block.run_all([row(block, **one) for one in rows], step(services, **how))


def picture(width: int = 40, height: int = 30, name: str = "image", value: int = 128) -> Picture:
    """A picture of one colour."""
    return Picture(np.full((height, width, 3), value, np.uint8), Frame(name, (height, width)))
