"""Small blocks in place of the real ones, and runs of specifications without a server."""

from collections.abc import Callable
from typing import Any

import pytest

from container.images.pixel_budget import PixelBudget, PixelShare
from container.workflows.executor import Execution, Profile
from container.workflows.graph import compile_workflow
from container.workflows.inputs import read_inputs
from container.workflows.manifest import Step, blocks
from tests.fakes import FakeEngine, ready_services
from tests.workflows.small_blocks import Fails, First, Gate, Halves, Side, Sum


@pytest.fixture(autouse=True)
def test_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks.load()
    for block in (Side(), Halves(), Sum(), Gate(), First(), Fails()):
        for name in block.ids:
            monkeypatch.setitem(blocks, name, block)


Run = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def run() -> Run:
    """Runs a specification on pictures as JSON has them; returns the values of the outputs of each."""

    def run(document: dict[str, Any], profile: Profile | None = None, pixels: int = 10**9, **inputs: Any) -> Any:
        plan, services = compile_workflow(document), ready_services(FakeEngine())
        share = PixelShare(PixelBudget(pixels))
        given = read_inputs(plan, inputs, lambda read: read(services.pipeline.limits, share))
        execution = Execution(plan, given, share, profile or Profile())
        execution.run(lambda name, room: Step(name, None, lambda: None, room))  # type: ignore[arg-type]
        outputs = plan.definition.outputs
        return [{one.name: execution.nested(one.selector, i) for one in outputs} for i in range(given.count)]

    return run
