"""The state of a run: stepped, saved, taken up again."""

from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from container.engines.kinds import maskrcnn_mobilenet_v2_fpn
from container.errors import DataError, TrainingError
from container.training.detection import DetectionTask
from container.training.hyperparameters import Hyperparameters
from container.training.machine import Machine
from container.training.objects import Item
from container.training.run import CHECKPOINT, Run
from container.training.segmentation import SegmentationTask

CPU = torch.device("cpu")
State = dict[str, torch.Tensor]


class Small(nn.Module):
    """A semantic network of a hundred weights."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.classifier = nn.Conv2d(4, classes, 1)

    def forward(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"out": self.classifier(self.backbone(pixels))}


def run(network: nn.Module | None = None, dtype: torch.dtype = torch.float32, **hyperparameters: Any) -> Run:
    """A run of the small network, from the same weights each time."""
    torch.manual_seed(0)
    told = Hyperparameters(**{"steps": 8, "learning_rate": 0.1, "ema": 0.5, **hyperparameters})
    return Run(network or Small(), SegmentationTask(), told, Machine(CPU, dtype))


def batch(seed: int) -> list[Item]:
    drawn = torch.Generator().manual_seed(seed)
    truth = torch.randint(0, 3, (8, 8), generator=drawn, dtype=torch.uint8)
    return [(torch.rand(3, 8, 8, generator=drawn), {"map": truth})]


BROKEN: list[Item] = [(torch.full((3, 8, 8), float("inf")), {"map": torch.zeros(8, 8, dtype=torch.uint8)})]


def learning(one: Run) -> State:
    """The weights that learn, copied."""
    return {name: value.clone() for name, value in one._network.state_dict().items()}


def average(one: Run) -> State:
    return {name: value.clone() for name, value in one.network.state_dict().items()}


def equal(one: State, other: State) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def never() -> bool:
    return False


def batches(start: int = 0) -> Iterator[list[Item]]:
    return (batch(start + i) for i in range(1000))


def test_a_run_learns_to_its_end_and_leaves_a_checkpoint(tmp_path: Path) -> None:
    one = run(steps=100)
    losses = [step["loss"] for step in one.learn(repeat(batch(0)), never, tmp_path)]
    assert len(losses) == 100 and losses[-1] < 0.8 * losses[0]
    assert one.finished and one.progress.step == 100 and one.progress.share == 1
    assert [path.name for path in tmp_path.iterdir()] == [CHECKPOINT]


def test_a_step_names_its_losses_and_their_sum() -> None:
    assert run().step(batch(0), 0.0).keys() == {"loss", "loss_pixels"}


def test_going_on_from_a_checkpoint_is_as_if_nothing_had_been(tmp_path: Path) -> None:
    whole = run()
    list(whole.learn(batches(), never, tmp_path / "whole"))

    first = run()
    list(first.learn(batches(), lambda: first.progress.step == 3, tmp_path / "parts"))
    assert first.progress.step == 3 and not first.finished
    second = run(Small())
    assert second.resume(tmp_path / "parts") and second.progress.step == 3
    assert equal(learning(second), learning(first)) and equal(average(second), average(first))
    rest = list(second.learn(batches(3), never, tmp_path / "parts"))
    assert len(rest) == 5 and second.finished
    assert equal(learning(second), learning(whole)) and equal(average(second), average(whole))
    assert second.progress.seconds > first.progress.seconds_before


def test_going_on_with_a_detector_is_as_if_nothing_had_been(tmp_path: Path) -> None:
    target = {
        "boxes": torch.tensor([[4.0, 4, 40, 40]]),
        "labels": torch.tensor([1]),
        "masks": torch.ones(1, 64, 64, dtype=torch.uint8),
    }
    item: Item = (torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(1)), target)
    ends = []
    for resumed in (False, True):
        torch.manual_seed(0)
        told = Hyperparameters(steps=2, image_size=64)
        one = Run(maskrcnn_mobilenet_v2_fpn.build(3), DetectionTask(), told, Machine(CPU, torch.float32))
        assert one.resume(tmp_path) == resumed
        if not resumed:
            torch.manual_seed(1)
            one.step([item], 0.0)
            one.save(tmp_path)
        torch.manual_seed(2)
        one.step([item], 0.5)
        ends.append((learning(one), average(one)))
    # To rounding: how a convolution sums depends on where its tensors lie in memory. A step is 3e-6 long.
    torch.testing.assert_close(ends[0], ends[1], rtol=1e-6, atol=1e-8)


def test_without_a_checkpoint_a_run_begins(tmp_path: Path) -> None:
    one = run()
    assert not one.resume(tmp_path) and one.progress.step == 0


@pytest.mark.parametrize("content", ["another network", "no checkpoint", "nothing", "noise", "no step"])
def test_a_checkpoint_of_something_else_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / CHECKPOINT
    match content:
        case "another network":
            run(Small(classes=4)).save(tmp_path)
        case "no checkpoint":
            torch.save({"model": torch.ones(2)}, path)
        case "nothing":
            path.write_bytes(b"")
        case "noise":
            path.write_bytes(b"\x80noise" * 50)
        case "no step":
            run().save(tmp_path)
            saved = torch.load(path, weights_only=True)
            del saved["step"]
            torch.save(saved, path)
    with pytest.raises(DataError, match=f"{path}: not a checkpoint of this network"):
        run().resume(tmp_path)


def test_the_average_follows_the_weights() -> None:
    one = run(ema=0.9)
    before = average(one)
    one.step(batch(0), 0.0)
    after_one = learning(one)
    # The first update takes the weights as they are.
    assert equal(average(one), after_one) and not equal(before, after_one)
    one.step(batch(1), 0.0)
    expected = 0.9 * after_one["classifier.weight"] + 0.1 * learning(one)["classifier.weight"]
    torch.testing.assert_close(average(one)["classifier.weight"], expected)


@pytest.mark.parametrize("prefixes", [("backbone.",), ("backbone.0.", "backbone.1.bias", "backbone.1.weight")])
def test_frozen_weights_stay_as_they_are(prefixes: tuple[str, ...]) -> None:
    one = run(freeze=prefixes)
    before = learning(one)
    for i in range(3):
        one.step(batch(i), 0.0)
    changed = {name for name, value in learning(one).items() if not torch.equal(value, before[name])}
    assert changed == {"classifier.weight", "classifier.bias"}


@pytest.mark.parametrize(
    ("prefixes", "reason"),
    [
        (("head.",), "no weights begin with 'head.'"),
        (("backbone.", "classifier", "x"), "no weights begin with 'x'"),
        (("backbone", "classifier"), "no weights are left"),
    ],
)
def test_what_cannot_be_frozen_is_refused(prefixes: tuple[str, ...], reason: str) -> None:
    with pytest.raises(DataError, match=f"hyperparameter freeze: {reason}"):
        run(freeze=prefixes)


@pytest.mark.parametrize("learns", [True, False])
def test_batch_norms_keep_their_statistics_unless_they_are_to_learn(learns: bool) -> None:
    one = run(train_batch_norms=learns)
    before = learning(one)["backbone.1.running_mean"]
    one.step(batch(0), 0.0)
    assert torch.equal(learning(one)["backbone.1.running_mean"], before) != learns


def test_the_backbone_learns_at_its_own_rate() -> None:
    one = run(backbone_rate=0.0, weight_decay=0.0)
    before = learning(one)
    one.step(batch(0), 0.0)
    changed = {name for name, value in learning(one).items() if not torch.equal(value, before[name])}
    assert changed == {"classifier.weight", "classifier.bias"}


def test_a_loss_that_is_not_finite_ends_the_run_and_teaches_nothing(tmp_path: Path) -> None:
    one = run()
    one.step(batch(0), 0.0)
    before, averaged = learning(one), average(one)
    with pytest.raises(TrainingError, match=r"the loss .* is not finite at step 2 \(loss nan, loss_pixels nan\)"):
        list(one.learn(iter([BROKEN]), never, tmp_path))
    assert equal(learning(one), before) and equal(average(one), averaged)
    assert one.progress.step == 1 and not one.finished
    again = run()
    assert again.resume(tmp_path) and equal(learning(again), before)


class Steep(Small):
    """Its loss is finite and the gradient of it is not."""

    def forward(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"out": super().forward(pixels)["out"] + (0 * self.classifier.bias[:, None, None]).sqrt()}


def test_a_gradient_that_is_not_finite_ends_the_run_and_teaches_nothing() -> None:
    one = run(Steep())
    before, averaged = learning(one), average(one)
    with pytest.raises(TrainingError, match="its gradient is not finite at step 1"):
        one.step(batch(0), 0.0)
    assert equal(learning(one), before) and equal(average(one), averaged) and one.progress.step == 0


def test_a_checkpoint_does_not_bring_back_what_is_asked_anew(tmp_path: Path) -> None:
    one = run(learning_rate=0.1)
    one.step(batch(0), 0.0)
    one.save(tmp_path)
    again = run(learning_rate=1e-9, weight_decay=0.0)
    assert again.resume(tmp_path)
    before = learning(again)
    again.step(batch(1), 0.0)
    assert all(torch.allclose(value, before[name], atol=1e-7) for name, value in learning(again).items())


def test_reduced_precision_learns_float32_weights() -> None:
    one = run(dtype=torch.bfloat16)
    before = learning(one)
    one.step(batch(0), 0.0)
    after = learning(one)
    assert {value.dtype for value in after.values()} == {torch.float32, torch.int64}
    assert not torch.equal(before["classifier.weight"], after["classifier.weight"])


def test_what_is_served_runs_as_ever() -> None:
    torch.manual_seed(0)
    network = maskrcnn_mobilenet_v2_fpn.build(3, min_size=100, max_size=200)
    one = Run(network, DetectionTask(), Hyperparameters(image_size=64), Machine(CPU, torch.float32))
    assert (one.network.transform.min_size, one.network.transform.max_size) == ((100,), 200)
    assert not any("forward" in vars(module) for module in one.network.modules())


def test_another_process_than_the_first_saves_nothing(tmp_path: Path) -> None:
    one = run()
    one._machine = Machine(CPU, torch.float32, process=1, processes=1)
    one.save(tmp_path)
    assert not list(tmp_path.iterdir())
