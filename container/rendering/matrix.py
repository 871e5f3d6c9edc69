"""A confusion matrix as a picture: how often what was there was taken for what."""

from collections.abc import Sequence

import numpy as np

from container.rendering.palette import BLACK, Color
from container.rendering.sheet import GREY, TEXT, TITLE, Sheet, fitted

SHOWN = 24  # rows and columns by name; the others are added up
OTHERS = "(others)"
_BLUE: Color = (8, 81, 156)
_NAMES, _TOP, _MARGIN, _WIDEST, _LEAST = 190, 90, 30, 84, 36


def confusion_matrix(title: str, subtitle: str, names: Sequence[str], counts: np.ndarray) -> np.ndarray:
    """Return the picture, uint8 H×W×3 RGB; a cell is the darker, the greater its share of its row is.

    Args:
        names: of rows and columns alike, those first that matter most; the last one is for what has no partner.
        counts: int64 N×N, rows for truth, columns for what was found.
    """
    names, counts = _shortened(names, counts)
    cell = max(_LEAST, min(_WIDEST, 800 // len(names)))
    side = cell * len(names)
    wide = max(chip.width for name in names if (chip := fitted(name, TEXT, _NAMES)))
    left, top = _MARGIN + 30 + wide, _TOP + 30 + wide
    sheet = Sheet(top + side + _MARGIN, max(left + side + _MARGIN, 640))
    sheet.text(_MARGIN - 8, 28, title, size=TITLE, room=sheet.pixels.shape[1] - 2 * _MARGIN)
    sheet.text(_MARGIN - 6, 58, subtitle, room=sheet.pixels.shape[1] - 2 * _MARGIN)
    sheet.upright_text(_MARGIN, top + side / 2 + 20, "truth")
    sheet.text(left + side / 2, _TOP + 8, "found", align="center")
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    for i, name in enumerate(names):
        middle = (i + 0.5) * cell
        sheet.text(left - 6, top + middle, name, align="right", room=_NAMES)
        sheet.upright_text(left + middle, top - 6, name, room=_NAMES)
        for j, (count, share) in enumerate(zip(counts[i].tolist(), shares[i].tolist(), strict=True)):
            x, y = left + j * cell, top + i * cell
            color = _shade(share)
            sheet.fill(x + 1, y + 1, x + cell, y + cell, color)
            if count:
                _count(sheet, x + cell / 2, y + cell / 2, count, color, cell)
    for i in range(len(names) + 1):
        at = i * cell
        sheet.fill(left, top + at, left + side + 1, top + at + 1, GREY)
        sheet.fill(left + at, top, left + at + 1, top + side + 1, GREY)
    _diagonal(sheet, left, top, cell, len(names) - 1)
    return sheet.pixels


def _shortened(names: Sequence[str], counts: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Return at most SHOWN names, with the others added up into one beside the last."""
    if len(names) <= SHOWN + 1:
        return list(names), counts
    groups = np.concatenate((np.arange(SHOWN), np.full(len(names) - SHOWN - 1, SHOWN), [SHOWN + 1]))
    added = np.zeros((SHOWN + 2, SHOWN + 2), np.int64)
    np.add.at(added, (groups[:, None], groups[None, :]), counts)
    return [*names[:SHOWN], OTHERS, names[-1]], added


def _count(sheet: Sheet, x: float, y: float, count: int, color: Color, cell: int) -> None:
    texts = f"{count:,}", f"{count / 1e3:.1f}k", f"{count / 1e3:.0f}k", f"{count / 1e6:.1f}M", f"{count / 1e6:.0f}M"
    # Whatever fits in letters that can be read: cut, 2,345 would be 2,3…
    whole = (text for text in texts if (chip := fitted(text, TEXT, cell - 2)) and chip.text == text)
    sheet.text(x, y, next(whole, texts[-1]), align="center", room=cell - 2, background=color)


def _shade(share: float) -> Color:
    """Return white for 0, blue for 1; small shares are told from none."""
    strength = share**0.6
    red, green, blue = (round(255 + (part - 255) * strength) for part in _BLUE)
    return red, green, blue


def _diagonal(sheet: Sheet, left: int, top: int, cell: int, count: int) -> None:
    """Frame what was taken for what it is."""
    for i in range(count):
        x, y = left + i * cell, top + i * cell
        corners = np.array([[x, y], [x + cell, y], [x + cell, y + cell], [x, y + cell], [x, y]], float)
        sheet.line(corners, BLACK, 2)
