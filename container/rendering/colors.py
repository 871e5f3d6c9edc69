"""Colours by name, and the palettes that workflows know."""

import re
from collections.abc import Sequence

import numpy as np
from PIL import ImageColor

from container.rendering.palette import Color

WORDS = 'a colour, such as "#ff8800", "rgb(255, 136, 0)" or "orange"'
UNKNOWN: Color = (128, 128, 128)  # of what has a negative class or tracker id
MAX_COLORS = 1000

# These few go before CSS, whose green is a dark one.
_NAMES: dict[str, Color] = {"green": (0, 255, 0), "roboflow": (163, 81, 251)}
_TRIPLE = re.compile(r"(rgb|bgr)?\(\s*([0-9]{1,3})\s*,\s*([0-9]{1,3})\s*,\s*([0-9]{1,3})\s*\)", re.IGNORECASE)
_HEX = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE)


def parse_color(text: str) -> Color:
    """Return the colour that a text names: #rgb, #rrggbb, rgb(r, g, b), bgr(b, g, r), (r, g, b) or a name of CSS.

    >>> parse_color("bgr(0, 136, 255)")
    (255, 136, 0)

    Raises ValueError if it names none.
    """
    text = text.strip()
    if triple := _TRIPLE.fullmatch(text):
        order, *parts = triple.groups()
        first, green, third = (int(part) for part in parts)
        if max(first, green, third) <= 255:
            return (third, green, first) if (order or "").lower() == "bgr" else (first, green, third)
    elif _HEX.fullmatch(text):
        return _from_hex(text)
    elif text.lower() in _NAMES:
        return _NAMES[text.lower()]
    elif text.lower() in ImageColor.colormap:
        red, green, blue = ImageColor.getrgb(text.lower())[:3]  # which keeps numbers in the map in place of the text
        return red, green, blue
    raise ValueError(f"it is not {WORDS}")


def _from_hex(text: str) -> Color:
    digits = text.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    red, green, blue = bytes.fromhex(digits)
    return red, green, blue


def _table(text: str) -> tuple[Color, ...]:
    return tuple(_from_hex(word) for word in text.split())


