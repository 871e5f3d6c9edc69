"""Blocks as small as can be, in place of the real ones."""

from typing import Any

import numpy as np

from container.fields import Flag, Number, Word
from container.workflows import kinds
from container.workflows.manifest import Block, Field, Output, Step
from container.workflows.values import Picture, new_id

IMAGE = Field("image", "A picture", kinds=(kinds.IMAGE,), aliases=("images",))


class Side(Block):
    """Gives the width of a picture, times a number."""

    ids, title, doc = ("test/side@v1", "Side"), "Side", "Measures a picture."
    fields = (
        IMAGE,
        Field("times", "A factor", Number(0, 10, whole=True), (kinds.INTEGER,), 1),
        Field("mode", "How", Word(("plain", "fail", "crash")), (kinds.STRING,), "plain"),
    )
    outputs = (Output("side", (kinds.INTEGER,)), Output("image", (kinds.IMAGE,)))

    def run(self, row: Any, step: Step) -> Any:
        return {"side": row["image"].frame.size[1] * row["times"], "image": row["image"]}


class Halves(Block):
    """Gives the left and the right half of a picture."""

    ids, title, doc = ("test/halves@v1",), "Halves", "Cuts a picture."
    fields, outputs, deeper = (IMAGE,), (Output("crops", (kinds.IMAGE,)),), True

    def run(self, row: Any, step: Step) -> Any:
        picture: Picture = row["image"]
        height, width = picture.frame.size
        middle = width // 2
        step.room(height * width)
        parts = [(0, middle), (middle, width)] if middle else []
        return [{"crops": picture.crop(new_id(), a, 0, b, height)} for a, b in parts]


class Sum(Block):
    """Adds the numbers of all crops of a picture."""

    ids, title, doc = ("test/sum@v1",), "Sum", "Adds numbers."
    fields = (Field("data", "Numbers", kinds=(kinds.INTEGER,), level=1),)
    outputs = (Output("sum", (kinds.INTEGER,)),)

    def run(self, row: Any, step: Step) -> Any:
        return {"sum": sum(row["data"])}


class Gate(Block):
    """Lets steps run where a picture is wide."""

    ids, title, doc, flow = ("test/gate@v1",), "Gate", "Decides.", True
    fields = (
        Field("value", "A number", Number(), (kinds.INTEGER, kinds.ANY)),
        Field("above", "A bound", Number(), (kinds.INTEGER,), 0),
        Field("next_steps", "Steps", holds="list", steps=True),
    )
    outputs = ()

    def run(self, row: Any, step: Step) -> Any:
        return {"next": row["value"] > row["above"]}


class First(Block):
    """Gives the first value that is there."""

    ids, title, doc, takes_missing = ("test/first@v1",), "First", "Chooses.", True
    fields = (
        Field("data", "Values", kinds=(kinds.ANY,), holds="list"),
        Field("named", "More values", Flag(), kinds=(kinds.ANY,), holds="dict", default=None),
    )
    outputs = (Output("output", (kinds.ANY,)),)

    def run(self, row: Any, step: Step) -> Any:
        found = [*row["data"], *(row["named"] or {}).values()]
        return {"output": next((value for value in found if value is not None), None)}


class Fails(Block):
    """Raises what a test wants."""

    ids, title, doc, fields = ("test/fails@v1",), "Fails", "Fails.", (IMAGE,)
    outputs = (Output("side", (kinds.INTEGER,)),)
    error: Exception = ValueError("secret")

    def run(self, row: Any, step: Step) -> Any:
        raise self.error


def spec(*steps: dict[str, Any], outputs: dict[str, str] | None = None, inputs: Any = None) -> dict[str, Any]:
    """A specification with a picture `image` and a parameter `times`."""
    return {
        "version": "1.0",
        "inputs": inputs
        or [{"type": "WorkflowImage", "name": "image"}, {"type": "WorkflowParameter", "name": "times"}],
        "steps": [*steps],
        "outputs": [
            {"type": "JsonField", "name": name, "selector": selector} for name, selector in (outputs or {}).items()
        ],
    }


def step(kind: str, name: str, **fields: Any) -> dict[str, Any]:
    return {"type": f"test/{kind}@v1", "name": name, **fields}


def pixels(width: int, height: int = 4) -> np.ndarray:
    return np.zeros((height, width, 3), np.uint8)
