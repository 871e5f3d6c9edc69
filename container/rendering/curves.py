"""Precision over recall as a picture: a curve for each class, their mean in black, and what lies below each."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from container.rendering.palette import BLACK, Color
from container.rendering.sheet import GREY, PALE, TITLE, Sheet

NAMED = 16  # classes with a colour and a line in the legend; what is beyond is grey
# Okabe and Ito's colours but yellow, which is not seen on white; the second eight are dashed.
_COLORS: tuple[Color, ...] = (
    (0, 114, 178),
    (213, 94, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (230, 159, 0),
    (117, 76, 36),
    (120, 90, 255),
)
_SIDE, _LEFT, _TOP, _BOTTOM, _LEGEND, _ROW = 720, 80, 90, 70, 420, 34


class Curve(NamedTuple):
    """A curve of one class."""

    name: str
    objects: int
    precision: np.ndarray  # float 101, at recall 0, 0.01, … 1


def precision_recall(title: str, subtitle: str, curves: Sequence[Curve], figure: str) -> np.ndarray:
    """Return the picture, uint8 H×W×3 RGB.

    Args:
        curves: at least one, those first that are to be named.
        figure: what the mean of a curve is called, such as AP50.
    """
    sheet = Sheet(_TOP + _SIDE + _BOTTOM, _LEFT + _SIDE + _LEGEND)
    sheet.text(_LEFT - 8, 28, title, size=TITLE, room=_SIDE + _LEGEND - 20)
    sheet.text(_LEFT - 6, 58, subtitle, room=_SIDE + _LEGEND - 20)
    _axes(sheet)
    for i, curve in reversed([*enumerate(curves)]):
        if i < NAMED:
            sheet.line(_places(curve.precision), _COLORS[i % len(_COLORS)], 2, dashed=i >= len(_COLORS))
        else:
            sheet.line(_places(curve.precision), GREY, 1)
    mean = np.mean([curve.precision for curve in curves], axis=0)
    sheet.line(_places(mean), BLACK, 4)
    _legend(sheet, curves, mean, figure)
    return sheet.pixels


def _axes(sheet: Sheet) -> None:
    right, bottom = _LEFT + _SIDE, _TOP + _SIDE
    for share in np.arange(0, 11) / 10:
        x, y = _LEFT + share * _SIDE, bottom - share * _SIDE
        color = GREY if share in (0, 1) else PALE
        sheet.line(np.array([[x, _TOP], [x, bottom]]), color, 1)
        sheet.line(np.array([[_LEFT, y], [right, y]]), color, 1)
        if round(10 * share) % 2 == 0:
            sheet.text(x, bottom + 16, f"{share:.1f}", align="center")
            sheet.text(_LEFT - 6, y, f"{share:.1f}", align="right")
    sheet.text(_LEFT + _SIDE / 2, bottom + 46, "recall", align="center")
    sheet.upright_text(20, _TOP + _SIDE / 2 + 35, "precision")


def _places(precision: np.ndarray) -> np.ndarray:
    """Return the points of a curve in the sheet; behind the last recall that is reached it falls to 0."""
    end = int(np.flatnonzero(precision > 0)[-1]) + 1 if (precision > 0).any() else 1
    recall = np.append(np.arange(end), end - 1) / 100
    height = np.append(precision[:end], 0.0)
    return np.stack((_LEFT + recall * _SIDE, _TOP + (1 - height) * _SIDE), axis=1)


def _legend(sheet: Sheet, curves: Sequence[Curve], mean: np.ndarray, figure: str) -> None:
    left, right, y = _LEFT + _SIDE + 24, _LEFT + _SIDE + _LEGEND - 16, _TOP + 10.0
    sheet.text(right, y, figure, align="right")
    sheet.text(right - 62, y, "objects", align="right")
    named = [(f"mean of {len(curves)} classes" if len(curves) > 1 else "mean", "", mean, BLACK, 4, False)]
    for i, curve in enumerate(curves[:NAMED]):
        color = _COLORS[i % len(_COLORS)]
        named.append((curve.name, f"{curve.objects:,}", curve.precision, color, 3, i >= len(_COLORS)))
    for name, objects, precision, color, width, dashed in named:
        y += _ROW
        sheet.line(np.array([[left, y], [left + 36.0, y]]), color, width, dashed)
        sheet.text(right, y, f"{precision.mean():.3f}", align="right")
        sheet.text(left + 44, y, name, room=190)
        sheet.text(right - 62, y, objects, align="right", room=80)
    if len(curves) > NAMED:
        y += _ROW
        sheet.line(np.array([[left, y], [left + 36.0, y]]), GREY, 1)
        sheet.text(left + 44, y, f"{len(curves) - NAMED} more classes")
