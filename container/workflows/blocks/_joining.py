"""Detections of one picture from several sources, and masks that become one."""

from collections.abc import Sequence

import numpy as np

from container.cancellation import checkpoint
from container.errors import BadRequest
from container.ops.overlap import Placed, union
from container.structures import Crop, CroppedMasks, Instances, JoinedMasks, Masks
from container.workflows.errors import StepFailed
from container.workflows.manifest import Step
from container.workflows.values import Detections, Frame, new_id

MAX_JOINED = 100_000  # each step that joins could double them
PIXELS = 32  # of a picture that take as much memory as a detection without its mask
BITS = 24  # pixels of a mask that take as much memory as one of a picture


def joined(parts: Sequence[Detections], frame: Frame, step: Step) -> Detections:
    """Return the detections of all parts, one after the other, in pixels of the picture `frame`.

    Members of `data` that some part lacks are left out, and an id that came before is replaced. Raises StepFailed if
    some have masks or keypoints and others have none, or if parts lie in another picture; BadRequest for too many.
    """
    count = sum(map(len, parts))
    if count > MAX_JOINED:
        raise BadRequest(
            f"there are {count:,} detections together; {MAX_JOINED:,} are allowed",
            hint="ask the model for fewer, by confidence or max_detections",
        )
    step.room(count * PIXELS)
    moved = [part.moved_to(frame) for part in parts if len(part)]
    if not moved:
        return nothing(frame, *parts)
    instances = [part.instances for part in moved]
    common = [name for name in moved[0].data if all(name in part.data for part in moved)]
    return Detections(
        Instances(
            frame.size,
            np.concatenate([one.boxes for one in instances]),
            np.concatenate([one.scores for one in instances]),
            np.concatenate([one.classes for one in instances]),
            tuple(label for one in instances for label in one.labels),
            _masks(instances, frame),
            _keypoints(instances),
        ),
        frame,
        _unique([name for part in moved for name in part.ids]),
        moved[0].inference_id,
        moved[0].rle,
        {name: tuple(value for part in moved for value in part.data[name]) for name in common},
    )


def nothing(frame: Frame, *like: Detections) -> Detections:
    """Return no detections in the picture `frame`."""
    none = Instances(frame.size, np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64), ())
    return Detections(none, frame, (), like[0].inference_id if like else "", like[0].rle if like else False)


def _unique(ids: Sequence[str]) -> tuple[str, ...]:
    first = {name: i for i, name in reversed([*enumerate(ids)])}
    return tuple(name if first[name] == i else new_id() for i, name in enumerate(ids))


def _masks(instances: Sequence[Instances], frame: Frame) -> JoinedMasks | None:
    masks = [one.masks for one in instances if one.masks is not None]
    if not masks:
        return None
    if len(masks) < len(instances):
        raise StepFailed(
            "some of the detections have masks and some have none", hint="take all from models of one task"
        )
    return JoinedMasks.of(masks, frame.size)


def _keypoints(instances: Sequence[Instances]) -> np.ndarray | None:
    points = [one.keypoints for one in instances if one.keypoints is not None]
    if not points:
        return None
    if len(points) < len(instances) or len({one.shape[1] for one in points}) > 1:
        raise StepFailed("detections have different numbers of keypoints", hint="take all from models of one task")
    return np.concatenate(points)


def united(masks: Masks, members: list[list[int]], step: Step) -> JoinedMasks:
    """Return the union of the masks of each group; a mask alone stays as it is."""
    unions, rows = list[Crop](), list[int]()
    for group in members:
        if len(group) == 1:
            rows.append(group[0])
            continue
        checkpoint()
        bitmap, x, y = masks.crop(group[0])
        for other in group[1:]:
            bitmap, x, y = union([(bitmap, x, y), masks.crop(other)])
        rows.append(len(masks) + len(unions))
        unions.append(packed((bitmap, x, y), step))
    both = JoinedMasks.of([masks, CroppedMasks(tuple(unions), masks.image_size)], masks.image_size)
    return both[np.array(rows, np.int64)]


def packed(bitmap: Placed, step: Step) -> Crop:
    """Return a bitmap to keep; raises PayloadTooLarge if a request keeps too many."""
    step.room(bitmap[0].size // BITS + 1)
    return Crop.of(*bitmap)
