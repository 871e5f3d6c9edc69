"""How a semantic model learns: cross-entropy over pixels."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import Dataset

from container.datasets import base
from container.datasets.base import Photo
from container.datasets.label_maps import IGNORED, label_map
from container.engines.kinds.torchvision_segmentation import NORMALISE
from container.errors import DataError
from container.training import pixels
from container.training.augment import View
from container.training.hyperparameters import Hyperparameters
from container.training.objects import Item

AUXILIARY = 0.5  # weight of the auxiliary classifier's loss, as in torchvision's own training


class PixelSamples(Dataset[Item]):
    """Random views of photos with the class of each pixel: an item is float 3×H×W pixels and a target of one `map`."""

    def __init__(self, photos: Sequence[Photo], labels: Sequence[str], view: View) -> None:
        self._photos = photos
        self._labels = labels
        self._view = view

    def __len__(self) -> int:
        return len(self._photos)

    def __getitem__(self, index: int) -> Item:
        read, photo = pixels.read(self._photos[index])
        truth = torch.from_numpy(label_map(photo, self._labels))[None]
        view, _, seen = self._view(torch.from_numpy(read).permute(2, 0, 1), masks=truth)
        assert seen is not None
        return view.float() / 255, {"map": seen[0]}


class SegmentationTask:
    """Learning the class of each pixel."""

    def prepare(self, network: Any, hyperparameters: Hyperparameters) -> None:
        """Nothing to do: semantic models take any size."""

    def usable(self, folders: dict[str, base.Dataset]) -> dict[str, base.Dataset]:
        """Those photos whose objects all have masks; the others are noted. DataError where there is none."""
        for dataset in folders.values():
            for photo in dataset.photos:
                if not photo.masked:
                    dataset.account.note(
                        "photos with objects without a mask: a semantic model cannot use", photo.path.name
                    )
        masked = {
            name: replace(dataset, photos=tuple(photo for photo in dataset.photos if photo.masked))
            for name, dataset in folders.items()
        }
        left = {name: dataset for name, dataset in masked.items() if dataset.photos}
        if not left:
            reasons = "; ".join(dataset.account.reasons for dataset in folders.values())
            raise DataError(f"a semantic model learns from masks, and no photo has one for every object: {reasons}")
        return left

    def samples(self, photos: Sequence[Photo], labels: Sequence[str], hyperparameters: Hyperparameters) -> PixelSamples:
        """Random views of `photos`."""
        scales = (hyperparameters.scale_low, hyperparameters.scale_high)
        return PixelSamples(photos, labels, View(hyperparameters.image_size, scales, mask_fill=IGNORED))

    def losses(
        self, network: nn.Module, plain: Any, items: Sequence[Item], device: torch.device
    ) -> dict[str, torch.Tensor]:
        """Each loss of one batch by name."""
        mean, std = (torch.tensor(values, device=device)[:, None, None] for values in (NORMALISE.mean, NORMALISE.std))
        pictures = torch.stack([pixels for pixels, _ in items]).to(device, non_blocking=True)
        truth = torch.stack([target["map"] for _, target in items]).to(device, non_blocking=True)
        outputs = network(((pictures - mean) / std).contiguous(memory_format=torch.channels_last))
        losses = {"loss_pixels": _cross_entropy(outputs["out"], truth)}
        if "aux" in outputs:
            losses["loss_auxiliary"] = AUXILIARY * _cross_entropy(outputs["aux"], truth)
        return losses


def _cross_entropy(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """The loss at twice the size of `logits`, N×classes×h×w, or at that of `truth`, uint8 N×H×W, if that is less.

    At stride 8 and 448 pixels a step takes 0.6 s, at full size 1.5 s, for 46 classes on two cores.
    """
    size = [min(2 * own, full) for own, full in zip(logits.shape[-2:], truth.shape[-2:], strict=True)]
    resized = F.interpolate(logits.float(), size, mode="bilinear", align_corners=False)
    wanted = F.interpolate(truth[:, None], size, mode="nearest-exact")[:, 0].long()
    return F.cross_entropy(resized, wanted, ignore_index=IGNORED)
