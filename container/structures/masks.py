"""Instance masks in four representations: low-resolution probabilities with boxes, full bitmaps, crops, a class map.

Of any of them, `PlacedMasks` are those of a part of an image in the image, `CutMasks` those of an image in a part of
it, and `JoinedMasks` several together.

All have the same interface: the bitmap of an instance inside its box (`crop`), in the whole image (`bitmap`), as COCO
RLE (`rle`), as polygons (`polygons`) and as one outer line (`outline`). Masks are upsampled to image size only on
demand.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from container.ops import paste, polygons, rle
from container.structures.options import MaskDecodeMode


class Masks(ABC):
    """The masks of N instances of one image."""

    image_size: tuple[int, int]  # (height, width)

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, keep: np.ndarray) -> Self:
        """Return the masks selected by an index array or a boolean array."""

    @abstractmethod
    def crop(self, i: int) -> tuple[np.ndarray, int, int]:
        """Return mask i as (bool h×w, x, y): its crop of the image and the top left corner; h or w may be 0."""

    def bitmap(self, i: int) -> np.ndarray:
        """Return mask i as bool H×W."""
        crop, x, y = self.crop(i)
        full = np.zeros(self.image_size, bool)
        full[y : y + crop.shape[0], x : x + crop.shape[1]] = crop
        return full

    def rle(self, i: int) -> dict[str, object]:
        """Return mask i as COCO's compressed RLE: {"size": [H, W], "counts": str}."""
        return rle.encode(*self.crop(i), self.image_size)

    def polygons(self, i: int) -> list[list[float]]:
        """Return mask i as polygons, each [x0, y0, x1, y1, …] in pixels."""
        return polygons.trace(*self.crop(i))

    def outline(self, i: int) -> np.ndarray:
        """Return the outer line of the largest part of mask i: int32 N×2 of (x, y) in pixels, N 0 if it is empty."""
        return polygons.outline(*self.crop(i))


@dataclass(frozen=True)
class RoiMasks(Masks):
    """Masks as the output of a mask head: probabilities on a small grid over each box."""

    probabilities: np.ndarray  # float32 N×M×M, M = 28 in torchvision
    boxes: np.ndarray  # float32 N×4 xyxy in pixels of the image
    image_size: tuple[int, int]
    mode: MaskDecodeMode = "accurate"
    tradeoff_factor: float = 0.0

    def __len__(self) -> int:
        return len(self.probabilities)

    def __getitem__(self, keep: np.ndarray) -> "RoiMasks":
        return RoiMasks(self.probabilities[keep], self.boxes[keep], self.image_size, self.mode, self.tradeoff_factor)

    def crop(self, i: int) -> tuple[np.ndarray, int, int]:
        fineness = {"accurate": 1.0, "fast": 0.0}.get(self.mode, self.tradeoff_factor)
        return paste.paste(self.probabilities[i], self.boxes[i], self.image_size, fineness)


@dataclass(frozen=True)
class Bitmasks(Masks):
    """Masks at full image size."""

    bitmaps: np.ndarray  # bool N×H×W

    @property
    def image_size(self) -> tuple[int, int]:  # type: ignore[override]  # derived here, stored in RoiMasks
        return self.bitmaps.shape[1], self.bitmaps.shape[2]

    def __len__(self) -> int:
        return len(self.bitmaps)

    def __getitem__(self, keep: np.ndarray) -> "Bitmasks":
        return Bitmasks(self.bitmaps[keep])

    def crop(self, i: int) -> tuple[np.ndarray, int, int]:
        left, top, right, bottom = tight_box(self.bitmaps[i])
        return self.bitmaps[i, top:bottom, left:right], left, top


class Crop(NamedTuple):
    """The part of a bitmap that is not empty."""

    bits: np.ndarray  # uint8, a bit a pixel: 256 masks of 12 megapixels take up to 400 MB, where bool takes 3.2 GB
    box: tuple[int, int, int, int]  # xyxy in pixels of the image

    @classmethod
    def of(cls, bitmap: np.ndarray, x: int = 0, y: int = 0) -> "Crop":
        """Cut the part out of bool H×W that lies at (x, y) of the image."""
        left, top, right, bottom = tight_box(bitmap)
        return cls(np.packbits(bitmap[top:bottom, left:right]), (left + x, top + y, right + x, bottom + y))


@dataclass(frozen=True)
class CroppedMasks(Masks):
    """Masks cut out of the image, each at a place of its own."""

    crops: tuple[Crop, ...]
    image_size: tuple[int, int]

    def __len__(self) -> int:
        return len(self.crops)

    def __getitem__(self, keep: np.ndarray) -> "CroppedMasks":
        return CroppedMasks(tuple(self.crops[i] for i in np.arange(len(self))[keep]), self.image_size)

    def crop(self, i: int) -> tuple[np.ndarray, int, int]:
        bits, (left, top, right, bottom) = self.crops[i]
        shape = bottom - top, right - left
        return np.unpackbits(bits, count=shape[0] * shape[1]).reshape(shape).view(bool), left, top


