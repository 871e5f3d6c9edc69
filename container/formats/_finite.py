"""What half precision made NaN or infinite is no detection, and JSON has no word for it."""

from dataclasses import replace

import numpy as np

from container.structures import Instances


def finite(instances: Instances) -> Instances:
    """The instances whose box and score are numbers; keypoints that are not become 0, 0, 0, COCO's absent point."""
    keep = np.isfinite(instances.boxes).all(axis=1) & np.isfinite(instances.scores)
    if not keep.all():  # indexing copies full-size bitmaps
        instances = instances[keep]
    if instances.keypoints is None:
        return instances
    known = np.isfinite(instances.keypoints).all(axis=2, keepdims=True)
    return replace(instances, keypoints=np.where(known, instances.keypoints, np.float32(0)))
