"""Random views of a photo and of what is drawn on it: large-scale jitter, flips, colour."""

from typing import Any

import torch
from torchvision import tv_tensors
from torchvision.transforms import v2

GREY = 127


class View:
    """A square of one size out of a photo (large-scale jitter: Ghiasi et al. 2021, arXiv:2012.07177)."""

    def __init__(self, size: int, scales: tuple[float, float], mask_fill: int) -> None:
        """Args:
        size: side in pixels.
        scales: range of the photo's longer side, in parts of `size`; what is over is cropped, what is short is grey.
        mask_fill: value of masks where there is no photo.
        """
        fill: dict[Any, Any] = {tv_tensors.Image: GREY, tv_tensors.Mask: mask_fill, "others": 0}
        self._geometry = v2.Compose(
            [
                v2.ScaleJitter((size, size), scales),
                v2.RandomCrop(size, pad_if_needed=True, fill=fill),
                v2.RandomHorizontalFlip(),
            ]
        )
        self._colour = v2.Compose(
            [
                v2.RandomApply([v2.ColorJitter(brightness=0.4, contrast=0.4, saturation=0.4)], p=0.7),
                v2.RandomGrayscale(p=0.05),
            ]
        )

    def __call__(
        self, pixels: torch.Tensor, boxes: torch.Tensor | None = None, masks: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        """The same view of uint8 3×H×W pixels, N×4 xyxy boxes and N×H×W masks; what is None stays None."""
        marks: dict[str, torch.Tensor] = {}
        if boxes is not None:
            size = (pixels.shape[1], pixels.shape[2])
            marks["boxes"] = tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=size)
        if masks is not None:
            marks["masks"] = tv_tensors.Mask(masks)
        seen, marks = self._geometry(tv_tensors.Image(pixels), marks)
        plain = {name: mark.as_subclass(torch.Tensor) for name, mark in marks.items()}
        return self._colour(seen).as_subclass(torch.Tensor), plain.get("boxes"), plain.get("masks")
