"""How a semantic model learns: cross-entropy over pixels."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import Dataset

from container.datasets import coco
from container.datasets.coco import Photo
from container.datasets.label_maps import IGNORED, label_map
from container.engines.kinds.torchvision_segmentation import NORMALISE
from container.errors import DataError
from container.training.augment import View
from container.training.hyperparameters import Hyperparameters
from container.training.objects import Item
from container.training.pixels import read_pixels

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
        photo = self._photos[index]
        truth = torch.from_numpy(label_map(photo, self._labels))[None]
        pixels, _, seen = self._view(read_pixels(photo), masks=truth)
        assert seen is not None
        return pixels.float() / 255, {"map": seen[0]}


class SegmentationTask:
    """Learning the class of each pixel."""

    def prepare(self, network: Any, hyperparameters: Hyperparameters) -> None:
        """Nothing to do: semantic models take any size."""

    def usable(self, folders: dict[str, coco.Dataset]) -> dict[str, coco.Dataset]:
        """Those photos whose objects all have masks; DataError where there is none."""
        masked = {
            name: replace(dataset, photos=tuple(photo for photo in dataset.photos if photo.masked))
            for name, dataset in folders.items()
        }
        left = {name: dataset for name, dataset in masked.items() if dataset.photos}
        if not left:
            raise DataError("a semantic model learns from masks, and no photo of the training data has any")
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
        truth = torch.stack([target["map"] for _, target in items]).to(device, torch.int64)
        outputs = network(((pictures - mean) / std).contiguous(memory_format=torch.channels_last))
        losses = {"loss_pixels": _cross_entropy(outputs["out"], truth)}
        if "aux" in outputs:
            losses["loss_auxiliary"] = AUXILIARY * _cross_entropy(outputs["aux"], truth)
        return losses


def _cross_entropy(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    # Networks may answer at a part of the size.
    resized = F.interpolate(logits.float(), truth.shape[-2:], mode="bilinear", align_corners=False)
    return F.cross_entropy(resized, truth, ignore_index=IGNORED)
