"""Values of a workflow as the JSON of its outputs. Source of the shapes: the answers that `inference_sdk` reads."""

import base64
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol, runtime_checkable

import numpy as np

from container.cancellation import checkpoint
from container.errors import PayloadTooLarge
from container.formats.pictures import jpeg_file
from container.structures import Instances
from container.structures.keypoints import keypoint_names
from container.structures.strict_json import dump, join_array, join_object, numbers, points
from container.workflows.values import Detections, Frame, Picture, Place

MAX_ANSWER = 256 * 1024 * 1024  # bytes of the outputs of one request
JPEG_QUALITY = 95


@runtime_checkable
class Serialisable(Protocol):
    """A value of a block's own, such as the classes of a picture."""

    def document(self, own: bool) -> Any:
        """Return it as a value of JSON, in coordinates of its picture if `own`, else of the request's."""
        ...


class Serialiser:
    """Makes JSON of the outputs of one request; a picture that is in several of them is encoded once."""

    def __init__(self) -> None:
        self._now = datetime.now(UTC).isoformat()
        self._pictures: dict[int, bytes] = {}  # by the identity of their pixels, which the run holds
        self._bytes = 0

    def json(self, value: Any, own: bool) -> bytes:
        """Return a value as JSON; PayloadTooLarge if all of the request together are over MAX_ANSWER."""
        if isinstance(value, Mapping):
            if _are_numbers(value.values()):  # such as a point of an outline; one by one they take five times as long
                return self._counted(dump(_plain(value)))
            return join_object({str(key): self.json(each, own) for key, each in value.items()})
        if isinstance(value, list | tuple | set | frozenset):
            if _are_numbers(value):
                return self._counted(dump(_plain([*value])))
            checkpoint()
            return join_array([self.json(each, own) for each in value])
        if isinstance(value, Picture):
            return self._counted(self._picture(value))
        if isinstance(value, Detections):
            return self._counted(detections(value if own else value.in_root()))
        if type(value) not in _TEXTS and isinstance(value, Serialisable):
            return self.json(value.document(own), own)
        return self._counted(dump(_plain(value)))

    def _counted(self, made: bytes) -> bytes:
        """Count what was made; a value that stands in 10,000 crops is made as often."""
        self._bytes += len(made) + 1  # with a comma
        if self._bytes > MAX_ANSWER:
            raise PayloadTooLarge(
                f"the outputs have over {MAX_ANSWER} bytes", hint="leave pictures out of them: excluded_fields"
            )
        return made

    def _picture(self, picture: Picture) -> bytes:
        key = id(picture.pixels)
        if key not in self._pictures:
            checkpoint()
            self._pictures[key] = dump(base64.b64encode(jpeg_file(picture.pixels, JPEG_QUALITY)).decode())
        video = dump(_video(picture.frame, self._now))
        members = {"type": dump("base64"), "value": self._pictures[key], "video_metadata": video}
        return join_object(members | _origins(picture.frame, parent=True))


_NUMBERS = {int, float, bool, type(None)}
_TEXTS = {str, *_NUMBERS}


def _are_numbers(values: Collection[Any]) -> bool:
    return all(type(value) in _NUMBERS for value in values)


def detections(found: Detections) -> bytes:
    """Return detections as JSON: boxes by their centre, outlines or run lengths, keypoints; empty masks left out."""
    height, width = found.frame.size
    image = dump({"width": width, "height": height})
    return join_object({"image": image, "predictions": join_array(_entries(found))})


def _entries(found: Detections) -> list[bytes]:
    instances = found.instances
    left, top, right, bottom = instances.boxes.T
    centred = np.stack([right - left, bottom - top, (left + right) / 2, (top + bottom) / 2], axis=1)
    scores, entries = numbers(instances.scores), []
    origins = _origins(found.frame, parent=False)
    for i, (width, height, x, y) in enumerate(numbers(centred)):
        checkpoint()
        members = {"width": dump(width), "height": dump(height), "x": dump(x), "y": dump(y)}
        members |= {"confidence": dump(scores[i]), "class_id": dump(int(instances.classes[i]))}
        if instances.masks is not None:
            outline = instances.masks.outline(i)
            if not len(outline):
                continue
            if found.rle:
                members["rle_mask"] = dump(instances.masks.rle(i))
            else:
                members["points"] = points(outline)
        members |= {"class": dump(instances.labels[i]), "detection_id": dump(found.ids[i])}
        members |= {name: dump(_plain(values[i])) for name, values in found.data.items()}
        members["parent_id"] = dump(found.frame.id)
        if instances.keypoints is not None:
            members["keypoints"] = dump(_keypoints(instances, i))
        entries.append(join_object(members | origins))
    return entries


def _keypoints(instances: Instances, i: int) -> list[dict[str, Any]]:
    assert instances.keypoints is not None
    points = instances.keypoints[i]
    names = keypoint_names(len(points))
    return [
        {"class_id": k, "class": names[k], "confidence": score, "x": x, "y": y}
        for k, (x, y, score) in enumerate(numbers(points))
        if np.isfinite((x, y, score)).all()  # those under the least confidence are NaN
    ]


def _origins(frame: Frame, parent: bool) -> dict[str, bytes]:
    """Return where a crop lies; nothing for a picture of the request."""
    if frame.parent is None or frame.root is None:
        return {}
    return {
        **({"parent_id": dump(frame.id)} if parent else {}),
        "parent_origin": _origin(frame.parent),
        "root_parent_id": dump(frame.root.id),
        "root_parent_origin": _origin(frame.root),
    }


def _origin(place: Place) -> bytes:
    height, width = place.size
    return dump({"offset_x": place.x, "offset_y": place.y, "width": width, "height": height})


def _video(frame: Frame, now: str) -> dict[str, Any]:
    """Return what a single picture has for a video's metadata."""
    return {
        "video_identifier": frame.whole().id,
        "frame_number": 0,
        "frame_timestamp": now,
        "fps": 30,
        "measured_fps": None,
        "comes_from_video_file": None,
    }


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; what is no number is null, and anything else a text."""
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, bool | int | str | None):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return str(value)
