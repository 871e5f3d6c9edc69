"""How a detector learns: torchvision's own losses, with masks or without."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from container.datasets.base import Dataset, Photo
from container.errors import ModelError
from container.training.augment import View
from container.training.hyperparameters import Hyperparameters
from container.training.objects import Item, ObjectSamples


class DetectionTask:
    """Learning boxes, and masks where the network has a head for them and the photos of a batch have some."""

    def prepare(self, network: Any, hyperparameters: Hyperparameters) -> None:
        """Let the network take views of the training size as they are; ModelError where it cannot learn from boxes."""
        heads = getattr(network, "roi_heads", None)
        if heads is not None and heads.has_keypoint():
            raise ModelError("keypoint models are not trained here; a detector, Mask R-CNN or a semantic model is")
        size = hyperparameters.image_size
        if getattr(network.transform, "fixed_size", None) is None:
            network.transform.min_size, network.transform.max_size = (size,), size

    def usable(self, folders: dict[str, Dataset]) -> dict[str, Dataset]:
        """All of them: photos without masks teach boxes."""
        return folders

    def samples(
        self, photos: Sequence[Photo], labels: Sequence[str], hyperparameters: Hyperparameters
    ) -> ObjectSamples:
        """Random views of `photos`."""
        return ObjectSamples(photos, labels, *self.seen(hyperparameters))

    def seen(self, hyperparameters: Hyperparameters) -> tuple[View, float, float]:
        """How ObjectSamples are to look at photos: view, share of copy-paste, and of close-ups."""
        scales = (hyperparameters.scale_low, hyperparameters.scale_high)
        view = View(hyperparameters.image_size, scales, mask_fill=0)
        return view, hyperparameters.copy_paste, hyperparameters.close_ups

    def losses(
        self, network: nn.Module, plain: Any, items: Sequence[Item], device: torch.device
    ) -> dict[str, torch.Tensor]:
        """Each loss of one batch by name.

        Args:
            network: what is called, which may be wrapped for several GPUs.
            plain: the same without the wrapper.
        """
        pictures = [pixels.to(device, non_blocking=True) for pixels, _ in items]
        targets = [{k: v.to(device, non_blocking=True) for k, v in target.items()} for _, target in items]
        with _mask_head(plain, all("masks" in target for target in targets)):
            losses: dict[str, torch.Tensor] = network(pictures, targets)
        return losses


@contextmanager
def _mask_head(network: Any, used: bool) -> Iterator[None]:
    """The network with its mask head, or as if it had none."""
    heads = getattr(network, "roi_heads", None)
    if used or heads is None or not heads.has_mask():
        yield
        return
    pool = heads.mask_roi_pool
    heads.mask_roi_pool = None
    try:
        yield
    finally:
        heads.mask_roi_pool = pool
