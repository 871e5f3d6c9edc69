"""Colours by name, and palettes as Matplotlib has them."""

import numpy as np
import pytest
from matplotlib import colormaps
from PIL import Image

from container.rendering.colors import PALETTES, colors_of, palette_colors, parse_color
from container.rendering.palette import Color


@pytest.mark.parametrize(
    ("text", "color"),
    [
        ("#ff8000", (255, 128, 0)),
        ("#F80", (255, 136, 0)),
        ("rgb(1, 2, 3)", (1, 2, 3)),
        ("RGB(1,2,3)", (1, 2, 3)),
        ("bgr(1, 2, 3)", (3, 2, 1)),
        ("(1, 2, 3)", (1, 2, 3)),
        (" WHITE ", (255, 255, 255)),
        ("GREEN", (0, 255, 0)),
        ("darkgreen", (0, 100, 0)),
        ("GREY", (128, 128, 128)),
        ("Roboflow", (163, 81, 251)),
        ("rebeccapurple", (102, 51, 153)),
    ],
)
def test_a_text_names_a_color(text: str, color: Color) -> None:
    assert parse_color(text) == color


def test_colors_stay_what_they_are_where_pillow_has_read_their_names() -> None:
    Image.new("RGB", (1, 1), "salmon")  # it keeps what it has read in the map of names
    assert parse_color("salmon") == (250, 128, 114)


@pytest.mark.parametrize(
    "text", ["", "ff8000", "#ff80", "#gggggg", "rgb(256, 0, 0)", "rgb(1, 2)", "rgb(1, 2, 3", "hsl(0, 0%, 0%)", "whit"]
)
def test_other_texts_name_none(text: str) -> None:
    with pytest.raises(ValueError, match="not a colour"):
        parse_color(text)


@pytest.mark.parametrize("size", [1, 2, 3, 10, 17, 256, 1000])
@pytest.mark.parametrize("name", [name for name in PALETTES if name.startswith("Matplotlib")])
def test_palettes_are_those_of_matplotlib(name: str, size: int) -> None:
    own = name.removeprefix("Matplotlib ")
    expected = colormaps[own.lower() if own.lower() in colormaps else own].resampled(size)(np.arange(size)) * 255
    colors = np.array(palette_colors(name, size))
    smooth = own in ("Viridis", "Plasma", "Inferno", "Magma", "Cividis")
    assert colors.shape == (size, 3)
    assert np.abs(colors - np.rint(expected[:, :3])).max() <= (5 if smooth else 0)


def test_palettes_of_their_own_have_a_size_of_their_own() -> None:
    assert [len(palette_colors(name, 3)) for name in ("DEFAULT", "ROBOFLOW", "LEGACY")] == [21, 6, 17]
    assert palette_colors("DEFAULT")[:2] == ((163, 81, 251), (255, 64, 64))
    assert palette_colors("CUSTOM", 5, [(1, 2, 3)]) == [(1, 2, 3)]


def test_a_palette_begins_again_and_grey_is_unknown() -> None:
    assert colors_of([0, 1, 2, -1], [(1, 1, 1), (2, 2, 2)]) == [(1, 1, 1), (2, 2, 2), (1, 1, 1), (128, 128, 128)]
    with pytest.raises(ValueError, match="custom"):
        palette_colors("CUSTOM")
    with pytest.raises(KeyError):
        palette_colors("Matplotlib Nothing")
