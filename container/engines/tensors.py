"""Between pictures as arrays and pictures as tensors."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torchvision.models.detection.image_list import ImageList

# A picture of 1×20000 whose shorter side is brought to 800 would be 16 million pixels long; beyond this ratio of its
# sides a picture gets a black margin, which no photo needs.
MAX_ASPECT = 40
_MAX_SIDE = 32_768  # pixels of a side that gets a margin, which is 80 MB then; 1×1,000,000 would get 75 GB


def thinning(shape: tuple[int, ...]) -> tuple[int, int]:
    """Of which rows and columns of a picture the network is shown one only: (1, 1), but where it is slim and long."""
    height, width = shape[:2]
    longest = max(height, width)
    step = -(-longest // _MAX_SIDE) if longest > MAX_ASPECT * min(height, width) else 1
    return (step, 1) if height > width else (1, step)


def pad_slim(pixels: np.ndarray) -> np.ndarray:
    """`pixels`, thinned out, with a black margin right or below where the sides differ over MAX_ASPECT times."""
    down, across = thinning(pixels.shape)
    pixels = pixels[::down, ::across]
    height, width = pixels.shape[:2]
    shortest = -(-max(height, width) // MAX_ASPECT)
    bottom, right = max(0, shortest - height), max(0, shortest - width)
    if not bottom and not right:
        return pixels
    return np.pad(pixels, ((0, bottom), (0, right), (0, 0)))


def network_input(
    pictures: Sequence[np.ndarray], transform: Any, device: torch.device
) -> tuple[ImageList, list[tuple[int, int]]]:
    """What a detector's `transform` makes of pictures of any sizes, to rounding, in one batch; slim ones are padded.

    Also the (height, width) of each picture as it was padded, which boxes are in once they are resized.
    """
    padded = [pad_slim(picture) for picture in pictures]
    resized = [_resized(picture, transform, device) for picture in padded]
    sizes = [(one.shape[-2], one.shape[-1]) for one in resized]
    return ImageList(transform.batch_images(resized, transform.size_divisible), sizes), [p.shape[:2] for p in padded]


def _resized(picture: np.ndarray, transform: Any, device: torch.device) -> torch.Tensor:
    """A picture at the network's size, normalised; one that shrinks is never copied whole as float."""
    mean, std = (
        torch.tensor(values, device=device)[:, None, None] for values in (transform.image_mean, transform.image_std)
    )
    height, width = picture.shape[:2]
    scale = min(transform.min_size[-1] / min(height, width), transform.max_size / max(height, width))
    if scale <= 0.5 and transform.fixed_size is None:  # four pixels are read for each that is made
        return shrink(picture, (int(height * scale), int(width * scale)), device).sub_(mean).div_(std)
    resized: torch.Tensor = transform.resize(to_tensor(picture, device).sub_(mean).div_(std), None)[0]
    return resized


def to_tensor(pixels: np.ndarray, device: torch.device) -> torch.Tensor:
    """uint8 H×W×3 as float32 3×H×W in 0–1 on `device`, as torchvision's to_tensor makes it."""
    return torch.from_numpy(pixels).to(device).permute(2, 0, 1).float().div_(255)


def shrink(pixels: np.ndarray, size: tuple[int, int], device: torch.device) -> torch.Tensor:
    """uint8 H×W×3 as float32 3×height×width in 0–1 at the smaller `size`, as torch's bilinear `interpolate` makes it.

    That reads four pixels for each it makes, so the others need not become floats: a picture of 50 million pixels
    takes 15 ms and 25 MB instead of 345 ms and 600 MB, 4K 19 ms instead of 86. Values differ by rounding, 1e-6.
    """
    rows, down = _neighbours(pixels.shape[0], size[0], device)
    columns, across = _neighbours(pixels.shape[1], size[1], device)
    picture = torch.from_numpy(pixels).to(device)

    def stretched(row: torch.Tensor) -> torch.Tensor:
        line = picture[row]
        return torch.lerp(line[:, columns[0]].float(), line[:, columns[1]].float(), across[:, None])

    upper, lower = stretched(rows[0]), stretched(rows[1])
    return torch.lerp(upper, lower, down[:, None, None]).permute(2, 0, 1).div_(255)


def _neighbours(full: int, small: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """For each of `small` places along a side of `full` pixels: the pixels before and after it, and how far between."""
    place = (torch.arange(small, dtype=torch.float32, device=device) + 0.5).mul_(full / small).sub_(0.5).clamp_(min=0)
    before = place.long().clamp_(max=full - 1)
    return torch.stack([before, (before + 1).clamp_(max=full - 1)]), place - before


def to_array(tensor: torch.Tensor) -> np.ndarray:
    """A tensor as a numpy array of its own type, on the CPU."""
    return tensor.detach().cpu().numpy()