@dataclass(frozen=True)
class LabelMapMasks(Masks):
    """Masks of the classes in a class map; each is computed on demand, within its box."""

    class_ids: np.ndarray  # H×W
    classes: np.ndarray  # N, the class of each mask
    boxes: np.ndarray  # integers N×4 xyxy, tight around the pixels of each class

    @property
    def image_size(self) -> tuple[int, int]:  # type: ignore[override]  # derived here, stored in RoiMasks
        return self.class_ids.shape[0], self.class_ids.shape[1]

    def __len__(self) -> int:
        return len(self.classes)

    def __getitem__(self, keep: np.ndarray) -> "LabelMapMasks":
        return LabelMapMasks(self.class_ids, self.classes[keep], self.boxes[keep])

    def crop(self, i: int) -> tuple[np.ndarray, int, int]:
        left, top, right, bottom = self.boxes[i].tolist()
        return self.class_ids[top:bottom, left:right] == self.classes[i], left, top


@dataclass(frozen=True)
class PlacedMasks(Masks):
    """Masks of an image that is a part of another, in the other."""

    masks: Masks
    x: int  # of the part's top left corner
    y: int
    image_size: tuple[int, int]

    def __len__(self) -> int:
        return len(self.masks)

    def __getitem__(self, keep: np.ndarray) -> "PlacedMasks":
        return PlacedMasks(self.masks[keep], self.x, self.y, self.image_size)

    def crop(self, i: int) -> tuple[np.ndarray, int, int]:
        crop, x, y = self.masks.crop(i)
        return crop, x + self.x, y + self.y


@dataclass(frozen=True)
class CutMasks(Masks):
    """Masks of an image in a part of it, which may reach beyond it."""

    masks: Masks
    rows: np.ndarray  # int64 N, which of the masks; indexing them instead would copy full bitmaps
    box: tuple[int, int, int, int]  # the part, xyxy in pixels of the image

    @classmethod
    def of(cls, masks: Masks, box: tuple[int, int, int, int]) -> "CutMasks":
        """Cut all masks to a part of their image; of what is cut already, the part lies in the first image."""
        if isinstance(masks, CutMasks):
            height, width = masks.image_size
            left, top, right, bottom = box
            if 0 <= left <= right <= width and 0 <= top <= bottom <= height:
                x, y = masks.box[:2]
                return cls(masks.masks, masks.rows, (left + x, top + y, right + x, bottom + y))
        return cls(masks, np.arange(len(masks)), box)

    @property
    def image_size(self) -> tuple[int, int]:  # type: ignore[override]  # derived here, stored in RoiMasks
        left, top, right, bottom = self.box
        return bottom - top, right - left

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, keep: np.ndarray) -> "CutMasks":
        return CutMasks(self.masks, self.rows[keep], self.box)

    def crop(self, i: int) -> tuple[np.ndarray, int, int]:
        crop, x, y = self.masks.crop(int(self.rows[i]))
        left, top, right, bottom = self.box
        height, width = crop.shape
        part = crop[
            min(max(top - y, 0), height) : max(bottom - y, 0),
            min(max(left - x, 0), width) : max(right - x, 0),
        ]
        return part, min(max(x, left), right) - left, min(max(y, top), bottom) - top


@dataclass(frozen=True)
class JoinedMasks(Masks):
    """Masks of one image from several sources."""

    sources: tuple[Masks, ...]
    rows: np.ndarray  # int64 N×2: the source of each, and its place there
    image_size: tuple[int, int]

    @classmethod
    def of(cls, sources: Sequence[Masks], image_size: tuple[int, int]) -> "JoinedMasks":
        """Join all masks of the sources, one source after the other; joined ones are taken apart."""
        parts: list[Masks] = []
        rows = [np.zeros((0, 2), np.int64)]

        def place(source: Masks) -> int:
            known = next((i for i, one in enumerate(parts) if one is source), None)
            if known is None:
                parts.append(source)
            return len(parts) - 1 if known is None else known

        for one in sources:
            if isinstance(one, JoinedMasks):
                used, numbers = np.unique(one.rows[:, 0], return_inverse=True)
                places = np.array([place(one.sources[i]) for i in used], np.int64)
                rows.append(np.stack([places[numbers], one.rows[:, 1]], axis=1))
            else:
                rows.append(np.stack([np.full(len(one), place(one)), np.arange(len(one))], axis=1))
        return cls(tuple(parts), np.concatenate(rows), image_size)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, keep: np.ndarray) -> "JoinedMasks":
        return JoinedMasks(self.sources, self.rows[keep], self.image_size)

    def crop(self, i: int) -> tuple[np.ndarray, int, int]:
        source, row = self.rows[i]
        return self.sources[int(source)].crop(int(row))


def tight_box(bitmap: np.ndarray) -> tuple[int, int, int, int]:
    """Return the xyxy box around the true pixels of a bool H×W bitmap; 0, 0, 0, 0 if there are none."""
    rows, columns = (np.flatnonzero(bitmap.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return 0, 0, 0, 0
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