_FIXED = {
    "DEFAULT": _table(
        "A351FB FF4040 FFA1A0 FF7633 FFB633 D1D435 4CFB12 94CF1A 40DE8A 1B9640 00D6C1 2E9CAA 00C4FF 364797 6675FF "
        "0019EF 863AFF 530087 CD3AFF FF97CA FF39C9"
    ),
    "ROBOFLOW": _table("C28DFC A351FB 8315F9 6706CE 5905B3 4D049A"),
    "LEGACY": _table(
        "A351FB E6194B 3CB44B FFE119 0082C8 F58231 911EB4 46F0F0 F032E6 D2F53C FABEBE 008080 E6BEFF AA6E28 FFFAC8 "
        "800000 AAFFC3"
    ),
}
# Matplotlib's lists, from which `size` colours are taken at equal steps.
_LISTED = {
    "Pastel1": _table("FBB4AE B3CDE3 CCEBC5 DECBE4 FED9A6 FFFFCC E5D8BD FDDAEC F2F2F2"),
    "Pastel2": _table("B3E2CD FDCDAC CBD5E8 F4CAE4 E6F5C9 FFF2AE F1E2CC CCCCCC"),
    "Paired": _table("A6CEE3 1F78B4 B2DF8A 33A02C FB9A99 E31A1C FDBF6F FF7F00 CAB2D6 6A3D9A FFFF99 B15928"),
    "Accent": _table("7FC97F BEAED4 FDC086 FFFF99 386CB0 F0027F BF5B17 666666"),
    "Dark2": _table("1B9E77 D95F02 7570B3 E7298A 66A61E E6AB02 A6761D 666666"),
    "Set1": _table("E41A1C 377EB8 4DAF4A 984EA3 FF7F00 FFFF33 A65628 F781BF 999999"),
    "Set2": _table("66C2A5 FC8D62 8DA0CB E78AC3 A6D854 FFD92F E5C494 B3B3B3"),
    "Set3": _table("8DD3C7 FFFFB3 BEBADA FB8072 80B1D3 FDB462 B3DE69 FCCDE5 D9D9D9 BC80BD CCEBC5 FFED6F"),
    "Tab10": _table("1F77B4 FF7F0E 2CA02C D62728 9467BD 8C564B E377C2 7F7F7F BCBD22 17BECF"),
    "Tab20": _table(
        "1F77B4 AEC7E8 FF7F0E FFBB78 2CA02C 98DF8A D62728 FF9896 9467BD C5B0D5 8C564B C49C94 E377C2 F7B6D2 7F7F7F "
        "C7C7C7 BCBD22 DBDB8D 17BECF 9EDAE5"
    ),
    "Tab20b": _table(
        "393B79 5254A3 6B6ECF 9C9EDE 637939 8CA252 B5CF6B CEDB9C 8C6D31 BD9E39 E7BA52 E7CB94 843C39 AD494A D6616B "
        "E7969C 7B4173 A55194 CE6DBD DE9ED6"
    ),
    "Tab20c": _table(
        "3182BD 6BAED6 9ECAE1 C6DBEF E6550D FD8D3C FDAE6B FDD0A2 31A354 74C476 A1D99B C7E9C0 756BB1 9E9AC8 BCBDDC "
        "DADAEB 636363 969696 BDBDBD D9D9D9"
    ),
}
# Every 15th of Matplotlib's 256 colours; those between are interpolated, off by at most 5 of 255. Cividis has a bend at
# its beginning, so every 5th.
_SMOOTH = {
    "Viridis": _table(
        "440154 481769 472A7A 433D84 3D4E8A 355E8D 2E6D8E 297B8E 23898E 1F978B 21A585 2EB37C 46C06F 65CB5E 89D548 "
        "B0DD2F D8E219 FDE725"
    ),
    "Plasma": _table(
        "0D0887 2F0596 4903A0 6100A7 7801A8 8E0CA4 A21D9A B42E8D C43E7F D24F71 DE6164 E97257 F3854B F99A3E FDAF31 "
        "FDC627 F8DF25 F0F921"
    ),
    "Inferno": _table(
        "000004 0A0722 1E0C45 380962 510E6C 69166E 801F6C 982766 B0315B C63D4D D94D3D E9612B F47918 FA9407 FCB014 "
        "F8CD37 F2EA69 FCFFA4"
    ),
    "Magma": _table(
        "000004 090720 1A1042 311165 4A1079 621980 792282 912B81 AA337D C23B75 D9466B EC5860 F7725C FC8E64 FEAA74 "
        "FEC68A FDE2A3 FCFDBF"
    ),
    "Cividis": _table(
        "00224E 002656 002A5F 002D68 003070 083370 163770 203A6F 273E6E 2E416D 34456C 3A486C 3F4C6C 444F6C 49536C "
        "4E566C 535A6D 575D6D 5C616E 60646F 656870 696B71 6D6F72 727274 767676 7A7A78 7E7D78 838179 888578 8D8878 "
        "928C78 969077 9B9476 A09875 A59C74 AAA073 AFA471 B5A86F BAAC6D BFB06B C4B468 C9B965 CFBD62 D4C15F DAC65B "
        "DFCA57 E5CF52 EAD34C F0D846 F6DD3F FCE236 FEE838"
    ),
}
_MATPLOTLIB = "Matplotlib "
CUSTOM = "CUSTOM"
PALETTES = (*_FIXED, CUSTOM, *(_MATPLOTLIB + name for name in (*_SMOOTH, *_LISTED)))


def palette_colors(name: str, size: int = 10, custom: Sequence[Color] = ()) -> Sequence[Color]:
    """Return the colours of one of PALETTES, at least one.

    Args:
        name: of the palette; KeyError if it is none.
        size: how many colours are taken from one of Matplotlib's, 1 to MAX_COLORS.
        custom: the palette CUSTOM; ValueError if that is asked for and this is empty.
    """
    if name == CUSTOM:
        if not custom:
            raise ValueError("there are no custom colours")
        return custom
    if name in _FIXED:
        return _FIXED[name]
    shares = np.linspace(0, 1, size)
    listed = _LISTED.get(name.removeprefix(_MATPLOTLIB))
    if listed:
        return [listed[min(int(share * len(listed)), len(listed) - 1)] for share in shares]
    anchors = np.array(_SMOOTH[name.removeprefix(_MATPLOTLIB)])
    places = np.minimum(np.floor(shares * 256), 255) / 255 * (len(anchors) - 1)
    columns = [np.rint(np.interp(places, np.arange(len(anchors)), column)).astype(int) for column in anchors.T]
    return [(red, green, blue) for red, green, blue in np.stack(columns, axis=1).tolist()]


def colors_of(numbers: Sequence[int], colors: Sequence[Color]) -> list[Color]:
    """Return the colour of each number; the palette begins again where it ends, and negative ones are UNKNOWN."""
    return [colors[number % len(colors)] if number >= 0 else UNKNOWN for number in numbers]
