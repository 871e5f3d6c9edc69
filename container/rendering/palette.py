"""One colour per class or per instance, told apart with and without colour blindness."""

import numpy as np

from container.cancellation import checkpoint
from container.structures import Colors, Instances

Color = tuple[int, int, int]  # RGB, 0–255

BLACK: Color = (0, 0, 0)
WHITE: Color = (255, 255, 255)

# The first seven are Okabe and Ito's (2008) without black; their least distance is 10.9 (CIEDE2000). The rest were
# searched among bright colours (L* over 37, chroma over 36) for the largest least distance to all others: 8.6 under
# normal sight and under full protanopia, deuteranopia and tritanopia as simulated by Machado et al. (2009).
COLORS: tuple[Color, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
    (180, 255, 195),
    (165, 30, 105),
    (180, 0, 0),
    (30, 105, 60),
    (45, 225, 240),
    (75, 30, 255),
    (150, 210, 150),
    (165, 90, 135),
    (105, 150, 75),
    (195, 30, 75),
    (255, 165, 195),
    (135, 135, 255),
    (210, 255, 150),
    (120, 90, 255),
    (135, 180, 105),
    (195, 30, 165),
    (180, 210, 105),
)

_LATEST = 1000  # earlier instances that a colour is kept away from, so that the work for each is bounded

# How far the second and the third instance of a class go towards white (+) or black (−); the fourth is as the first.
_SHADES = (0.0, 0.3, -0.25)


def color(class_id: int) -> Color:
    """The colour of a class, the same in every picture."""
    return COLORS[class_id % len(COLORS)]


def of(instances: Instances, by: Colors) -> list[Color]:
    """A colour for each of N instances, by its class or by itself."""
    return [COLORS[i] for i in apart(instances.boxes)] if by == "instance" else shades(instances.classes)


def shades(classes: np.ndarray) -> list[Color]:
    """A colour for each of N instances: that of its class, lighter or darker where the class came before."""
    seen: dict[int, int] = {}
    colors = []
    for class_id in classes.tolist():
        turn = seen.get(class_id, 0)
        seen[class_id] = turn + 1
        colors.append(_shade(color(class_id), _SHADES[turn % len(_SHADES)]))
    return colors


def apart(boxes: np.ndarray) -> list[int]:
    """The number of a colour for each of N boxes (xyxy), in order: the one whose nearest earlier owner is farthest.

    So the first 24 boxes have a colour each, and of more, neighbours differ. A box's colour depends on earlier ones
    alone, the better ones, and stays when a higher confidence leaves out the rest.
    """
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    owned = np.zeros(len(boxes), np.int64)
    for i in range(len(boxes)):
        checkpoint()
        nearest = np.full(len(COLORS), np.inf)
        earlier = slice(max(0, i - _LATEST), i)
        np.minimum.at(nearest, owned[earlier], np.hypot(*(centers[earlier] - centers[i]).T))
        owned[i] = nearest.argmax()
    return [int(i) for i in owned]


def palettes() -> dict[str, list[list[str]] | list[str]]:
    """All colours as JSON, "#rrggbb", for a page that draws as pictures are drawn here.

    "class": for each class id, modulo their number, the colours of its first, second and third instance, and so on
    again (`shades`). "instance": the colours that `apart` numbers.
    """
    return {
        "class": [[_hex(_shade(one, amount)) for amount in _SHADES] for one in COLORS],
        "instance": [_hex(one) for one in COLORS],
    }


def _shade(base: Color, amount: float) -> Color:
    goal = WHITE if amount > 0 else BLACK
    red, green, blue = (round(b + (g - b) * abs(amount)) for b, g in zip(base, goal, strict=True))
    return red, green, blue


def _hex(rgb: Color) -> str:
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def contrasting(background: Color) -> Color:
    """Black or white, whichever has the higher WCAG contrast with `background`."""
    return BLACK if luminance(background) > 0.179 else WHITE


def contrast(one: Color, other: Color) -> float:
    """The WCAG contrast of two colours, 1 (the same) to 21."""
    dark, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


def luminance(rgb: Color) -> float:
    """The relative luminance of an sRGB colour, 0–1, by WCAG 2."""
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (c / 255 for c in rgb)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
