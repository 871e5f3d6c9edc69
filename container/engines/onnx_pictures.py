"""How the encoder of an ONNX pair takes a picture: by layout, type, size and normalisation.

No torch: the process that tries a pair (`graph_trial`) imports this, too.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from container.engines.onnx_parameters import Parameters
from container.engines.openvino_core import openvino
from container.errors import ModelError

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)  # of Segment Anything
USUAL_SIDE = 1024  # of the square that an encoder sees
# OpenVINO gives bfloat16 the type of float16.
_NUMPY_TYPES = {"f64", "f32", "f16", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "boolean"}


@dataclass(frozen=True)
class ImageInput:
    """What an encoder takes."""

    name: str
    dtype: np.dtype[Any]
    rank: int  # 4 with a batch dimension, else 3
    channels_last: bool
    size: tuple[int, int] | None  # (height, width) to which a picture is padded; None: it is not
    long_side: int  # to which a picture is resized, and of the square that points and masks lie in
    mean: np.ndarray  # float32 3, of values 0–255
    std: np.ndarray | None  # float32 3; None if the graph takes 0–255: only the margin has the mean

    def fitted(self, height: int, width: int) -> tuple[int, int]:
        """Return the (height, width) to which a picture is resized, as Meta's ResizeLongestSide rounds them."""
        scale = self.long_side / max(height, width)
        if self.size is not None:
            scale = min(scale, self.size[0] / height, self.size[1] / width)
        return max(1, int(height * scale + 0.5)), max(1, int(width * scale + 0.5))

    def filled(self, picture: np.ndarray) -> np.ndarray:
        """Return a resized uint8 h×w×3 picture as the encoder takes it."""
        height, width = self.size or picture.shape[:2]
        if self.std is not None:
            canvas = np.zeros((height, width, 3), np.float32)
            canvas[: picture.shape[0], : picture.shape[1]] = (picture - self.mean) / self.std
        else:
            whole = np.issubdtype(self.dtype, np.integer)
            canvas = np.empty((height, width, 3), np.float32)
            canvas[:] = self.mean.round() if whole else self.mean
            canvas[: picture.shape[0], : picture.shape[1]] = picture
        ordered = canvas if self.channels_last else canvas.transpose(2, 0, 1)
        return np.ascontiguousarray(ordered[None] if self.rank == 4 else ordered, self.dtype)


def image_input(encoder: Any, name: str, parameters: Parameters) -> ImageInput:
    """Return what an encoder takes, and fix its batch of 1, and the sides to which pictures are padded."""
    if len(encoder.inputs) != 1:
        raise ModelError(f"{name} takes {len(encoder.inputs)} inputs; an image encoder takes one, the picture")
    port = encoder.inputs[0]
    shape, dtype = port.get_partial_shape(), dtype_of(port, name)
    rank = len(parameters.layout) or (4 if shape.rank.is_dynamic else len(shape))
    if rank not in (3, 4) or not shape.compatible(openvino.PartialShape([-1] * rank)):
        raise ModelError(f"{name} takes {shape}; an image encoder takes a picture, NCHW, CHW, NHWC or HWC")
    last = parameters.layout[-1] == "C" if parameters.layout else lengths(shape, rank)[-1] == 3
    sides = lengths(shape, rank)
    channels = sides.pop(-1 if last else -3)
    height, width = sides[-2:]
    one_free = (height < 0) != (width < 0)
    if channels not in (3, -1) or one_free or rank == 4 and sides[0] not in (1, -1):
        layout = parameters.layout or ("NHWC", "NCHW")[not last][-rank:]
        raise ModelError(
            f"{name} takes {shape}, which is no {layout} of one picture; the parameter layout names another"
        )
    raw = parameters.std is None and parameters.mean is None and (last or dtype == np.uint8)
    if dtype == np.uint8 and not raw:
        raise ModelError(f"{name} takes whole numbers of 0 to 255, so the parameters mean and std have no use")
    fixed = max(height, width)
    long_side = parameters.long_side or (fixed if fixed > 0 else USUAL_SIDE)
    if fixed > 0 and long_side > fixed:
        raise ModelError(f"the parameter long_side is {long_side}, and {name} takes pictures of {height}×{width}")
    padded = tuple(long_side if side < 0 else side for side in (height, width))
    as_resized = raw and -1 in (height, width)
    fitted = [openvino.Dimension(1, long_side)] * 2 if as_resized else list(padded)
    at = [1] * (rank == 4) + (fitted + [3] if last else [3] + fitted)
    encoder.reshape({port: openvino.PartialShape(at)})
    return ImageInput(
        name=port.get_any_name(),
        dtype=dtype,
        rank=rank,
        channels_last=last,
        size=None if as_resized else (padded[0], padded[1]),
        long_side=long_side,
        mean=np.array(parameters.mean or MEAN, np.float32),
        std=None if raw else np.array(parameters.std or STD, np.float32),
    )


def names_of(ports: Any) -> dict[str, Any]:
    return {name: port for port in ports for name in port.get_names()}


def lengths(shape: Any, usual_rank: int) -> list[int]:
    """Return the lengths of a shape's dimensions, -1 for those that are free."""
    if shape.rank.is_dynamic:
        return [-1] * usual_rank
    return [-1 if dimension.is_dynamic else dimension.get_length() for dimension in shape]


def dtype_of(port: Any, name: str) -> np.dtype[Any]:
    kind = port.get_element_type()
    if kind.get_type_name() not in _NUMPY_TYPES:
        raise ModelError(f"{name} takes {port.get_any_name()} of type {kind.get_type_name()}, which NumPy has not")
    dtype: np.dtype[Any] = np.dtype(kind.to_dtype())
    return dtype
