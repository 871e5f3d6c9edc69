"""Random views of a photo and of what is drawn on it: large-scale jitter, close-ups, flips, colour."""

import random
from typing import Any

import torch
from torchvision import tv_tensors
from torchvision.transforms import v2

GREY = 127
LEAST_CLOSE = 64  # pixels of the longer side of an object to see from close by: a smaller one is a blur
CLOSE = (0.55, 1.5)  # its longer side in parts of what is cut out around it; what is over 1 is cut off
OFF_CENTRE = 0.25  # how far its middle may be off that of the cut, in parts of the cut's side
CLOSE_SCALES = (0.8, 1.2)  # of the cut, as `scales` of the photo

Place = tuple[slice, slice]  # rows and columns


class View:
    """A square of one size out of a photo (large-scale jitter: Ghiasi et al. 2021, arXiv:2012.07177)."""

    def __init__(self, size: int, scales: tuple[float, float], mask_fill: int) -> None:
        """Args:
        size: side in pixels.
        scales: range of the photo's longer side, in parts of `size`; what is over is cropped, what is short is grey.
        mask_fill: value of masks where there is no photo.
        """
        fill: dict[Any, Any] = {tv_tensors.Image: GREY, tv_tensors.Mask: mask_fill, "others": 0}
        self._geometry, self._near = (
            v2.Compose(
                [
                    v2.ScaleJitter((size, size), jitter),
                    v2.RandomCrop(size, pad_if_needed=True, fill=fill),
                    v2.RandomHorizontalFlip(),
                ]
            )
            for jitter in (scales, CLOSE_SCALES)
        )
        self._colour = v2.Compose(
            [
                v2.RandomApply([v2.ColorJitter(brightness=0.4, contrast=0.4, saturation=0.4)], p=0.7),
                v2.RandomGrayscale(p=0.05),
            ]
        )

    def __call__(
        self,
        pixels: torch.Tensor,
        boxes: torch.Tensor | None = None,
        masks: torch.Tensor | None = None,
        near: bool = False,
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        """The same view of uint8 3×H×W pixels, N×4 xyxy boxes and N×H×W masks; what is None stays None.

        Args:
            near: show one of the boxes, drawn at random, from close by, where one is large enough.
        """
        geometry = self._geometry
        place = _around_one(boxes, pixels.shape[1], pixels.shape[2]) if near and boxes is not None else None
        if place is not None:
            geometry, pixels = self._near, pixels[:, *place]
            masks = None if masks is None else masks[:, *place]
        marks: dict[str, torch.Tensor] = {}
        if boxes is not None:
            size = (pixels.shape[1], pixels.shape[2])
            boxes = boxes if place is None else _within(boxes, place)
            marks["boxes"] = tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=size)
        if masks is not None:
            marks["masks"] = tv_tensors.Mask(masks)
        seen, marks = geometry(tv_tensors.Image(pixels), marks)
        plain = {name: mark.as_subclass(torch.Tensor) for name, mark in marks.items()}
        return self._colour(seen).as_subclass(torch.Tensor), plain.get("boxes"), plain.get("masks")


def _around_one(boxes: torch.Tensor, height: int, width: int) -> Place | None:
    """The part of a picture that lies in a square around one of N×4 boxes; None where all are small."""
    sides = (boxes[:, 2:] - boxes[:, :2]).amax(1) if len(boxes) else torch.zeros(0)
    large = (sides >= LEAST_CLOSE).nonzero().flatten().tolist()
    if not large:
        return None
    one = random.choice(large)
    side = sides[one].item() / random.uniform(*CLOSE)
    starts = (boxes[one, :2] + boxes[one, 2:]) / 2 - side / 2
    left, top = (start + random.uniform(-OFF_CENTRE, OFF_CENTRE) * side for start in starts.tolist())
    return _part(top, side, height), _part(left, side, width)


def _part(start: float, side: float, length: int) -> slice:
    """What of a side from `start` on lies in a picture of this length, at least a pixel."""
    first = min(max(0, round(start)), length - 1)
    return slice(first, max(first + 1, min(length, round(start + side))))


def _within(boxes: torch.Tensor, place: Place) -> torch.Tensor:
    """N×4 boxes as they lie in a part of their picture, cut off at its borders."""
    rows, columns = place
    ends = boxes.new_tensor([columns.stop - columns.start, rows.stop - rows.start] * 2)
    return (boxes - boxes.new_tensor([columns.start, rows.start] * 2)).clamp(boxes.new_zeros(4), ends)
