"""The items of a run with the worst faults as one picture: what was found on each, and what was missed dashed."""

import json
from typing import NamedTuple

import numpy as np

from container.errors import ServingError
from container.evaluation.detection import DetectionReport
from container.evaluation.faults import CONFIDENCE, Faults
from container.images.base import Limits
from container.images.decode import decode
from container.ops import rle
from container.rendering import draw
from container.rendering.annotations import draw_dashed
from container.rendering.contact_sheet import contact_sheet
from container.rendering.palette import WHITE
from container.rendering.text import fit, font_size
from container.scoring.masks import MaskError, read_mask
from container.scoring.objects import Object, read_objects
from container.scoring.stored import KINDS, Stored, box_of
from container.store import annotations, items
from container.store.annotations import Owner
from container.store.database import Connection
from container.store.items import Item
from container.store.store import Store
from container.structures import Appearance, Instances
from container.structures.masks import Crop, CroppedMasks

WORST, COLUMNS, CELL = 12, 4, (300, 400)
LIMITS = Limits(max_pixels=2**27, max_body_bytes=2**29)
MAX_FRAME = 800  # pixels on a side of what is drawn where there is no picture
FAR = 1e5  # pixels; what lies beyond is out of sight, and too large a number to draw
GROUND = 236  # grey of such a frame


def worst(store: Store, connection: Connection, stored: Stored, report: DetectionReport) -> np.ndarray:
    """Return the items with the worst faults, the worst first: uint8 H×W×3 RGB.

    A picture that the store has not is an empty frame with its address.
    """
    places = sorted(range(len(report.faults)), key=lambda i: -report.faults[i].weight)[:WORST]
    keys = stored.sample.images[places].tolist()
    by_key = {item.key: item for item in items.by_keys(connection, keys)}
    found = annotations.of_items(connection, Owner(stored.run.key), keys)
    sheet = _Sheet(store, stored)
    pictures, captions = [], []
    for place, key in zip(places, keys, strict=True):
        faults, (height, width) = report.faults[place], stored.sizes[place].tolist()
        shown = [one for one in read_objects(found[key]) if one.kind in KINDS[stored.iou_type]]
        pictures.append(sheet.item(by_key[key], (height, width), shown, faults))
        captions.append(f"{by_key[key].reference_id}: {faults.words}")
    return contact_sheet(pictures, captions, COLUMNS, CELL)


class _Canvas(NamedTuple):
    """What is drawn on, and how many of its pixels one of the item is."""

    pixels: np.ndarray
    scale: float


class _Sheet:
    """Draws items."""

    def __init__(self, store: Store, stored: Stored) -> None:
        self._store = store
        self._masks = stored.iou_type == "segm"
        self._classes = {label: i for i, label in enumerate(stored.sample.labels)}

    def item(self, item: Item, size: tuple[int, int], found: list[Object], faults: Faults) -> np.ndarray:
        """Return an item with what was found on it with confidence, and what was missed."""
        canvas = self._canvas(item, size)
        sure = [one for one in found if one.confidence is not None and one.confidence >= CONFIDENCE]
        drawn = draw(canvas.pixels, self._instances(canvas, sure), Appearance())
        draw_dashed(drawn, np.clip(faults.missed * canvas.scale, -FAR, FAR))
        return drawn

    def _canvas(self, item: Item, size: tuple[int, int]) -> _Canvas:
        if item.blob is not None:
            try:
                with self._store.blobs.open(item.blob) as file:
                    return _Canvas(decode(file.read(), LIMITS).pixels, 1.0)
            except ServingError:
                pass  # what was uploaded is no picture that can be read
        scale = min(1.0, MAX_FRAME / max(size))
        height, width = (max(1, round(side * scale)) for side in size)
        pixels = np.full((height, width, 3), GROUND, np.uint8)
        document = json.loads(item.payload)
        address = str(document.get("image_url") or document.get("image_location") or "")
        letters = font_size((height, width))
        if chip := fit(address[-200:], letters, (height, width)):
            chip.draw(pixels, 0, height - chip.height, WHITE)
        return _Canvas(pixels, scale)

    def _instances(self, canvas: _Canvas, found: list[Object]) -> Instances:
        size = canvas.pixels.shape[:2]
        masks = {one.mask or "": self._mask(one.mask) for one in found if one.mask}
        boxes = [box_of(one, masks.get(one.mask or "")) for one in found]
        crops = [Crop.of(_bitmap(one, masks.get(one.mask or ""), canvas)) for one in found] if self._masks else []
        return Instances(
            image_size=(size[0], size[1]),
            boxes=np.clip(np.array(boxes, np.float64).reshape(-1, 4) * canvas.scale, -FAR, FAR).astype(np.float32),
            scores=np.array([one.confidence for one in found], np.float32),
            classes=np.array([self._classes.get(one.label, 0) for one in found], np.int64),
            labels=tuple(one.label for one in found),
            masks=CroppedMasks(tuple(crops), (size[0], size[1])) if self._masks else None,
        )[np.argsort([-(one.confidence or 0) for one in found], kind="stable")]

    def _mask(self, sha256: str) -> np.ndarray | None:
        try:
            with self._store.blobs.open(sha256) as file:
                return read_mask(file)
        except (MaskError, ServingError):
            return None


def _bitmap(one: Object, mask: np.ndarray | None, canvas: _Canvas) -> np.ndarray:
    """Return the pixels of the canvas that a polygon or a segment covers."""
    height, width = canvas.pixels.shape[:2]
    if one.kind == "polygon":
        points = np.clip(one.shape * canvas.scale, -FAR, FAR)
        return rle.from_segmentation([points.ravel().tolist()], (height, width))
    if mask is None:
        return np.zeros((height, width), bool)
    rows, columns = (
        np.minimum((np.arange(side) / canvas.scale).astype(int), limit - 1)
        for side, limit in zip((height, width), mask.shape, strict=True)
    )
    return np.asarray(mask[rows[:, None], columns] == one.shape)
