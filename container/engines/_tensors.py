"""Between pictures as arrays and pictures as tensors."""

import numpy as np
import torch

# A picture of 1×20000 whose shorter side is brought to 800 would be 16 million pixels long; beyond this ratio of its
# sides a picture gets a black margin, which no photo needs.
MAX_ASPECT = 40


def pad_slim(pixels: np.ndarray) -> np.ndarray:
    """`pixels` with a black margin at the right or the bottom where its sides differ more than MAX_ASPECT times."""
    height, width = pixels.shape[:2]
    shortest = -(-max(height, width) // MAX_ASPECT)
    bottom, right = max(0, shortest - height), max(0, shortest - width)
    if not bottom and not right:
        return pixels
    return np.pad(pixels, ((0, bottom), (0, right), (0, 0)))


def to_tensor(pixels: np.ndarray, device: torch.device) -> torch.Tensor:
    """uint8 H×W×3 as float32 3×H×W in 0–1 on `device`, as torchvision's to_tensor makes it."""
    return torch.from_numpy(pixels).to(device).permute(2, 0, 1).float().div_(255)


def to_array(tensor: torch.Tensor) -> np.ndarray:
    """A tensor as a numpy array of its own type, on the CPU."""
    return tensor.detach().cpu().numpy()
