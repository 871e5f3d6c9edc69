"""One colour per class, told apart with and without colour blindness."""

import numpy as np

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

# How far the second and the third instance of a class go towards white (+) or black (−); the fourth is as the first.
_SHADES = (0.0, 0.3, -0.25)


def color(class_id: int) -> Color:
    """The colour of a class, the same in every picture."""
    return COLORS[class_id % len(COLORS)]


def shades(classes: np.ndarray) -> list[Color]:
    """A colour for each of N instances: that of its class, lighter or darker where the class came before."""
    seen: dict[int, int] = {}
    colors = []
    for class_id in classes.tolist():
        turn = seen.get(class_id, 0)
        seen[class_id] = turn + 1
        colors.append(_shade(color(class_id), _SHADES[turn % len(_SHADES)]))
    return colors


def _shade(base: Color, amount: float) -> Color:
    goal = WHITE if amount > 0 else BLACK
    red, green, blue = (round(b + (g - b) * abs(amount)) for b, g in zip(base, goal, strict=True))
    return red, green, blue


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
