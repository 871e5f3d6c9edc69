"""A part of a picture around a point."""

from container.workflows.manifest import Step
from container.workflows.values import Picture, new_id


def crop_around(
    picture: Picture, name: str, center: tuple[float, float], size: tuple[int, int], step: Step
) -> Picture | None:
    """Return what of the part lies in the picture, with a new id that begins with `name`; None if nothing does.

    Args:
        center: x and y in pixels.
        size: width and height in pixels.
    """
    height, width = picture.frame.size
    left, top = (round(middle - side / 2) for middle, side in zip(center, size, strict=True))
    right, bottom = min(left + size[0], width), min(top + size[1], height)
    left, top = max(left, 0), max(top, 0)
    if left >= right or top >= bottom:
        return None
    step.room((right - left) * (bottom - top))
    return picture.crop(f"{name}.{new_id()}", left, top, right, bottom)
