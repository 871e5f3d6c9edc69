"""What is done to the pixels of a picture where instances are: blurred, pixelated, enlarged, or lit from behind.

All draw into uint8 H×W×3 `canvas`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np

from container.cancellation import checkpoint
from container.rendering.anchors import enlarged_corner
from container.rendering.fills import bands
from container.rendering.palette import Color
from container.rendering.regions import covered, owners, regions, visible
from container.structures import Instances
from container.structures.masks import tight_box

MANY = 8  # boxes that together cover the picture more often are not worked on one by one


def blur(canvas: np.ndarray, instances: Instances, kernel: int | None, padding: int) -> None:
    """Replace the pixels of instances, and those up to `padding` pixels around them, by means of kernel×kernel.

    Without a kernel it is for each instance a third of its shorter side; of those that cover the picture more than MANY
    times, see `blur_by_size`: 300 large ones of 12 megapixels took 21 s.
    """
    if kernel is not None:
        _blur_where(canvas, _grown(covered(instances), padding), kernel)
        return
    if _times_covered(instances) > MANY:
        blur_by_size(canvas, instances, padding)
        return
    height, width = instances.image_size
    for region in regions(instances):
        where = _grown(np.pad(region.crop, padding), padding)
        top, left = max(0, padding - region.y), max(0, padding - region.x)
        y, x = max(0, region.y - padding), max(0, region.x - padding)
        where = where[top : top + height - y, left : left + width - x]
        part = canvas[y : y + where.shape[0], x : x + where.shape[1]]
        _blur_where(part, where, max(1, min(region.crop.shape) // 3))


def blur_by_size(canvas: np.ndarray, instances: Instances, padding: int = 0) -> None:
    """Blur the pixels of instances, and those up to `padding` around them, so that none of them is recognised.

    The kernel is the power of two that is at least a third of the shorter side, the largest where some overlap. There
    is a pass for each kernel, 12 for a picture of 12 megapixels at the most.
    """
    for kernel, where in _by_size(instances, 3):
        _blur_where(canvas, _grown(where, padding), kernel)


def _by_size(instances: Instances, parts: int) -> Iterator[tuple[int, np.ndarray]]:
    """Yield powers of two, the largest first, and uint8 H×W, 1 where an instance's shorter side has `parts` of them.

    The side is rounded up. Where instances overlap, the largest power has the pixel.
    """
    powers = _exponents(instances, parts)
    for exponent in reversed(range(int(powers.max(initial=0)))):
        checkpoint()
        yield 1 << exponent, (powers == exponent + 1).view(np.uint8)


def _exponents(instances: Instances, parts: int) -> np.ndarray:
    """uint8 H×W: the exponent of the power of `_by_size`, and 1; 0 where no instance is."""
    powers = np.zeros(instances.image_size, np.uint8)
    if instances.masks is None:
        boxes = [visible(box, instances.image_size) for box in instances.boxes]
        for left, top, right, bottom in sorted(boxes, key=lambda box: min(box[2] - box[0], box[3] - box[1])):
            checkpoint()
            powers[top:bottom, left:right] = _exponent(min(right - left, bottom - top), parts) + 1
        return powers
    for region in regions(instances):
        place = powers[region.place]
        np.maximum(place, region.crop * np.uint8(_exponent(min(region.crop.shape), parts) + 1), out=place)
    return powers


def _exponent(side: int, parts: int) -> int:
    """The exponent of the least power of two that is not under side / parts."""
    return max(-(-side // parts) - 1, 0).bit_length()


def _times_covered(instances: Instances) -> float:
    """How often the boxes together would cover the picture."""
    height, width = instances.image_size
    inside = np.clip(instances.boxes, 0, [width, height, width, height])
    return float((inside[:, 2:] - inside[:, :2]).clip(0).prod(axis=1).sum()) / max(height * width, 1)


def _grown(where: np.ndarray, padding: int) -> np.ndarray:
    if not padding or not where.any():
        return where
    return np.asarray((cv2.distanceTransform(1 - where, cv2.DIST_L2, cv2.DIST_MASK_5) <= padding).view(np.uint8))


def _blur_where(canvas: np.ndarray, where: np.ndarray, kernel: int) -> None:
    left, top, right, bottom = tight_box(where.view(bool))
    if right > left:
        part = canvas[top:bottom, left:right]
        cv2.copyTo(cv2.blur(part, (kernel, kernel)), where[top:bottom, left:right], part)


def pixelate(canvas: np.ndarray, instances: Instances, size: int) -> None:
    """Replace boxes by squares of about size×size pixels, each the mean of what was there.

    Each box has squares of its own. Those that cover the picture more than MANY times share one grid of them: 300 large
    ones of 12 megapixels took 12 s one by one.
    """
    if _times_covered(instances) > MANY:
        _pixelate_where(canvas, covered(replace(instances, masks=None)), size)
        return
    for box in instances.boxes:
        checkpoint()
        left, top, right, bottom = visible(box, instances.image_size)
        if right > left and bottom > top:
            _pixelate(canvas[top:bottom, left:right], size)


def _pixelate(part: np.ndarray, size: int) -> None:
    height, width = part.shape[:2]
    squares = max(1, round(width / size)), max(1, round(height / size))
    small = cv2.resize(part, squares, interpolation=cv2.INTER_AREA)
    part[:] = cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST)


def pixelate_by_size(canvas: np.ndarray, instances: Instances) -> None:
    """Replace instances by squares so large that none of them is recognised; pixels beside them stay.

    A square is the power of two that is at least an eighth of the shorter side, and at least 4 pixels, the largest
    where some overlap. There is a pass for each size, as in `blur_by_size`.
    """
    for size, where in _by_size(instances, 8):
        _pixelate_where(canvas, where, max(size, 4))


def _pixelate_where(canvas: np.ndarray, where: np.ndarray, size: int) -> None:
    left, top, right, bottom = tight_box(where.view(bool))
    if right > left:
        part = canvas[top:bottom, left:right]
        squares = part.copy()
        _pixelate(squares, size)
        cv2.copyTo(squares, where[top:bottom, left:right], part)


def draw_halos(canvas: np.ndarray, instances: Instances, colors: Sequence[Color], opacity: float, kernel: int) -> None:
    """Draw light of N colours around instances, which fades over kernel / 2 pixels; they themselves stay untouched.

    Without masks an instance is its box.
    """
    numbers = owners(instances)
    light = np.array([(0, 0, 0, 0), *((*color, 255) for color in colors)], np.float32)
    # Two means of half the size fade smoothly and reach as far as one of the whole.
    size, reach = kernel // 2 + 1, kernel // 2 + 1
    for rows in bands(len(canvas)):
        top = max(0, rows.start - reach)
        near = numbers[top : rows.stop + reach]
        left, _, right, bottom = tight_box(near > 0)
        if not bottom:
            continue
        columns = slice(max(0, left - reach), right + reach)
        lit = np.take(light, near[:, columns], axis=0)
        faded = cv2.blur(cv2.blur(lit, (size, size)), (size, size))[rows.start - top :][: rows.stop - rows.start]
        _blend_light(canvas[rows, columns], faded, numbers[rows, columns] == 0, opacity)


def _blend_light(part: np.ndarray, lit: np.ndarray, outside: np.ndarray, opacity: float) -> None:
    """Blend float32 h×w×4 light (its last channel says how much there is) into `part`, fully at a straight border."""
    amount = lit[..., 3:]
    strength = np.minimum(amount * (2 / 255), 1) * opacity
    color = lit[..., :3] / np.maximum(amount, 1e-3) * 255
    blended = np.rint(part + (color - part) * strength).clip(0, 255).astype(np.uint8)
    cv2.copyTo(blended, (outside & (amount[..., 0] > 0.5)).view(np.uint8), part)


def enlarge(
    canvas: np.ndarray, source: np.ndarray, box: np.ndarray, point: np.ndarray, position: str, factor: float
) -> np.ndarray | None:
    """Draw a box of `source` again, `factor` times as large, from `point` outwards.

    Args:
        source: uint8 H×W×3, the picture as it was.
        box: float xyxy.
        point: float (x, y) of the box, which is its `position`, one of anchors.POSITIONS.

    Returns:
        Where it is drawn, int xyxy, which may lie outside of the canvas in part; None if the box is outside.
    """
    left, top, right, bottom = visible(box, canvas.shape[:2])
    if right == left or bottom == top:
        return None
    size = max(1, round((bottom - top) * factor)), max(1, round((right - left) * factor))
    x, y = enlarged_corner(point, size, position)
    _put_enlarged(canvas, source[top:bottom, left:right], x, y, size)
    return np.array([x, y, x + size[1], y + size[0]])


def _put_enlarged(canvas: np.ndarray, part: np.ndarray, x: int, y: int, size: tuple[int, int]) -> None:
    """Draw a part at another size; of an enlarged one only what lies in the picture is computed."""
    left, top, right, bottom = visible(np.array([x, y, x + size[1], y + size[0]]), canvas.shape[:2])
    if right <= left or bottom <= top:
        return
    place = canvas[top:bottom, left:right]
    scale_x, scale_y = part.shape[1] / size[1], part.shape[0] / size[0]
    if scale_x >= 1:
        small = cv2.resize(part, size[::-1], interpolation=cv2.INTER_AREA)
        place[:] = small[top - y : bottom - y, left - x : right - x]
        return
    to_part = np.array([[scale_x, 0, (left - x + 0.5) * scale_x - 0.5], [0, scale_y, (top - y + 0.5) * scale_y - 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    place[:] = cv2.warpAffine(part, to_part, (right - left, bottom - top), flags=flags, borderMode=cv2.BORDER_REPLICATE)
