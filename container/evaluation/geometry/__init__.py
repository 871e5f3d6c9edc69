"""Which objects of an image overlap, and how much: boxes, polygons, cuboids, segments and masks, by IoU.

Degenerate objects match nothing: no area, coordinates whose areas overflow. None of it raises or warns.
"""

from container.evaluation.geometry.boxes import MAX_PAIRS, Overlap, TooManyPairs, box_overlaps
from container.evaluation.geometry.cuboids import cuboid_overlaps
from container.evaluation.geometry.masks import (
    MAX_PIXELS,
    index_masks,
    mask_areas,
    mask_overlaps,
    polygon_masks,
    segment_overlaps,
)
from container.evaluation.geometry.polygons import polygon_overlaps

__all__ = [
    "MAX_PAIRS",
    "MAX_PIXELS",
    "Overlap",
    "TooManyPairs",
    "box_overlaps",
    "cuboid_overlaps",
    "index_masks",
    "mask_areas",
    "mask_overlaps",
    "polygon_masks",
    "polygon_overlaps",
    "segment_overlaps",
]
