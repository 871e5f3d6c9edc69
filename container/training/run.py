"""The state of a run: network, moving average, optimizer and progress; stepped, saved and taken up again."""

import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from container.errors import DataError, TrainingError
from container.training.hyperparameters import Hyperparameters
from container.training.machine import Machine
from container.training.objects import Item
from container.training.schedule import Progress, rate

CHECKPOINT = "last.pt"
STOPPED = 2.0  # in place of the share of a run that is to end at once


class Run:
    """One network on its way. Every process of a run over several GPUs has one; only the first saves."""

    def __init__(self, network: Any, task: Any, hyperparameters: Hyperparameters, machine: Machine) -> None:
        """`network` on its device, with the weights to start from."""
        self._task = task
        self._machine = machine
        self._hyperparameters = hyperparameters
        _freeze(network, hyperparameters.freeze)
        # Copied before the lines below change how the network runs; what is served runs as ever.
        self._average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(hyperparameters.ema), use_buffers=True)
        task.prepare(network, hyperparameters)
        keep_depthwise_in_float32(network)
        network.train()
        if not hyperparameters.train_batch_norms:
            for module in network.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        self._network = network.to(memory_format=torch.channels_last)
        self._called = self._wrapped(network)
        self._optimizer = torch.optim.AdamW(_groups(network, hyperparameters))
        self.progress = Progress(hyperparameters.steps, hyperparameters.max_minutes)
        self.finished = False

    @property
    def network(self) -> Any:
        """The moving average, as it is now."""
        return self._average.module

    def learn(
        self, batches: Iterator[Sequence[Item]], stopped: Callable[[], bool], checkpoints: Path
    ) -> Iterator[dict[str, float]]:
        """Step until the run is over, yielding the losses of every step; `finished` says whether it came to its end.

        The first process saves a checkpoint every few minutes, at the end, and before a TrainingError.
        """
        saved = self.progress.seconds
        try:
            while (share := self._machine.agreed(STOPPED if stopped() else self.progress.share)) < 1:
                yield self.step(next(batches), share)
                if self.progress.seconds - saved > 60 * self._hyperparameters.checkpoint_minutes:
                    self.save(checkpoints)
                    saved = self.progress.seconds
            self.finished = share < STOPPED
        finally:
            self.save(checkpoints)

    def step(self, items: Sequence[Item], share: float) -> dict[str, float]:
        """Learn from one batch at this share of the run; the losses by name.

        TrainingError where a loss or its gradient is not finite; nothing is learnt then.
        """
        for group in self._optimizer.param_groups:
            group["lr"] = group["peak"] * rate(self.progress.step, share)
        with torch.autocast(self._machine.device.type, self._machine.dtype, enabled=self._machine.reduced):
            losses = self._task.losses(self._called, self._network, items, self._machine.device)
            total = torch.stack([loss.float() for loss in losses.values()]).sum()
        values = {"loss": total.item(), **{name: loss.item() for name, loss in losses.items()}}
        # Asked after the gradients of several processes have met, so that all of them end together.
        total.backward()
        norm = nn.utils.clip_grad_norm_(self._network.parameters(), self._hyperparameters.clip_norm)
        if not torch.isfinite(total + norm):
            self._optimizer.zero_grad()
            shown = ", ".join(f"{name} {value:g}" for name, value in values.items())
            raise TrainingError(
                f"the loss or its gradient is not finite at step {self.progress.step + 1} ({shown}): lower "
                "learning_rate, or look for damaged labels"
            )
        self._optimizer.step()
        self._optimizer.zero_grad()
        self._average.update_parameters(self._network)
        self.progress.step += 1
        return values

    def save(self, folder: Path) -> None:
        """Write a checkpoint in one step, by the first process: an interruption leaves the one before."""
        if not self._machine.first:
            return
        state = {
            "network": self._network.state_dict(),
            "average": self._average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "step": self.progress.step,
            "seconds": self.progress.seconds,
        }
        folder.mkdir(parents=True, exist_ok=True)
        torch.save(state, folder / f"{CHECKPOINT}.part")
        (folder / f"{CHECKPOINT}.part").replace(folder / CHECKPOINT)

    def resume(self, folder: Path) -> bool:
        """Go on from the checkpoint in `folder`, where there is one; DataError where it is of another network."""
        path = folder / CHECKPOINT
        if not path.is_file():
            return False
        try:
            state = torch.load(path, map_location=self._machine.device, weights_only=True)
            self._network.load_state_dict(state["network"])
            self._average.load_state_dict(state["average"])
            # Its moments are taken up; rates and decay are those that were asked for this time.
            asked = [{k: v for k, v in group.items() if k != "params"} for group in self._optimizer.param_groups]
            self._optimizer.load_state_dict(state["optimizer"])
            for group, values in zip(self._optimizer.param_groups, asked, strict=True):
                group.update(values)
            step, seconds = int(state["step"]), float(state["seconds"])
        except Exception as error:  # a damaged file raises what it likes
            raise DataError(
                f"{path}: not a checkpoint of this network; remove it, or use the hyperparameters it was made with"
            ) from error
        self.progress = Progress(self._hyperparameters.steps, self._hyperparameters.max_minutes, step, seconds)
        return True

    def _wrapped(self, network: Any) -> Any:
        if self._machine.processes == 1:
            return network
        devices = [self._machine.device] if self._machine.device.type == "cuda" else None
        # A batch without masks leaves the mask head without gradients.
        return DistributedDataParallel(network, device_ids=devices, find_unused_parameters=True)


def _freeze(network: nn.Module, prefixes: Sequence[str]) -> None:
    for prefix in prefixes:
        named = [parameter for name, parameter in network.named_parameters() if name.startswith(prefix)]
        if not named:
            raise DataError(f"hyperparameter freeze: no weights begin with {prefix!r}")
        for parameter in named:
            parameter.requires_grad_(False)
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise DataError("hyperparameter freeze: no weights are left to learn")


def _groups(network: nn.Module, hyperparameters: Hyperparameters) -> list[dict[str, Any]]:
    """Parameters by learning rate and weight decay."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            backbone = name.startswith("backbone.") and not name.startswith("backbone.fpn.")
            groups.setdefault((backbone, parameter.ndim > 1), []).append(parameter)
    return [
        {
            "params": parameters,
            "peak": hyperparameters.learning_rate * (hyperparameters.backbone_rate if backbone else 1.0),
            "weight_decay": hyperparameters.weight_decay if decayed else 0.0,
        }
        for (backbone, decayed), parameters in groups.items()
    ]


def keep_depthwise_in_float32(network: nn.Module) -> None:
    """Run convolutions of one channel a group in float32 under a CPU's autocast.

    The CPU has no fast bfloat16 kernel for the gradient of their filters: 46 ms against 7 for 672 channels of 24×24
    and 5×5 filters, four pictures; the forward pass costs the same.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1:
            # In place of the method, which mypy forbids on principle: a hook cannot end the autocast around a module.
            module.forward = functools.partial(_in_float32, module.forward)  # type: ignore[method-assign]


def _in_float32(forward: Callable[[torch.Tensor], Any], input: torch.Tensor) -> Any:
    if input.device.type != "cpu":
        return forward(input)
    with torch.autocast("cpu", enabled=False):
        return forward(input.float())
